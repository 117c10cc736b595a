//! What a condition says of one row, in three-valued logic, plus `None` for "not known to us".

use std::cmp::Ordering;

use super::times::{interval, time_of, time_of_day};
use super::{Expr, functions, json};

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
    /// A day, in seconds since 1970: what is added to it are days.
    Date(f64),
    /// A length of time, or a time of day, in seconds.
    Span(f64),
    /// JSON.
    Json(serde_json::Value),
    /// An array.
    Array(Vec<Self>),
}

impl Value {
    /// What can be compared as a number.
    pub const fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) | Self::Date(number) | Self::Span(number) => Some(*number),
            _ => None,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(value) => value.to_string(),
            Self::Number(value) | Self::Date(value) | Self::Span(value) => value.to_string(),
            Self::Text(value) => value.clone(),
            Self::Json(value) => value.to_string(),
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
        Expr::Call(name, arguments) => {
            functions::call(name, &arguments.iter().map(go).collect::<Option<Vec<_>>>()?, now)
        }
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
        "^@" => Some(Value::Bool(left.text().starts_with(&right.text()))),
        _ if matches!(left, Value::Json(_)) || matches!(right, Value::Json(_)) => json::binary(operator, &left, &right),
        "<@" => contains(&right, &left),
        "@>" => contains(&left, &right),
        _ => arithmetic(operator, left, right),
    }
}

fn arithmetic(operator: &str, left: Value, right: Value) -> Option<Value> {
    use Value::{Date, Number, Span};
    /// No number of days is as great; a moment is.
    const MOMENT: f64 = 1e6;
    const DAY: f64 = 86400.0;
    Some(match (operator, left, right) {
        ("-", Date(a), Date(b)) => Number((a - b) / DAY),
        ("+", Date(day), Number(days)) | ("+", Number(days), Date(day)) if days.abs() < MOMENT => {
            Date(day + days * DAY)
        }
        ("-", Date(day), Number(days)) if days.abs() < MOMENT => Date(day - days * DAY),
        ("-", Date(a) | Number(a), Date(b) | Number(b)) => Number(a - b),
        ("+", Span(a), Span(b)) => Span(a + b),
        ("-", Span(a), Span(b)) => Span(a - b),
        ("+", Date(a) | Number(a), Span(b)) | ("+", Span(b), Date(a) | Number(a)) => Number(a + b),
        ("-", Date(a) | Number(a), Span(b)) => Number(a - b),
        ("*", Span(a), Number(b)) | ("*", Number(b), Span(a)) => Span(a * b),
        ("/", Span(a), Number(b)) if b != 0.0 => Span(a / b),
        ("+", Number(a), Number(b)) => Number(a + b),
        ("*", Number(a), Number(b)) => Number(a * b),
        ("/", Number(a), Number(b)) if b != 0.0 => Number(a / b),
        ("%", Number(a), Number(b)) if b != 0.0 => Number(a % b),
        ("&", Number(a), Number(b)) => Number((a as i64 & b as i64) as f64),
        _ => return None,
    })
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

/// Their order; `None` where they cannot be compared.
pub fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Json(a), Value::Json(b)) => (a == b).then_some(Ordering::Equal).or(Some(Ordering::Less)),
        (left, right) if left.number().is_some() && right.number().is_some() => {
            left.number()?.partial_cmp(&right.number()?)
        }
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Text(text), Value::Number(b) | Value::Date(b)) => number(text)?.partial_cmp(b),
        (Value::Number(a) | Value::Date(a), Value::Text(text)) => a.partial_cmp(&number(text)?),
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
            "date" => Value::Date((time_of(&text)? as f64 / 86400.0).floor() * 86400.0),
            "json" | "jsonb" => Value::Json(serde_json::from_str(&text).ok()?),
            _ if word.starts_with("timestamp") => Value::Number(time_of(&text)? as f64),
            _ if word.starts_with("time") => Value::Span(time_of_day(&text)?),
            "interval" => Value::Span(interval(&text)?),
            _ => Value::Text(text),
        },
        Value::Bool(value) if word == "integer" => Value::Number(f64::from(u8::from(value))),
        Value::Number(seconds) | Value::Date(seconds) if word == "date" => {
            Value::Date((seconds / 86400.0).floor() * 86400.0)
        }
        Value::Number(seconds) | Value::Date(seconds) if word.starts_with("timestamp") => Value::Number(seconds),
        Value::Number(number) if matches!(word, "text" | "character varying") => Value::Text(number.to_string()),
        Value::Number(number) if matches!(word, "smallint" | "integer" | "bigint") => Value::Number(number.round()),
        // Their text is written in another way than ours.
        Value::Date(_) | Value::Span(_) | Value::Json(_) if matches!(word, "text" | "character varying") => {
            return None;
        }
        other => other,
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
