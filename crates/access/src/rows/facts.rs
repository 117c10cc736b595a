//! What conditions ask of single columns: facts to aim at while making a value.

use super::expression::{Expr, Pattern, Value, array_items, key, keys};

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
    /// From the first on, below the second.
    Within(f64, f64),
    /// A multiple of it.
    Multiple(f64),
    /// A time at the start of its day, month or the like.
    Start(String),
    /// A text that is not sorted before this one.
    From(String),
    /// A text that is not sorted after this one.
    UpTo(String),
    /// At least so many characters, bytes or items.
    MinLength(usize),
    /// At most so many.
    MaxLength(usize),
    /// So many, neither more nor fewer.
    Length(usize),
    /// A regular expression.
    Matches(Pattern),
    /// `LIKE`.
    Like(String),
    /// All items are among these.
    Items(Vec<String>),
    /// These items are there, or this piece of JSON.
    Holds(Value),
    /// JSON with these members.
    Keys(Vec<String>),
    /// This is asked of a part of the JSON.
    Part(Vec<String>, Box<Self>),
    /// `lower(column) = column`.
    Lower,
    /// `upper(column) = column`.
    Upper,
    /// `jsonb_typeof`.
    Json(String),
    /// `column < other`, for times that belong together; handled by the row.
    Before(String, bool),
    /// How far above another column it is; handled by the row.
    Above(Distance),
}

/// `column - low`, in seconds, days or numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Distance {
    /// The lower column.
    pub low: String,
    /// The bound.
    pub by: f64,
    /// Is it an interval, or a plain number?
    pub span: bool,
    /// Is it the greatest distance, or the least?
    pub most: bool,
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
        other => vec![match sum(other, negated, now) {
            Some(way) => way,
            None => fact(other, negated, now).into_iter().collect(),
        }],
    }
}

/// `a + b + c = 100`: each of the first two has its share at most, and the last takes the rest (see `solve`).
fn sum(expr: &Expr, negated: bool, now: i64) -> Option<Way> {
    let Expr::Binary(operator, left, right) = expr else { return None };
    let mut columns = Vec::new();
    let whole = match right.constant(now) {
        Some(Value::Number(whole)) if summands(left, &mut columns) => whole,
        _ => return None,
    };
    if operator != "=" || negated || columns.len() < 2 || whole <= 0.0 {
        return None;
    }
    let share = whole / columns.len() as f64;
    let one = |column: &String| [(column.clone(), Fact::Min(0.0, true)), (column.clone(), Fact::Max(share, true))];
    Some(columns.iter().flat_map(one).collect())
}

fn summands(expr: &Expr, columns: &mut Vec<String>) -> bool {
    match strip(expr) {
        Expr::Column(name) => {
            columns.push(name.clone());
            true
        }
        Expr::Binary(operator, left, right) if operator == "+" => summands(left, columns) && summands(right, columns),
        _ => false,
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
    if let Some((plain, path)) = without_path(expr, now) {
        let (column, inner) = fact(&plain, negated, now)?;
        return of(&column, Fact::Part(path, Box::new(inner)));
    }
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
            ("=", false) if left.constant(now).is_some() => {
                of(right.column()?, Fact::Holds(Value::Array(vec![left.constant(now)?])))
            }
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
                Value::Text(start) => of(column.column()?, Fact::Like(format!("{}%", literally(&start)))),
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
                    None => distance(left, operator, right, now)
                        .or_else(|| within(left, operator, right, now))
                        .or_else(|| between_columns(left, operator, right)),
                },
            }
        }
        _ => None,
    }
}

/// A condition on a part of a JSON column, as one on the column, with where the part is.
fn without_path(expr: &Expr, now: i64) -> Option<(Expr, Vec<String>)> {
    let rebuilt = |inner: &Expr, build: &dyn Fn(Box<Expr>) -> Expr| {
        let (plain, path) = access(inner, now)?;
        Some((build(Box::new(plain)), path))
    };
    match expr {
        Expr::IsNull(inner) => rebuilt(inner, &Expr::IsNull),
        Expr::Is(inner, wanted) => rebuilt(inner, &|inner| Expr::Is(inner, *wanted)),
        Expr::Matches(inner, pattern) => rebuilt(inner, &|inner| Expr::Matches(inner, pattern.clone())),
        Expr::Any(operator, inner, right) => rebuilt(inner, &|inner| Expr::Any(operator.clone(), inner, right.clone())),
        Expr::Distinct(inner, right) => rebuilt(inner, &|inner| Expr::Distinct(inner, right.clone())),
        Expr::Binary(operator, inner, right) if !operator.starts_with(['-', '#']) || operator == "-" => {
            rebuilt(inner, &|inner| Expr::Binary(operator.clone(), inner, right.clone()))
        }
        _ => None,
    }
}

/// `column -> 'a' ->> 'b'` below casts and one call: the same with the column alone, and the path.
fn access(expr: &Expr, now: i64) -> Option<(Expr, Vec<String>)> {
    match expr {
        Expr::Cast(inner, to) => {
            let (plain, path) = access(inner, now)?;
            Some((Expr::Cast(Box::new(plain), to.clone()), path))
        }
        Expr::Call(name, arguments) => {
            let (plain, path) = access(arguments.first()?, now)?;
            let rest = arguments.iter().skip(1).cloned();
            Some((Expr::Call(name.clone(), [plain].into_iter().chain(rest).collect()), path))
        }
        Expr::Binary(operator, inner, right) => {
            let mut more = match operator.as_str() {
                "->" | "->>" => vec![key(&right.constant(now)?)?],
                "#>" | "#>>" => keys(&right.constant(now)?)?,
                _ => return None,
            };
            match access(inner, now) {
                Some((plain, mut path)) => {
                    path.append(&mut more);
                    Some((plain, path))
                }
                None => Some((Expr::Column(inner.column()?.to_owned()), more)),
            }
        }
        _ => None,
    }
}

fn compared(left: &Expr, operator: &str, value: &Value) -> Option<(String, Fact)> {
    if let Some(column) = left.column() {
        let fact = match (operator, value) {
            ("=", Value::Date(_) | Value::Span(_)) => return None,
            ("=", value) => Fact::OneOf(texts(value)?),
            ("<>", value) => Fact::NoneOf(texts(value)?),
            ("~~" | "~~*", Value::Text(pattern)) => Fact::Like(pattern.clone()),
            ("^@", Value::Text(start)) => Fact::Like(format!("{}%", literally(start))),
            ("?", Value::Text(key)) => Fact::Keys(vec![key.clone()]),
            ("?&", value) => Fact::Keys(keys(value)?),
            ("?|", value) => Fact::Keys(keys(value)?.into_iter().take(1).collect()),
            ("@>", value) => Fact::Holds(value.clone()),
            ("<@", value) => Fact::Items(texts(value)?),
            (">" | ">=", Value::Text(text)) => Fact::From(text.clone()),
            ("<" | "<=", Value::Text(text)) => Fact::UpTo(text.clone()),
            (_, value) => bound(operator, value.number()?)?,
        };
        return Some((column.to_owned(), fact));
    }
    let left = strip(left);
    // `ends - starts <= 30`
    if let Expr::Binary(sign, high, low) = left
        && sign == "-"
        && let (Some(high), Some(low)) = (high.column(), low.column())
    {
        return above(high, low, operator, value);
    }
    // `x % 5 = 0`
    if let Expr::Binary(inner, column, unit) = left
        && inner == "%"
        && operator == "="
    {
        return multiple(column, unit, value);
    }
    // `coalesce(column, 0) >= 0` and the like: only what is plain.
    let Expr::Call(name, arguments) = left else { return None };
    let inner = arguments.first()?;
    let length = matches!(
        name.as_str(),
        "length"
            | "char_length"
            | "character_length"
            | "octet_length"
            | "cardinality"
            | "array_length"
            | "jsonb_array_length"
            | "json_array_length"
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
            "=" => Fact::Length(number.max(0.0) as usize),
            "<>" => Fact::MinLength(usize::from(*value == Value::Number(0.0))),
            _ => return None,
        };
        return Some((column.to_owned(), fact));
    }
    let constants: Vec<Option<Value>> = arguments.iter().skip(1).map(|argument| argument.constant(0)).collect();
    // `position('@' in x) > 0`, of which the text may stand anywhere.
    if let ("position" | "strpos", ">" | ">=" | "<>", [Some(Value::Text(part))]) =
        (name.as_str(), operator, &*constants)
    {
        return Some((inner.column()?.to_owned(), Fact::Like(format!("%{}%", literally(part)))));
    }
    if name == "mod" && operator == "=" {
        return multiple(inner, arguments.get(1)?, value);
    }
    let column = inner.column()?;
    let fact = match (name.as_str(), operator, value) {
        ("coalesce", _, Value::Number(number)) => bound(operator, *number)?,
        ("jsonb_typeof" | "json_typeof", "=", Value::Text(kind)) => Fact::Json(kind.clone()),
        ("btrim" | "trim" | "ltrim" | "rtrim", "<>", Value::Text(text)) if text.is_empty() => Fact::MinLength(1),
        ("lower" | "upper", "=", Value::Text(text)) => Fact::OneOf(vec![text.clone()]),
        // Not above a bound is not below its opposite either: the smaller span does for both.
        ("abs", "<" | "<=", Value::Number(number)) => Fact::Max(*number, operator == "<="),
        ("left", "=", Value::Text(text)) => Fact::Like(format!("{}%", literally(text))),
        ("right", "=", Value::Text(text)) => Fact::Like(format!("%{}", literally(text))),
        ("substring" | "substr", "=", Value::Text(text)) => match constants.first()? {
            Some(Value::Number(from)) if *from >= 1.0 => {
                Fact::Like(format!("{}{}%", "_".repeat((*from as usize - 1).min(100)), literally(text)))
            }
            _ => return None,
        },
        ("split_part", "=", Value::Text(text)) => match &*constants {
            [Some(Value::Text(by)), Some(Value::Number(n))] => {
                let (text, by) = (literally(text), literally(by));
                match *n {
                    1.0 => Fact::Like(format!("{text}{by}%")),
                    2.0 => Fact::Like(format!("%{by}{text}")),
                    _ => return None,
                }
            }
            _ => return None,
        },
        _ => return None,
    };
    Some((column.to_owned(), fact))
}

fn multiple(column: &Expr, unit: &Expr, rest: &Value) -> Option<(String, Fact)> {
    match (unit.constant(0)?, rest) {
        (Value::Number(unit), Value::Number(0.0)) if unit > 0.0 => {
            Some((column.column()?.to_owned(), Fact::Multiple(unit)))
        }
        _ => None,
    }
}

/// A text in a pattern of `LIKE`, meant as it stands.
fn literally(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// `high - low <= bound` and `high <= low + bound`.
fn distance(left: &Expr, operator: &str, right: &Expr, now: i64) -> Option<(String, Fact)> {
    // `low + bound >= high` the other way round.
    if left.column().is_none() && right.column().is_some() {
        return distance(right, mirrored(operator)?, left, now);
    }
    let high = left.column()?;
    let Expr::Binary(sign, low, by) = strip(right) else { return None };
    let by = by.constant(now).filter(|_| sign == "+")?;
    above(high, low.column()?, operator, &by)
}

fn above(high: &str, low: &str, operator: &str, by: &Value) -> Option<(String, Fact)> {
    let most = match operator {
        "<" | "<=" => true,
        ">" | ">=" => false,
        _ => return None,
    };
    let distance = Distance { low: low.to_owned(), by: by.number()?, span: matches!(by, Value::Span(_)), most };
    Some((high.to_owned(), Fact::Above(distance)))
}

/// `x <@ int4range(1, 10)`: as much of it as one fact can say; the rest is found by trying.
fn within(left: &Expr, operator: &str, right: &Expr, now: i64) -> Option<(String, Fact)> {
    if operator == "@>" {
        return within(right, "<@", left, now);
    }
    let Expr::Call(name, bounds) = strip(right) else { return None };
    let number = |at: usize| bounds.get(at)?.constant(now)?.number();
    (operator == "<@" && name.ends_with("range")).then_some(())?;
    let (low, high) = (number(0)?, number(1)?);
    Some((left.column()?.to_owned(), Fact::Within(low, high)))
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
    // `day = date_trunc('month', day)`
    if let (Some(column), Expr::Call(name, arguments)) = (left.column(), strip(right))
        && let ("date_trunc", "=", [unit, of]) = (name.as_str(), operator, arguments.as_slice())
        && let (Some(Value::Text(unit)), Some(of)) = (unit.constant(0), of.column())
        && of == column
    {
        return Some((column.to_owned(), Fact::Start(unit)));
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

/// A constant as texts that PostgreSQL reads: one, or the items of an array.
pub fn texts(value: &Value) -> Option<Vec<String>> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => vec![value.to_string()],
        Value::Number(value) => vec![value.to_string()],
        Value::Json(value) => vec![value.to_string()],
        Value::Date(_) | Value::Span(_) => return None,
        Value::Text(text) if text.starts_with('{') => array_items(text)?,
        Value::Text(text) => vec![text.clone()],
        Value::Array(items) => items.iter().map(|item| texts(item)?.pop()).collect::<Option<_>>()?,
    })
}
