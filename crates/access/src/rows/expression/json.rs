//! Operators of JSON.

use serde_json::Value as Json;

use super::Value;
use super::eval::array_items;

/// `left operator right`, one of which is JSON.
pub fn binary(operator: &str, left: &Value, right: &Value) -> Option<Value> {
    let Value::Json(whole) = left else {
        return match (operator, right) {
            ("<@", Value::Json(_)) => binary("@>", right, left),
            _ => None,
        };
    };
    Some(match (operator, right) {
        ("->", _) => part(whole, &[key(right)?]).map_or(Value::Null, |part| Value::Json(part.clone())),
        ("->>", _) => part(whole, &[key(right)?]).map_or(Value::Null, text),
        ("#>", _) => part(whole, &keys(right)?).map_or(Value::Null, |part| Value::Json(part.clone())),
        ("#>>", _) => part(whole, &keys(right)?).map_or(Value::Null, text),
        ("?", Value::Text(key)) => Value::Bool(has(whole, key)),
        ("?&", _) => Value::Bool(keys(right)?.iter().all(|key| has(whole, key))),
        ("?|", _) => Value::Bool(keys(right)?.iter().any(|key| has(whole, key))),
        ("@>", Value::Json(part)) => Value::Bool(contains(whole, part)),
        ("<@", Value::Json(other)) => Value::Bool(contains(other, whole)),
        _ => return None,
    })
}

/// The name of a member, or the number of an item.
pub fn key(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Those in an array of texts.
pub fn keys(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(items) => items.iter().map(key).collect(),
        Value::Text(text) => array_items(text),
        _ => None,
    }
}

fn part<'j>(whole: &'j Json, path: &[String]) -> Option<&'j Json> {
    path.iter().try_fold(whole, |at, key| match at {
        Json::Object(members) => members.get(key),
        Json::Array(items) => items.get(key.parse::<usize>().ok()?),
        _ => None,
    })
}

fn text(part: &Json) -> Value {
    match part {
        Json::Null => Value::Null,
        Json::String(text) => Value::Text(text.clone()),
        other => Value::Text(other.to_string()),
    }
}

fn has(whole: &Json, key: &str) -> bool {
    match whole {
        Json::Object(members) => members.contains_key(key),
        Json::Array(items) => items.iter().any(|item| item.as_str() == Some(key)),
        Json::String(text) => text == key,
        _ => false,
    }
}

fn contains(whole: &Json, part: &Json) -> bool {
    match (whole, part) {
        (Json::Object(whole), Json::Object(part)) => {
            part.iter().all(|(key, value)| whole.get(key).is_some_and(|of| contains(of, value)))
        }
        (Json::Array(whole), Json::Array(part)) => part.iter().all(|item| whole.iter().any(|of| contains(of, item))),
        // Of a single value an array may be the whole (jsonb containment).
        (Json::Array(whole), part) => whole.contains(part),
        _ => whole == part,
    }
}
