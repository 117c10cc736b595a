//! Functions that conditions call.

use std::cmp::Ordering;

use super::Value;
use super::eval::{array_items, compare, same};
use super::times::{day_of_week, parts_of, start_of};

/// What a function answers; `None` where it is not known.
pub fn call(name: &str, arguments: &[Value], now: i64) -> Option<Value> {
    use Value::{Array, Bool, Date, Json, Null, Number, Span, Text};
    // These see NULLs; all others answer NULL for one.
    match name {
        "coalesce" => return Some(arguments.iter().find(|value| **value != Null).cloned().unwrap_or(Null)),
        "num_nonnulls" => return Some(Number(arguments.iter().filter(|value| **value != Null).count() as f64)),
        "num_nulls" => return Some(Number(arguments.iter().filter(|value| **value == Null).count() as f64)),
        "greatest" | "least" => {
            let mut best: Option<&Value> = None;
            for value in arguments.iter().filter(|value| **value != Null) {
                let wins = match best {
                    None => true,
                    Some(best) => (compare(value, best)? == Ordering::Greater) == (name == "greatest"),
                };
                if wins {
                    best = Some(value);
                }
            }
            return Some(best.cloned().unwrap_or(Null));
        }
        "nullif" => {
            let [left, right] = arguments else { return None };
            return Some(if same(left, right) { Null } else { left.clone() });
        }
        "now" | "transaction_timestamp" | "statement_timestamp" | "clock_timestamp" => return Some(Number(now as f64)),
        "satisfies_hash_partition" => return None,
        _ => {}
    }
    if arguments.contains(&Null) {
        // A function that is not known may see NULLs too.
        return STRICT.contains(&name).then_some(Null);
    }
    Some(match (name, arguments) {
        ("length" | "char_length" | "character_length", [Text(text)]) => Number(text.chars().count() as f64),
        ("concat", texts) if texts.iter().all(|text| matches!(text, Text(_))) => Text(
            texts.iter().filter_map(|text| if let Text(text) = text { Some(text.as_str()) } else { None }).collect(),
        ),
        ("octet_length", [Text(text)]) => Number(text.len() as f64),
        ("lower", [Text(text)]) if !text.starts_with(['[', '(']) => Text(text.to_lowercase()),
        ("upper", [Text(text)]) if !text.starts_with(['[', '(']) => Text(text.to_uppercase()),
        ("initcap", [Text(text)]) => {
            let mut inside = false;
            Text(
                text.chars()
                    .flat_map(|c| {
                        let first = !std::mem::replace(&mut inside, c.is_alphanumeric());
                        if first { c.to_uppercase().collect::<Vec<_>>() } else { c.to_lowercase().collect() }
                    })
                    .collect(),
            )
        }
        ("btrim" | "trim", [Text(text)]) => Text(text.trim_matches(' ').to_owned()),
        ("ltrim", [Text(text)]) => Text(text.trim_start_matches(' ').to_owned()),
        ("rtrim", [Text(text)]) => Text(text.trim_end_matches(' ').to_owned()),
        ("abs", [Number(number)]) => Number(number.abs()),
        ("round", [Number(number)]) => Number(number.round()),
        ("floor", [Number(number)]) => Number(number.floor()),
        ("ceil" | "ceiling", [Number(number)]) => Number(number.ceil()),
        ("starts_with", [Text(text), Text(start)]) => Bool(text.starts_with(start.as_str())),
        ("strpos" | "position", [Text(text), Text(part)]) => {
            Number(text.find(part.as_str()).map_or(0.0, |at| (text[..at].chars().count() + 1) as f64))
        }
        ("left", [Text(text), Number(count)]) if *count >= 0.0 => Text(text.chars().take(*count as usize).collect()),
        ("cardinality", [Array(items)]) => Number(items.len() as f64),
        ("array_length", [Array(items), Number(_)]) => {
            if items.is_empty() {
                Null
            } else {
                Number(items.len() as f64)
            }
        }
        ("cardinality", [Text(text)]) => Number(array_items(text)?.len() as f64),
        ("array_length", [Text(text), Number(_)]) => match array_items(text)?.len() {
            0 => Null,
            items => Number(items as f64),
        },
        ("jsonb_typeof" | "json_typeof", [Json(json)]) => Text(
            match json {
                serde_json::Value::Object(_) => "object",
                serde_json::Value::Array(_) => "array",
                serde_json::Value::String(_) => "string",
                serde_json::Value::Bool(_) => "boolean",
                serde_json::Value::Null => "null",
                serde_json::Value::Number(_) => "number",
            }
            .to_owned(),
        ),
        ("jsonb_array_length" | "json_array_length", [Json(serde_json::Value::Array(items))]) => {
            Number(items.len() as f64)
        }
        ("right", [Text(text), Number(count)]) if *count >= 0.0 => {
            let skip = text.chars().count().saturating_sub(*count as usize);
            Text(text.chars().skip(skip).collect())
        }
        ("substring" | "substr", [Text(text), Number(from), rest @ ..]) if *from >= 1.0 => {
            let most = match rest {
                [] => usize::MAX,
                [Number(count)] if *count >= 0.0 => *count as usize,
                _ => return None,
            };
            Text(text.chars().skip(*from as usize - 1).take(most).collect())
        }
        ("split_part", [Text(text), Text(by), Number(n)]) if *n >= 1.0 && !by.is_empty() => {
            Text(text.split(by.as_str()).nth(*n as usize - 1).unwrap_or_default().to_owned())
        }
        ("similar_to_escape", [Text(pattern)]) => Text(similar(pattern)),
        ("mod", [Number(a), Number(b)]) if *b != 0.0 => Number(a % b),
        ("trunc", [Number(number)]) => Number(number.trunc()),
        ("round", [Number(number), Number(digits)]) => {
            let unit = 10_f64.powf(*digits);
            Number((number * unit).round() / unit)
        }
        ("isfinite", [_]) => Bool(true),
        ("date_trunc", [Text(unit), Number(seconds) | Date(seconds)]) => Number(start_of(unit, *seconds)?),
        ("extract" | "date_part", [Text(field), Number(seconds) | Date(seconds)]) => Number(field_of(field, *seconds)?),
        ("extract" | "date_part", [Text(field), Span(seconds)]) => match field.as_str() {
            "epoch" => Number(*seconds),
            "hour" if *seconds < 86400.0 => Number((seconds / 3600.0).floor()),
            "minute" => Number((seconds / 60.0).floor() % 60.0),
            _ => return None,
        },
        _ => return None,
    })
}

/// Those that answer NULL for a NULL.
const STRICT: &[&str] = &[
    "length",
    "char_length",
    "character_length",
    "octet_length",
    "lower",
    "upper",
    "initcap",
    "btrim",
    "trim",
    "ltrim",
    "rtrim",
    "abs",
    "round",
    "floor",
    "ceil",
    "ceiling",
    "trunc",
    "mod",
    "starts_with",
    "strpos",
    "position",
    "left",
    "right",
    "substring",
    "substr",
    "split_part",
    "similar_to_escape",
    "cardinality",
    "array_length",
    "jsonb_typeof",
    "json_typeof",
    "jsonb_array_length",
    "json_array_length",
    "date_trunc",
    "extract",
    "date_part",
    "isfinite",
];

fn field_of(field: &str, seconds: f64) -> Option<f64> {
    let (year, month, day) = parts_of(seconds);
    let of_day = seconds.rem_euclid(86400.0);
    Some(match field.to_ascii_lowercase().as_str() {
        "year" => year as f64,
        "month" => month as f64,
        "day" => day as f64,
        "quarter" => ((month - 1) / 3 + 1) as f64,
        "isodow" => day_of_week(seconds) as f64,
        "dow" => (day_of_week(seconds) % 7) as f64,
        "hour" => (of_day / 3600.0).floor(),
        "minute" => (of_day / 60.0).floor() % 60.0,
        "second" => of_day % 60.0,
        "epoch" => seconds,
        _ => return None,
    })
}

/// A pattern of `SIMILAR TO` as a regular expression.
fn similar(pattern: &str) -> String {
    let mut regex = String::from("^(?:");
    let mut chars = pattern.chars();
    let mut bracket = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                let next = chars.next().unwrap_or('\\');
                regex.push_str(&regex::escape(next.encode_utf8(&mut [0; 4])));
            }
            '[' | ']' => {
                bracket = c == '[';
                regex.push(c);
            }
            c if bracket => regex.push(c),
            '%' => regex.push_str(".*"),
            '_' => regex.push('.'),
            '.' | '^' | '$' => {
                regex.push('\\');
                regex.push(c);
            }
            c => regex.push(c),
        }
    }
    regex + ")$"
}
