//! The query string, taken apart.

use std::collections::BTreeSet;

use super::ast::{EmbedPath, Filter, Logic, Operation, OrderTerm, SelectItem, Value};
use super::parsec::{Failure, Input, Reply, parse};
use super::ranges::{Range, of_parameters};
use super::{filter, names, select};

/// What a query string says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) select: Vec<SelectItem>,
    /// With the path of the embed they are for; empty for the root.
    pub(crate) filters: Vec<(EmbedPath, Filter)>,
    pub(crate) logic: Vec<(EmbedPath, Logic)>,
    pub(crate) order: Vec<(EmbedPath, Vec<OrderTerm>)>,
    /// By the key as given, `clients.limit`; the root's is apart.
    pub(crate) ranges: Vec<(EmbedPath, Range)>,
    pub(crate) root_range: Option<Range>,
    pub(crate) columns: Option<BTreeSet<String>>,
    pub(crate) on_conflict: Option<Vec<String>>,
    /// Arguments of a function.
    pub(crate) arguments: Vec<(String, String)>,
    /// Keys of all filters, as given.
    pub(crate) filter_keys: BTreeSet<String>,
}

/// PGRST100: message and details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// What could not be read and where.
    pub message: String,
    /// What was seen and what was expected.
    pub details: String,
}

const RESERVED: [&str; 3] = ["select", "columns", "on_conflict"];
const RESERVED_ENDINGS: [&str; 5] = ["order", "limit", "offset", "and", "or"];

/// Splits `a=1&b=2` (also at `;`), with `+` as a blank and percent-encoding undone.
pub(crate) fn pairs(raw: &[u8]) -> Result<Vec<(String, Option<String>)>, ParseError> {
    let mut rest = raw;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let end = rest.iter().position(|b| *b == b'&' || *b == b';').unwrap_or(rest.len());
        let part = &rest[..end];
        rest = rest.get(end + 1..).unwrap_or_default();
        let equals = part.iter().position(|b| *b == b'=');
        let key = decoded(&part[..equals.unwrap_or(part.len())])?;
        let value = equals.map(|at| decoded(&part[at + 1..])).transpose()?;
        found.push((key, value));
    }
    Ok(found)
}

fn decoded(raw: &[u8]) -> Result<String, ParseError> {
    let spaced: Vec<u8> = raw.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    let bytes: Vec<u8> = percent_encoding::percent_decode(&spaced).collect();
    String::from_utf8(bytes).map_err(|_| ParseError {
        message: "The query string is not valid UTF-8".to_owned(),
        details: "Percent-encode the bytes of UTF-8 text".to_owned(),
    })
}

/// The parameters sorted by name and encoded anew: for `Content-Location`. Values of one name are joined by commas, as PostgREST does.
pub(crate) fn canonical(raw: &[u8]) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    let mut all = pairs(raw).unwrap_or_default();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    let mut out = String::with_capacity(raw.len() + 16);
    let mut last: Option<&str> = None;
    for (key, value) in &all {
        if last.replace(key) == Some(key) {
            out.push(',');
        } else {
            if !out.is_empty() {
                out.push('&');
            }
            out.extend(utf8_percent_encode(key, KEPT));
            out.push('=');
        }
        out.extend(utf8_percent_encode(value.as_deref().unwrap_or_default(), KEPT));
    }
    out
}

/// Reads a query string. `arguments`: what is no filter is an argument of a function.
///
/// `slots` names the parameters (by their number) whose values go into [`Value::slot`].
pub(crate) fn read(raw: &[u8], arguments: bool, slots: &[usize]) -> Result<Query, ParseError> {
    let all = pairs(raw)?;
    let given = |name: &str| all.iter().find(|(k, _)| k == name).and_then(|(_, v)| v.as_deref());
    let ends_in = |key: &str, words: &[&str]| key.rsplit('.').next().is_some_and(|last| words.contains(&last));
    let mut query = Query::default();
    let with_value = || all.iter().filter_map(|(k, v)| v.as_deref().map(|v| (k.as_str(), v)));

    for (key, value) in with_value().filter(|(k, _)| ends_in(k, &["order"])) {
        let (path, _) = read_path(key)?;
        let terms = run(value, &format!("failed to parse order ({value})"), select::order)?;
        query.order.push((path, terms));
    }
    for (key, value) in with_value().filter(|(k, _)| ends_in(k, &["and", "or"])) {
        let (path, operator) = run(key, &format!("failed to parse logic path ({key})"), filter::logic_path)?;
        let whole = format!("{operator}{value}");
        query.logic.push((path, run(&whole, &format!("failed to parse logic tree ({value})"), filter::logic)?));
    }
    if let Some(text) = given("columns") {
        let list = run(text, &format!("failed to parse columns parameter ({text})"), names::columns)?;
        query.columns = Some(list.into_iter().collect());
    }
    query.select = match given("select") {
        Some(text) => run(text, &format!("failed to parse select parameter ({text})"), select::forest)?,
        None => select::everything(),
    };
    for (number, (key, value)) in all.iter().enumerate() {
        let Some(value) = value else { continue };
        if RESERVED.contains(&key.as_str()) || ends_in(key, &RESERVED_ENDINGS) {
            continue;
        }
        query.filter_keys.insert(key.clone());
        read_filter(&mut query, key, value, arguments, slots.iter().position(|n| *n == number))?;
    }
    if let Some(text) = given("on_conflict") {
        let list = run(text, &format!("failed to parse on_conflict parameter ({text})"), names::columns)?;
        query.on_conflict = Some(list);
    }
    read_ranges(&mut query, &with_value().collect::<Vec<_>>())?;
    Ok(query)
}

fn read_filter(
    query: &mut Query,
    key: &str,
    value: &str,
    arguments: bool,
    slot: Option<usize>,
) -> Result<(), ParseError> {
    let (path, field) = read_path(key)?;
    let chars: Vec<char> = value.chars().collect();
    let result = if arguments {
        parse(&chars, |i| super::parsec::optional(i, filter::expression))
    } else {
        parse(&chars, filter::expression).map(Some)
    };
    match result {
        Ok(Some((negated, mut operation))) => {
            if let Operation::Binary { value, .. } = &mut operation {
                value.slot = slot.and_then(|n| u16::try_from(n).ok());
            }
            query.filters.push((path, Filter { field, negated, operation }));
        }
        Ok(None) => query.arguments.push((field.name, value.to_owned())),
        Err(error) => return Err(report(&error, &chars, &format!("failed to parse filter ({value})"))),
    }
    Ok(())
}

/// Pairs `x.limit` with `x.offset`; of a repeated one the last counts.
fn read_ranges<'a>(query: &mut Query, given: &[(&'a str, &str)]) -> Result<(), ParseError> {
    // The root has no level, which is another thing than one without a name (`.limit`).
    let split = |key: &'a str| key.rsplit_once('.').map_or((None, key), |(level, last)| (Some(level), last));
    let mut levels: Vec<Option<&str>> = Vec::new();
    for (key, _) in given {
        let (level, last) = split(key);
        if matches!(last, "limit" | "offset") && !levels.contains(&level) {
            levels.push(level);
        }
    }
    for level in levels {
        let of = |word: &str| given.iter().rev().find(|(k, _)| split(k) == (level, word)).map(|(_, v)| *v);
        let Some(range) = of_parameters(of("limit"), of("offset")) else { continue };
        match level {
            None => query.root_range = Some(range),
            Some(level) => query.ranges.push((read_path(&format!("{level}.limit"))?.0, range)),
        }
    }
    Ok(())
}

fn read_path(key: &str) -> Result<(EmbedPath, super::ast::Field), ParseError> {
    run(key, &format!("failed to parse tree path ({key})"), names::tree_path)
}

fn run<T>(text: &str, name: &str, parser: impl FnOnce(&mut Input<'_>) -> Reply<T>) -> Result<T, ParseError> {
    let chars: Vec<char> = text.chars().collect();
    parse(&chars, parser).map_err(|error| report(&error, &chars, name))
}

fn report(error: &Failure, chars: &[char], name: &str) -> ParseError {
    ParseError { message: format!("\"{name}\" {}", error.place(chars)), details: error.details() }
}

/// Finds the parameters whose value may change without changing the shape of the request: `column=eq.5` with one of the
/// simple operators. Returns the text that names the shape, the numbers of those parameters, and their values.
pub(crate) fn shape(raw: &[u8]) -> Option<(String, Vec<usize>, Vec<Value>)> {
    let all = pairs(raw).ok()?;
    let mut name = String::with_capacity(raw.len());
    let (mut numbers, mut values) = (Vec::new(), Vec::new());
    for (number, (key, value)) in all.iter().enumerate() {
        name.push_str(key);
        name.push('\u{1}');
        if let Some(value) = value {
            match variable_part(key, value) {
                Some(at) => {
                    name.push_str(&value[..at]);
                    name.push('\u{2}');
                    numbers.push(number);
                    values.push(Value::new(&value[at..]));
                }
                None => name.push_str(value),
            }
            name.push('\u{3}');
        }
        name.push('\u{4}');
    }
    Some((name, numbers, values))
}

/// Where the value of `not.eq.value` begins.
fn variable_part(key: &str, value: &str) -> Option<usize> {
    const OPERATORS: [&str; 8] = ["eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike"];
    let last = key.rsplit('.').next()?;
    if RESERVED.contains(&key) || RESERVED_ENDINGS.contains(&last) {
        return None;
    }
    let start = if value.starts_with("not.") { 4 } else { 0 };
    let (operator, _) = value.get(start..)?.split_once('.')?;
    OPERATORS.contains(&operator).then(|| start + operator.len() + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_query_is_taken_apart() {
        let query =
            read(b"select=id,name&id=gt.5&clients.name=eq.x&order=id.desc&clients.limit=3&offset=2", false, &[]);
        let query = query.unwrap();
        assert_eq!(query.select.len(), 2);
        assert_eq!(query.filters.len(), 2);
        assert_eq!(query.filters[1].0, ["clients"]);
        assert_eq!(query.ranges, [(vec!["clients".to_owned()], Range { lower: 0, upper: Some(2) })]);
        assert_eq!(query.root_range, Some(Range::from(2)));
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let error = read(b"order=id.asc.nullslasttt", false, &[]).unwrap_err();
        assert_eq!(error.message, r#""failed to parse order (id.asc.nullslasttt)" (line 1, column 17)"#);
        assert_eq!(error.details, r#"unexpected 't' expecting "," or end of input"#);
        let error = read(b".limit=1", false, &[]).unwrap_err();
        assert_eq!(error.message, r#""failed to parse tree path (.limit)" (line 1, column 1)"#);
        assert!(read(b"name=eq.%ff", false, &[]).is_err());
    }

    #[test]
    fn the_canonical_form_is_sorted_and_encoded() {
        assert_eq!(canonical(b"select=id&id=in.(1,2)&d"), "d=&id=in.%281%2C2%29&select=id");
        assert_eq!(canonical(b"id=lt.5&select=id&id=gt.1"), "id=lt.5,gt.1&select=id");
    }

    #[test]
    fn requests_that_differ_in_values_have_one_shape() {
        let (a, numbers, values) = shape(b"id=eq.1&select=x").unwrap();
        let (b, ..) = shape(b"id=eq.2&select=x").unwrap();
        let (c, ..) = shape(b"id=gt.2&select=x").unwrap();
        assert_eq!(a, b);
        assert_ne!(a, c);
        assert_eq!((numbers.as_slice(), values[0].text.as_str()), (&[0][..], "1"));
    }

    proptest! {
        #[test]
        fn no_query_makes_it_panic(raw in proptest::collection::vec(any::<u8>(), 0..120), arguments: bool) {
            let _ = read(&raw, arguments, &[]);
            let _ = shape(&raw);
            canonical(&raw);
        }

        #[test]
        fn nor_one_of_its_own_words(raw in r#"((select|order|and|or|a\.b|id|not\.or|limit)=[a-z\(\)\.,:!"\->\*0-9\{\}]{0,30}&){0,4}"#) {
            let _ = read(raw.as_bytes(), false, &[]);
        }
    }
}
