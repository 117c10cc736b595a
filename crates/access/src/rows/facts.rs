//! What conditions ask of single columns: facts to aim at while making a value.

use super::expression::{Expr, Pattern, Value, array_items};

/// Ways to satisfy one condition; more are not looked at.
const WAYS: usize = 16;

/// What is asked of one column.
#[derive(Debug, Clone)]
pub enum Fact {
    /// NULL, or not NULL.
    Null(bool),
    /// One of these.
    OneOf(Vec<String>),
    /// None of these.
    NoneOf(Vec<String>),
    /// A number or time (seconds since 1970) from here on; `true`: itself included.
    Min(f64, bool),
    /// Up to here.
    Max(f64, bool),
    /// At least so many characters or items.
    MinLength(usize),
    /// At most so many.
    MaxLength(usize),
    /// A regular expression.
    Matches(Pattern),
    /// `LIKE`.
    Like(String),
    /// All items are among these.
    Items(Vec<String>),
    /// `lower(column) = column`.
    Lower,
    /// `upper(column) = column`.
    Upper,
    /// `jsonb_typeof`.
    Json(String),
    /// `column < other`, for times that belong together; handled by the row.
    Before(String, bool),
}

/// One way to satisfy a condition: facts of columns, all of which hold.
pub type Way = Vec<(String, Fact)>;

/// Ways to satisfy `expr`; an empty way asks nothing that we know how to aim at.
pub fn ways(expr: &Expr, now: i64) -> Vec<Way> {
    let mut found = split(expr, false, now);
    found.truncate(WAYS);
    found
}

fn split(expr: &Expr, negated: bool, now: i64) -> Vec<Way> {
    match expr {
        Expr::Not(inner) => split(inner, !negated, now),
        Expr::And(parts) if !negated => all(parts, negated, now),
        Expr::Or(parts) if negated => all(parts, negated, now),
        Expr::And(parts) | Expr::Or(parts) => {
            parts.iter().flat_map(|part| split(part, negated, now)).take(WAYS).collect()
        }
        // As CASE is used in checks: one arm at a time, with its condition.
        Expr::Case(arms, otherwise) if !negated => {
            let arm = |(condition, then): &(Expr, Expr)| all(&[condition.clone(), then.clone()], false, now);
            let mut found: Vec<Way> = arms.iter().flat_map(arm).collect();
            let none = arms.iter().map(|(condition, _)| Expr::Not(Box::new(condition.clone())));
            found.extend(all(&none.chain([(**otherwise).clone()]).collect::<Vec<_>>(), false, now));
            found.truncate(WAYS);
            found
        }
        other => vec![fact(other, negated, now).into_iter().collect()],
    }
}

fn all(parts: &[Expr], negated: bool, now: i64) -> Vec<Way> {
    let mut found: Vec<Way> = vec![Vec::new()];
    for part in parts {
        let more = split(part, negated, now);
        found = found
            .iter()
            .flat_map(|way| more.iter().map(move |more| [way.as_slice(), more].concat()))
            .take(WAYS)
            .collect();
    }
    found
}

fn fact(expr: &Expr, negated: bool, now: i64) -> Option<(String, Fact)> {
    let of = |column: &str, fact: Fact| Some((column.to_owned(), fact));
    match expr {
        Expr::Column(name) => of(name, Fact::OneOf(vec![(!negated).to_string()])),
        Expr::Cast(inner, _) => fact(inner, negated, now),
        Expr::IsNull(inner) => of(inner.column()?, Fact::Null(!negated)),
        Expr::Is(inner, wanted) => match inner.column() {
            Some(column) => of(column, Fact::OneOf(vec![(*wanted != negated).to_string()])),
            None => fact(inner, *wanted == negated, now),
        },
        Expr::Matches(inner, pattern) if !negated => of(inner.column()?, Fact::Matches((**pattern).clone())),
        Expr::Any(operator, left, right) => match (operator.as_str(), negated) {
            ("=", false) => of(left.column()?, Fact::OneOf(texts(&right.constant(now)?)?)),
            ("=", true) => of(left.column()?, Fact::NoneOf(texts(&right.constant(now)?)?)),
            _ => None,
        },
        Expr::All(operator, left, right) => match (operator.as_str(), negated) {
            ("<>", false) => of(left.column()?, Fact::NoneOf(texts(&right.constant(now)?)?)),
            ("<>", true) => of(left.column()?, Fact::OneOf(texts(&right.constant(now)?)?)),
            _ => None,
        },
        Expr::Distinct(left, right) => {
            let value = right.constant(now)?;
            let one = texts(&value)?;
            of(left.column()?, if negated { Fact::OneOf(one) } else { Fact::NoneOf(one) })
        }
        Expr::Call(name, arguments) if name == "starts_with" && !negated => match arguments.as_slice() {
            [column, start] => match start.constant(now)? {
                Value::Text(start) => of(column.column()?, Fact::Like(format!("{start}%"))),
                _ => None,
            },
            _ => None,
        },
        Expr::Binary(operator, left, right) => {
            let operator = if negated { negation(operator)? } else { operator };
            match right.constant(now) {
                Some(value) => compared(left, operator, &value),
                None => match left.constant(now) {
                    Some(value) => compared(right, mirrored(operator)?, &value),
                    None => between_columns(left, operator, right),
                },
            }
        }
        _ => None,
    }
}

fn compared(left: &Expr, operator: &str, value: &Value) -> Option<(String, Fact)> {
    if let Some(column) = left.column() {
        let fact = match (operator, value) {
            ("=", value) => Fact::OneOf(texts(value)?),
            ("<>", value) => Fact::NoneOf(texts(value)?),
            ("~~", Value::Text(pattern)) => Fact::Like(pattern.clone()),
            ("<@", value) => Fact::Items(texts(value)?),
            (_, Value::Number(number)) => bound(operator, *number)?,
            _ => return None,
        };
        return Some((column.to_owned(), fact));
    }
    // `coalesce(column, 0) >= 0`, `col - 1 > 0` and the like: only what is plain.
    let Expr::Call(name, arguments) = strip(left) else { return None };
    let inner = arguments.first()?;
    let length = matches!(
        name.as_str(),
        "length" | "char_length" | "character_length" | "octet_length" | "cardinality" | "array_length"
    );
    if length && let Value::Number(number) = value {
        // `length(btrim(x)) > 0`
        let column = match strip(inner) {
            Expr::Call(_, arguments) => arguments.first()?.column()?,
            other => other.column()?,
        };
        let number = number.max(-1.0);
        let fact = match operator {
            ">=" => Fact::MinLength(number.max(0.0) as usize),
            ">" => Fact::MinLength((number + 1.0) as usize),
            "<=" => Fact::MaxLength(number.max(0.0) as usize),
            "<" => Fact::MaxLength((number - 1.0).max(0.0) as usize),
            "=" => return Some((column.to_owned(), Fact::Matches(Pattern::new(format!("^[a-z0-9]{{{number}}}$"))))),
            "<>" => Fact::MinLength(usize::from(*value == Value::Number(0.0))),
            _ => return None,
        };
        return Some((column.to_owned(), fact));
    }
    let column = inner.column()?;
    let fact = match (name.as_str(), operator, value) {
        ("coalesce", _, Value::Number(number)) => bound(operator, *number)?,
        ("jsonb_typeof" | "json_typeof", "=", Value::Text(kind)) => Fact::Json(kind.clone()),
        ("btrim" | "trim" | "ltrim" | "rtrim", "<>", Value::Text(text)) if text.is_empty() => Fact::MinLength(1),
        _ => return None,
    };
    Some((column.to_owned(), fact))
}

fn bound(operator: &str, number: f64) -> Option<Fact> {
    Some(match operator {
        ">" => Fact::Min(number, false),
        ">=" => Fact::Min(number, true),
        "<" => Fact::Max(number, false),
        "<=" => Fact::Max(number, true),
        _ => return None,
    })
}

fn between_columns(left: &Expr, operator: &str, right: &Expr) -> Option<(String, Fact)> {
    if let (Expr::Call(name, arguments), Some(column)) = (strip(left), right.column())
        && operator == "="
        && arguments.first().and_then(Expr::column) == Some(column)
    {
        return match name.as_str() {
            "lower" => Some((column.to_owned(), Fact::Lower)),
            "upper" => Some((column.to_owned(), Fact::Upper)),
            _ => None,
        };
    }
    if left.column().is_some()
        && matches!(strip(right), Expr::Call(name, _) if matches!(name.as_str(), "lower" | "upper"))
    {
        return between_columns(right, mirrored(operator)?, left);
    }
    let (left, right) = (left.column()?, right.column()?);
    match operator {
        "<" => Some((left.to_owned(), Fact::Before(right.to_owned(), false))),
        "<=" => Some((left.to_owned(), Fact::Before(right.to_owned(), true))),
        ">" => Some((right.to_owned(), Fact::Before(left.to_owned(), false))),
        ">=" => Some((right.to_owned(), Fact::Before(left.to_owned(), true))),
        _ => None,
    }
}

fn strip(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast(inner, _) => strip(inner),
        other => other,
    }
}

fn negation(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "=" => "<>",
        "<>" => "=",
        "<" => ">=",
        "<=" => ">",
        ">" => "<=",
        ">=" => "<",
        _ => return None,
    })
}

fn mirrored(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "=" => "=",
        "<>" => "<>",
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        "@>" => "<@",
        _ => return None,
    })
}

fn texts(value: &Value) -> Option<Vec<String>> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => vec![value.to_string()],
        Value::Number(value) => vec![value.to_string()],
        Value::Text(text) if text.starts_with('{') => array_items(text)?,
        Value::Text(text) => vec![text.clone()],
        Value::Array(items) => items.iter().map(|item| texts(item)?.pop()).collect::<Option<_>>()?,
    })
}
