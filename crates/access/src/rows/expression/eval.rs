//! What a condition says of one row, in three-valued logic, plus `None` for "not known to us".

use std::cmp::Ordering;

use super::Expr;

/// A value of SQL, in the few kinds that conditions compare. Times are seconds since 1970 as a number.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number, or a time.
    Number(f64),
    /// Text, and all else.
    Text(String),
    /// An array.
    Array(Vec<Self>),
}

impl Value {
    fn text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(value) => value.to_string(),
            Self::Number(value) => value.to_string(),
            Self::Text(value) => value.clone(),
            Self::Array(items) => format!("{{{}}}", items.iter().map(Self::text).collect::<Vec<_>>().join(",")),
        }
    }
}

/// The value of `expr`, where `scope` knows columns and `now` is the day in seconds.
pub fn eval(expr: &Expr, now: i64, scope: &dyn Fn(&str) -> Option<Value>) -> Option<Value> {
    let go = |expr: &Expr| eval(expr, now, scope);
    match expr {
        Expr::Constant(value) => Some(value.clone()),
        Expr::Column(name) => scope(name),
        Expr::Cast(inner, to) => cast(go(inner)?, to),
        Expr::Not(inner) => Some(match go(inner)? {
            Value::Bool(value) => Value::Bool(!value),
            Value::Null => Value::Null,
            _ => return None,
        }),
        Expr::And(parts) => logic(parts.iter().map(go), false),
        Expr::Or(parts) => logic(parts.iter().map(go), true),
        Expr::IsNull(inner) => Some(Value::Bool(go(inner)? == Value::Null)),
        Expr::Is(inner, wanted) => Some(Value::Bool(go(inner)? == Value::Bool(*wanted))),
        Expr::Distinct(left, right) => {
            let (left, right) = (go(left)?, go(right)?);
            match (&left, &right) {
                (Value::Null, other) | (other, Value::Null) => Some(Value::Bool(*other != Value::Null)),
                _ => Some(Value::Bool(compare(&left, &right)? != Ordering::Equal)),
            }
        }
        Expr::Binary(operator, left, right) => binary(operator, go(left)?, go(right)?),
        Expr::Any(operator, left, right) => quantified(operator, &go(left)?, go(right)?, true),
        Expr::All(operator, left, right) => quantified(operator, &go(left)?, go(right)?, false),
        Expr::Array(items) => items.iter().map(go).collect::<Option<Vec<_>>>().map(Value::Array),
        Expr::Matches(inner, pattern) => Some(match go(inner)? {
            Value::Null => Value::Null,
            value => Value::Bool(pattern.regex.as_ref()?.is_match(&value.text())),
        }),
        Expr::Call(name, arguments) => call(name, &arguments.iter().map(go).collect::<Option<Vec<_>>>()?, now),
        Expr::Case(arms, otherwise) => {
            for (condition, value) in arms {
                if go(condition)? == Value::Bool(true) {
                    return go(value);
                }
            }
            go(otherwise)
        }
    }
}

/// Are they equal, as far as is known?
pub fn same(left: &Value, right: &Value) -> bool {
    compare(left, right) == Some(Ordering::Equal)
}

/// `deciding`: true for OR, false for AND. An unknown part matters only where no other decides.
fn logic(parts: impl Iterator<Item = Option<Value>>, deciding: bool) -> Option<Value> {
    let (mut null, mut unknown) = (false, false);
    for part in parts {
        match part {
            Some(Value::Bool(value)) if value == deciding => return Some(Value::Bool(deciding)),
            Some(Value::Bool(_)) => {}
            Some(Value::Null) => null = true,
            _ => unknown = true,
        }
    }
    if unknown {
        return None;
    }
    Some(if null { Value::Null } else { Value::Bool(!deciding) })
}

fn quantified(operator: &str, left: &Value, right: Value, any: bool) -> Option<Value> {
    let items = match right {
        Value::Null => return Some(Value::Null),
        Value::Array(items) => items,
        Value::Text(text) => array_items(&text)?.into_iter().map(Value::Text).collect(),
        _ => return None,
    };
    logic(items.into_iter().map(|item| binary(operator, left.clone(), item)), any)
}

fn binary(operator: &str, left: Value, right: Value) -> Option<Value> {
    if left == Value::Null || right == Value::Null {
        return Some(Value::Null);
    }
    let ordered = |test: fn(Ordering) -> bool| compare(&left, &right).map(|order| Value::Bool(test(order)));
    match operator {
        "=" => ordered(Ordering::is_eq),
        "<>" => ordered(Ordering::is_ne),
        "<" => ordered(Ordering::is_lt),
        "<=" => ordered(Ordering::is_le),
        ">" => ordered(Ordering::is_gt),
        ">=" => ordered(Ordering::is_ge),
        "||" => match (&left, &right) {
            (Value::Text(_) | Value::Number(_), Value::Text(_) | Value::Number(_)) => {
                Some(Value::Text(left.text() + &right.text()))
            }
            _ => None,
        },
        "~~" | "!~~" | "~~*" | "!~~*" => {
            let (mut text, mut pattern) = (left.text(), right.text());
            if operator.ends_with('*') {
                (text, pattern) = (text.to_lowercase(), pattern.to_lowercase());
            }
            let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
            Some(Value::Bool(like(&text, &pattern) != operator.starts_with('!')))
        }
        "<@" => contains(&right, &left),
        "@>" => contains(&left, &right),
        _ => {
            let (Value::Number(left), Value::Number(right)) = (left, right) else { return None };
            let result = match operator {
                "+" => left + right,
                "-" => left - right,
                "*" => left * right,
                "/" if right != 0.0 => left / right,
                "%" if right != 0.0 => left % right,
                _ => return None,
            };
            Some(Value::Number(result))
        }
    }
}

fn contains(whole: &Value, part: &Value) -> Option<Value> {
    let items = |value: &Value| match value {
        Value::Array(items) => Some(items.iter().map(Value::text).collect::<Vec<_>>()),
        Value::Text(text) if text.starts_with('{') => array_items(text),
        _ => None,
    };
    let (whole, part) = (items(whole)?, items(part)?);
    Some(Value::Bool(part.iter().all(|item| whole.contains(item))))
}

fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(a), Value::Number(b)) => a.partial_cmp(b),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Text(text), Value::Number(b)) => number(text)?.partial_cmp(b),
        (Value::Number(a), Value::Text(text)) => a.partial_cmp(&number(text)?),
        (Value::Bool(a), Value::Text(text)) | (Value::Text(text), Value::Bool(a)) => {
            if text == &a.to_string() {
                Some(Ordering::Equal)
            } else {
                None
            }
        }
        (Value::Array(_), _) | (_, Value::Array(_)) if left.text() == right.text() => Some(Ordering::Equal),
        _ => None,
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().or_else(|| time_of(text).map(|seconds| seconds as f64))
}

fn like(text: &[char], pattern: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('%', rest)) => (0..=text.len()).any(|skip| like(&text[skip..], rest)),
        Some(('_', rest)) => !text.is_empty() && like(&text[1..], rest),
        Some(('\\', rest)) if !rest.is_empty() => text.first() == rest.first() && like(&text[1..], &rest[1..]),
        Some((c, rest)) => text.first() == Some(c) && like(&text[1..], rest),
    }
}

fn cast(value: Value, to: &str) -> Option<Value> {
    let word = to.trim_matches('"');
    Some(match value {
        Value::Null => Value::Null,
        Value::Text(text) if to.ends_with("[]") => match array_items(&text) {
            Some(items) => Value::Array(items.into_iter().map(Value::Text).collect()),
            None => return None,
        },
        Value::Text(text) => match word {
            "smallint" | "integer" | "bigint" | "numeric" | "real" | "double precision" => {
                Value::Number(text.trim().parse().ok()?)
            }
            "boolean" => Value::Bool(matches!(text.as_str(), "t" | "true" | "on" | "yes" | "1")),
            "date" => Value::Number((time_of(&text)? as f64 / 86400.0).floor() * 86400.0),
            _ if word.starts_with("timestamp") => Value::Number(time_of(&text)? as f64),
            "interval" => Value::Number(interval(&text)?),
            _ => Value::Text(text),
        },
        Value::Number(seconds) if word == "date" => Value::Number((seconds / 86400.0).floor() * 86400.0),
        Value::Number(number) if matches!(word, "text" | "character varying") => Value::Text(number.to_string()),
        Value::Number(number) if matches!(word, "smallint" | "integer" | "bigint") => Value::Number(number.round()),
        other => other,
    })
}

fn call(name: &str, arguments: &[Value], now: i64) -> Option<Value> {
    use Value::{Array, Bool, Null, Number, Text};
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
        return Some(Null);
    }
    Some(match (name, arguments) {
        ("length" | "char_length" | "character_length", [Text(text)]) => Number(text.chars().count() as f64),
        ("octet_length", [Text(text)]) => Number(text.len() as f64),
        ("lower", [Text(text)]) if !text.starts_with(['[', '(']) => Text(text.to_lowercase()),
        ("upper", [Text(text)]) if !text.starts_with(['[', '(']) => Text(text.to_uppercase()),
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
        ("jsonb_typeof" | "json_typeof", [Text(text)]) => Text(
            match text.trim_start().as_bytes().first()? {
                b'{' => "object",
                b'[' => "array",
                b'"' => "string",
                b't' | b'f' => "boolean",
                b'n' => "null",
                _ => "number",
            }
            .to_owned(),
        ),
        _ => return None,
    })
}

/// The items of a flat array literal.
pub fn array_items(text: &str) -> Option<Vec<String>> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    if inner.is_empty() {
        return Some(Vec::new());
    }
    let (mut items, mut item, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' => item.push(chars.next()?),
            ',' if !quoted => items.push(std::mem::take(&mut item)),
            '{' if !quoted => return None,
            c => item.push(c),
        }
    }
    items.push(item);
    Some(items)
}

/// Seconds since 1970 of `2026-01-31[ 12:00:00[+00]]`; other zones and forms are not read.
pub fn time_of(text: &str) -> Option<i64> {
    let mut days = text.get(..10)?.split('-').map(str::parse::<i64>);
    let (year, month, day) = (days.next()?.ok()?, days.next()?.ok()?, days.next()?.ok()?);
    let rest = text[10..].trim_start_matches(['T', ' ']);
    let rest = rest.strip_suffix("+00").or_else(|| rest.strip_suffix('Z')).unwrap_or(rest);
    let mut seconds = 0;
    for (part, unit) in rest.split('.').next()?.split(':').filter(|part| !part.is_empty()).zip([3600, 60, 1]) {
        seconds += part.parse::<i64>().ok()? * unit;
    }
    Some(days_from_civil(year, month, day) * 86400 + seconds)
}

/// Howard Hinnant's algorithm: days since 1970-01-01 of a date in the Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn interval(text: &str) -> Option<f64> {
    let mut seconds = 0.0;
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        if word.contains(':') {
            for (part, unit) in word.split(':').zip([3600.0, 60.0, 1.0]) {
                seconds += part.parse::<f64>().ok()? * unit;
            }
            continue;
        }
        let unit = match words.next()?.trim_end_matches('s') {
            "year" => 365.25 * 86400.0,
            "mon" | "month" => 30.0 * 86400.0,
            "week" => 7.0 * 86400.0,
            "day" => 86400.0,
            "hour" => 3600.0,
            "min" | "minute" => 60.0,
            "sec" | "second" => 1.0,
            _ => return None,
        };
        seconds += word.parse::<f64>().ok()? * unit;
    }
    Some(seconds)
}
