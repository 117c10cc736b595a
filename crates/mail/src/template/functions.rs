//! The functions that Go predefines.

use std::cmp::Ordering;

use serde_json::Value;

use super::escape;

/// A value on its way; `html`, `js` and `urlquery` mark what they made, so that it is not escaped twice.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Val {
    Json(Value),
    Html(String),
    Query(String),
}

impl Val {
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Json(Value::Null) => false,
            Self::Json(Value::Bool(b)) => *b,
            Self::Json(Value::Number(n)) => n.as_f64() != Some(0.0),
            Self::Json(Value::String(s)) | Self::Html(s) | Self::Query(s) => !s.is_empty(),
            Self::Json(Value::Array(a)) => !a.is_empty(),
            Self::Json(Value::Object(o)) => !o.is_empty(),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Json(value) => value.clone(),
            Self::Html(s) | Self::Query(s) => Value::String(s.clone()),
        }
    }

    /// As Go's `fmt` prints it; nothing for nil.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Html(s) | Self::Query(s) => s.clone(),
            Self::Json(Value::Null) => String::new(),
            Self::Json(value) => go_text(value),
        }
    }
}

fn go_text(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::String(s) => s.clone(),
        Value::Number(n) => match n.as_i64() {
            Some(whole) => whole.to_string(),
            None => n.as_f64().map_or_else(|| n.to_string(), |real| real.to_string()),
        },
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(go_text).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(members) => {
            let mut keys: Vec<&String> = members.keys().collect();
            keys.sort();
            let items: Vec<String> = keys.into_iter().map(|key| format!("{key}:{}", go_text(&members[key]))).collect();
            format!("map[{}]", items.join(" "))
        }
    }
}

/// Name, fewest and most arguments.
const FUNCTIONS: &[(&str, usize, usize)] = &[
    ("and", 1, usize::MAX),
    ("or", 1, usize::MAX),
    ("not", 1, 1),
    ("len", 1, 1),
    ("index", 1, usize::MAX),
    ("slice", 1, 3),
    ("print", 0, usize::MAX),
    ("println", 0, usize::MAX),
    ("printf", 1, usize::MAX),
    ("html", 0, usize::MAX),
    ("js", 0, usize::MAX),
    ("urlquery", 0, usize::MAX),
    ("eq", 2, usize::MAX),
    ("ne", 2, 2),
    ("lt", 2, 2),
    ("le", 2, 2),
    ("gt", 2, 2),
    ("ge", 2, 2),
];

pub(super) fn exists(name: &str) -> bool {
    FUNCTIONS.iter().any(|(known, ..)| *known == name)
}

pub(super) fn check_count(name: &str, count: usize) -> Result<(), String> {
    match FUNCTIONS.iter().find(|(known, ..)| *known == name) {
        Some((_, fewest, _)) if count < *fewest => {
            Err(format!("{name} takes at least {fewest} arguments, here it has {count}"))
        }
        Some((_, _, most)) if count > *most => {
            Err(format!("{name} takes at most {most} arguments, here it has {count}"))
        }
        Some(_) => Ok(()),
        None => Err(format!("there is no function {name:?}")),
    }
}

/// Calls any function but `and` and `or`, which do not evaluate all of their arguments.
pub(super) fn call(name: &str, arguments: &[Val]) -> Result<Val, String> {
    let joined = || print(arguments);
    let text = |s: String| Ok(Val::Json(Value::String(s)));
    let yes_no = |b: bool| Ok(Val::Json(Value::Bool(b)));
    match (name, arguments) {
        ("not", [value]) => yes_no(!value.is_true()),
        ("len", [value]) => len(value).map(|n| Val::Json(n.into())),
        ("index", [value, keys @ ..]) => index(value, keys),
        ("slice", [value, bounds @ ..]) => slice(value, bounds),
        ("print", _) => text(joined()),
        ("println", _) => {
            let words: Vec<String> = arguments.iter().map(Val::to_text).collect();
            text(words.join(" ") + "\n")
        }
        ("printf", [format, arguments @ ..]) => text(printf(&format.to_text(), arguments)),
        ("html", _) => Ok(Val::Html(escape::html(&joined()))),
        ("js", _) => text(escape::js_string(&joined())),
        ("urlquery", _) => Ok(Val::Query(escape::query(&joined()))),
        ("eq", [first, others @ ..]) => {
            for other in others {
                if equal(first, other)? {
                    return yes_no(true);
                }
            }
            yes_no(false)
        }
        ("ne", [a, b]) => yes_no(!equal(a, b)?),
        ("lt", [a, b]) => yes_no(order(a, b)? == Ordering::Less),
        ("le", [a, b]) => yes_no(order(a, b)? != Ordering::Greater),
        ("gt", [a, b]) => yes_no(order(a, b)? == Ordering::Greater),
        ("ge", [a, b]) => yes_no(order(a, b)? != Ordering::Less),
        _ => Err(format!("{name} has the wrong number of arguments")),
    }
}

/// A member of an object, or nothing.
pub(super) fn field(value: &Value, name: &str) -> Value {
    value.get(name).cloned().unwrap_or(Value::Null)
}

/// Spaces stand only between two values of which neither is a text, as in Go's `Sprint`.
fn print(arguments: &[Val]) -> String {
    let is_text = |value: &Val| !matches!(value, Val::Json(v) if !v.is_string());
    let mut out = String::new();
    for (at, value) in arguments.iter().enumerate() {
        if at > 0 && !is_text(value) && !is_text(&arguments[at - 1]) {
            out.push(' ');
        }
        out.push_str(&value.to_text());
    }
    out
}

fn len(value: &Val) -> Result<usize, String> {
    match value {
        Val::Json(Value::String(s)) | Val::Html(s) | Val::Query(s) => Ok(s.len()),
        Val::Json(Value::Array(a)) => Ok(a.len()),
        Val::Json(Value::Object(o)) => Ok(o.len()),
        Val::Json(Value::Null) => Ok(0),
        Val::Json(other) => Err(format!("{} has no length", go_text(other))),
    }
}

fn index(value: &Val, keys: &[Val]) -> Result<Val, String> {
    let mut value = value.to_json();
    for key in keys {
        value = match (&value, key.to_json()) {
            (Value::Null, _) => Value::Null,
            (Value::Object(_), Value::String(name)) => field(&value, &name),
            (Value::Array(items), Value::Number(at)) => {
                let place = at.as_f64().filter(|n| *n >= 0.0).map(|n| n as usize);
                place.and_then(|at| items.get(at)).cloned().ok_or_else(|| format!("index {at} is out of range"))?
            }
            (_, key) => return Err(format!("{} cannot be indexed by {}", go_text(&value), go_text(&key))),
        };
    }
    Ok(Val::Json(value))
}

fn slice(value: &Val, bounds: &[Val]) -> Result<Val, String> {
    let length = len(value)?;
    let bound = |at: usize, default: usize| match bounds.get(at).map(Val::to_json) {
        None => Ok(default),
        Some(Value::Number(n)) => {
            n.as_f64().filter(|n| *n >= 0.0).map(|n| n as usize).ok_or("a bound of slice is negative".to_owned())
        }
        Some(_) => Err("a bound of slice is not a number".to_owned()),
    };
    let (from, to) = (bound(0, 0)?, bound(1, length)?);
    let outside = || format!("slice {from}:{to} of {length} is out of range");
    match value.to_json() {
        Value::String(s) => s.get(from..to).map(|s| Val::Json(s.into())).ok_or_else(outside),
        Value::Array(a) => a.get(from..to).map(|a| Val::Json(a.to_vec().into())).ok_or_else(outside),
        _ => Err("only texts and lists can be sliced".into()),
    }
}

fn equal(a: &Val, b: &Val) -> Result<bool, String> {
    match (a.to_json(), b.to_json()) {
        (Value::Number(a), Value::Number(b)) => Ok(a.as_f64() == b.as_f64()),
        (Value::Array(_) | Value::Object(_), Value::Array(_) | Value::Object(_)) => {
            Err("lists and objects cannot be compared".into())
        }
        (a, b) => Ok(a == b),
    }
}

fn order(a: &Val, b: &Val) -> Result<Ordering, String> {
    match (a.to_json(), b.to_json()) {
        (Value::String(a), Value::String(b)) => Ok(a.cmp(&b)),
        (Value::Number(a), Value::Number(b)) => {
            a.as_f64().zip(b.as_f64()).and_then(|(a, b)| a.partial_cmp(&b)).ok_or_else(|| "not ordered".into())
        }
        (a, b) => Err(format!("{} and {} cannot be ordered", go_text(&a), go_text(&b))),
    }
}

/// `%s %v %d %q %t %f %e %x %%` with width, `0`, `-` and precision.
fn printf(format: &str, arguments: &[Val]) -> String {
    let mut out = String::new();
    let mut arguments = arguments.iter();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let (mut left, mut zero, mut width, mut precision) = (false, false, 0_usize, None::<usize>);
        while let Some(flag) = chars.next_if(|c| matches!(c, '-' | '0' | '+' | ' ' | '#')) {
            left |= flag == '-';
            zero |= flag == '0';
        }
        while let Some(digit) = chars.next_if(char::is_ascii_digit) {
            width = (width * 10 + digit.to_digit(10).unwrap_or(0) as usize).min(200);
        }
        if chars.next_if_eq(&'.').is_some() {
            let mut digits = 0;
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                digits = (digits * 10 + digit.to_digit(10).unwrap_or(0) as usize).min(50);
            }
            precision = Some(digits);
        }
        let Some(verb) = chars.next() else {
            out.push_str("%!(NOVERB)");
            break;
        };
        if verb == '%' {
            out.push('%');
            continue;
        }
        let Some(value) = arguments.next() else {
            out.push_str(&format!("%!{verb}(MISSING)"));
            continue;
        };
        let text = verb_text(verb, value, precision);
        let missing = width.saturating_sub(text.chars().count());
        if left {
            out.push_str(&text);
            out.extend(std::iter::repeat_n(' ', missing));
        } else {
            out.extend(std::iter::repeat_n(if zero { '0' } else { ' ' }, missing));
            out.push_str(&text);
        }
    }
    out
}

fn verb_text(verb: char, value: &Val, precision: Option<usize>) -> String {
    let json = value.to_json();
    let number = json.as_f64();
    match (verb, number) {
        ('s' | 'v', _) => {
            let text = value.to_text();
            precision.map_or_else(|| text.clone(), |n| text.chars().take(n).collect())
        }
        ('q', _) => Value::String(value.to_text()).to_string(),
        ('t', _) if json.is_boolean() => value.to_text(),
        ('d', Some(number)) => format!("{number:.0}"),
        ('f' | 'F', Some(number)) => format!("{number:.*}", precision.unwrap_or(6)),
        ('g' | 'G', Some(number)) => number.to_string(),
        ('e', Some(number)) => format!("{number:.*e}", precision.unwrap_or(6)),
        ('x', Some(number)) => format!("{:x}", number as i64),
        ('x', None) => value.to_text().bytes().map(|b| format!("{b:02x}")).collect(),
        _ => format!("%!{verb}({})", value.to_text()),
    }
}
