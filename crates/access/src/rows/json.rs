//! JSON that checks allow: of a kind, with members, with parts of which something is asked.

use serde_json::{Map, Value as Json, json};

use super::expression::Value;
use super::facts::Fact;
use super::lifelike::{self, Subject};
use super::random::Random;
use super::values::{Wanted, plural};

/// A document as text.
pub fn make(wanted: &Wanted<'_>, subject: &mut Subject, random: &mut Random) -> String {
    let mut document = of_kind(wanted, subject, random);
    for fact in wanted.facts {
        shape(&mut document, fact, wanted, subject, random);
    }
    document.to_string()
}

fn of_kind(wanted: &Wanted<'_>, subject: &mut Subject, random: &mut Random) -> Json {
    let kind = wanted.facts.iter().find_map(|fact| match fact {
        Fact::Json(kind) => Some(kind.as_str()),
        Fact::MinLength(_) | Fact::MaxLength(_) | Fact::Length(_) => Some("array"),
        Fact::Part(..) | Fact::Keys(_) => Some("object"),
        _ => None,
    });
    document(kind.or_else(|| plural(wanted.column).then_some("array")).unwrap_or("object"), wanted, subject, random)
}

fn document(kind: &str, wanted: &Wanted<'_>, subject: &mut Subject, random: &mut Random) -> Json {
    let word = lifelike::text(wanted.table, "title", subject, random);
    match kind {
        "array" => json!([word, lifelike::slug(&word)]),
        "string" => json!(word),
        "number" => json!(random.between(1, 100)),
        "boolean" => json!(true),
        "null" => Json::Null,
        _ => json!({ "title": word, "count": random.between(1, 100), "active": random.percent(50) }),
    }
}

/// Makes `at` what `fact` asks.
fn shape(at: &mut Json, fact: &Fact, wanted: &Wanted<'_>, subject: &mut Subject, random: &mut Random) {
    match fact {
        Fact::Part(path, inner) => {
            let mut place = at;
            for key in path {
                place = member(place, key);
            }
            shape(place, inner, wanted, subject, random);
        }
        Fact::Keys(keys) => {
            for key in keys {
                let place = member(at, key);
                if place.is_null() {
                    *place = json!(lifelike::text(wanted.table, key, subject, random));
                }
            }
        }
        Fact::Null(null) => {
            if *null {
                *at = Json::Null;
            } else if at.is_null() {
                *at = document("string", wanted, subject, random);
            }
        }
        Fact::Json(kind) if !is(at, kind) => *at = document(kind, wanted, subject, random),
        Fact::OneOf(values) => {
            if let Some(value) = values.get(random.below(values.len())) {
                *at = json!(value);
            }
        }
        Fact::Holds(Value::Json(part)) => merge(at, part),
        Fact::Min(bound, included) => at_least(at, bound + if *included { 0.0 } else { 1.0 }),
        Fact::Max(bound, included) => {
            let most = bound - if *included { 0.0 } else { 1.0 };
            if at.as_f64().is_none_or(|number| number > most) {
                *at = number(most);
            }
        }
        Fact::MinLength(length) | Fact::Length(length) => lengthen(at, *length, wanted, subject, random),
        Fact::Matches(pattern) => {
            if let Some(text) = super::pattern::matching(&pattern.source, random) {
                *at = json!(text);
            }
        }
        _ => {}
    }
}

fn is(at: &Json, kind: &str) -> bool {
    match kind {
        "object" => at.is_object(),
        "array" => at.is_array(),
        "string" => at.is_string(),
        "number" => at.is_number(),
        "boolean" => at.is_boolean(),
        _ => at.is_null(),
    }
}

fn at_least(at: &mut Json, least: f64) {
    if at.as_f64().is_none_or(|number| number < least) {
        *at = number(least.ceil());
    }
}

/// Whole numbers without a point: `(x ->> 'age')::int` takes no other.
fn number(value: f64) -> Json {
    if value.fract() == 0.0 { json!(value as i64) } else { json!(value) }
}

fn lengthen(at: &mut Json, length: usize, wanted: &Wanted<'_>, subject: &mut Subject, random: &mut Random) {
    match at {
        Json::Array(items) => {
            items.truncate(length.max(1));
            while items.len() < length.min(1000) {
                items.push(json!(lifelike::text(wanted.table, "tag", subject, random)));
            }
        }
        Json::String(text) => {
            while text.chars().count() < length.min(10_000) {
                text.push_str(&random.hex(4));
            }
        }
        other => {
            *other = document("string", wanted, subject, random);
            if length > 0 && other.as_str().is_some_and(|text| text.chars().count() < length) {
                lengthen(other, length, wanted, subject, random);
            }
        }
    }
}

/// A member, made where there is none.
fn member<'j>(at: &'j mut Json, key: &str) -> &'j mut Json {
    let index = key.parse::<usize>().ok().filter(|index| at.is_array() && *index < 100);
    if let Some(index) = index {
        if let Json::Array(items) = at
            && items.len() <= index
        {
            items.resize(index + 1, Json::Null);
        }
        return &mut at[index];
    }
    if !at.is_object() {
        *at = Json::Object(Map::new());
    }
    &mut at[key]
}

fn merge(at: &mut Json, part: &Json) {
    match (at, part) {
        (Json::Object(at), Json::Object(part)) => {
            for (key, value) in part {
                merge(at.entry(key.clone()).or_insert(Json::Null), value);
            }
        }
        (Json::Array(at), Json::Array(part)) => at.extend(part.iter().cloned()),
        (at, part) => *at = part.clone(),
    }
}
