//! Names of columns, and steps into JSON.

use super::ast::{Field, JsonOperand, JsonStep};
use super::parsec::{
    Input, Reply, attempt, char, choice, digit, either, end, label, letter, look_ahead, many, many1, map, none_of,
    not_followed_by, one_of_chars, optional, pure, separated1, sequence, string,
};

/// Blanks around are dropped.
pub(crate) fn lexeme<T>(input: &mut Input<'_>, parser: impl FnOnce(&mut Input<'_>) -> Reply<T>) -> Reply<T> {
    sequence(input, |s| {
        s.then(blanks)?;
        let value = s.then(parser)?;
        s.then(blanks)?;
        Some(value)
    })
}

fn blanks(input: &mut Input<'_>) -> Reply<Vec<char>> {
    many(input, |i| one_of_chars(i, " \t"))
}

/// A comma with blanks around.
pub(crate) fn comma(input: &mut Input<'_>) -> Reply<char> {
    lexeme(input, |i| char(i, ','))
}

/// Between parentheses.
pub(crate) fn in_parentheses<T>(input: &mut Input<'_>, parser: impl FnOnce(&mut Input<'_>) -> Reply<T>) -> Reply<T> {
    sequence(input, |s| {
        s.then(|i| char(i, '('))?;
        let value = s.then(parser)?;
        s.then(|i| char(i, ')'))?;
        Some(value)
    })
}

/// The dot between parts.
pub(crate) fn delimiter(input: &mut Input<'_>) -> Reply<char> {
    label(input, |i| char(i, '.'), "delimiter (.)")
}

/// Letters, digits, `_`, `$` and blanks; blanks at the ends are dropped.
pub(crate) fn identifier(input: &mut Input<'_>) -> Reply<String> {
    let chars = many1(input, |i| choice(i, &[&letter, &digit, &|i| one_of_chars(i, "_ $")]));
    map(chars, trimmed)
}

fn trimmed(chars: Vec<char>) -> String {
    chars.into_iter().collect::<String>().trim().to_owned()
}

/// `"any \"thing\""`.
pub(crate) fn quoted_value(input: &mut Input<'_>) -> Reply<String> {
    sequence(input, |s| {
        s.then(|i| char(i, '"'))?;
        let inner = s.then(|i| {
            many(i, |i| {
                either(
                    i,
                    |i| none_of(i, "\\\""),
                    |i| {
                        sequence(i, |s| {
                            s.then(|i| char(i, '\\'))?;
                            s.then(|i| none_of(i, ""))
                        })
                    },
                )
            })
        })?;
        s.then(|i| char(i, '"'))?;
        Some(inner.into_iter().collect())
    })
}

/// A column's name.
pub(crate) fn field_name(input: &mut Input<'_>) -> Reply<String> {
    label(input, |i| either(i, quoted_value, |i| joined_by_dash(i, identifier)), "field name (* or [a..z0..9_$])")
}

/// A dash is part of a name, unless it begins an arrow.
fn joined_by_dash(input: &mut Input<'_>, part: impl Fn(&mut Input<'_>) -> Reply<String>) -> Reply<String> {
    let dash = |i: &mut Input<'_>| {
        attempt(i, |i| {
            sequence(i, |s| {
                s.then(|i| char(i, '-'))?;
                s.then(|i| not_followed_by(i, |i| char(i, '>')))
            })
        })
    };
    map(separated1(input, part, dash), |parts| parts.join("-"))
}

/// A column and steps into it, with blanks around.
pub(crate) fn field(input: &mut Input<'_>) -> Reply<Field> {
    lexeme(input, |i| {
        sequence(i, |s| {
            let name = s.then(field_name)?;
            let path = s.then(optional_path)?;
            Some(Field { name, path })
        })
    })
}

/// Steps into JSON, or none.
pub(crate) fn optional_path(input: &mut Input<'_>) -> Reply<Vec<JsonStep>> {
    either(input, |i| many(i, json_step), |i| pure(i, Vec::new()))
}

fn json_step(input: &mut Input<'_>) -> Reply<JsonStep> {
    sequence(input, |s| {
        let as_text = s.then(|i| {
            either(
                i,
                |i| attempt(i, |i| map(string(i, "->>"), |()| true)),
                |i| attempt(i, |i| map(string(i, "->"), |()| false)),
            )
        })?;
        let to = s.then(|i| either(i, |i| attempt(i, json_index), |i| attempt(i, json_key)))?;
        Some(JsonStep { as_text, to })
    })
}

fn json_index(input: &mut Input<'_>) -> Reply<JsonOperand> {
    sequence(input, |s| {
        let sign = s.then(|i| either(i, |i| char(i, '-'), |i| pure(i, '+')))?;
        let digits = s.then(|i| many1(i, digit))?;
        s.then(json_index_end)?;
        let mut index = String::from(sign);
        index.extend(digits);
        Some(JsonOperand::Index(index))
    })
}

fn json_index_end(input: &mut Input<'_>) -> Reply<()> {
    choice(
        input,
        &[
            &|i| attempt(i, |i| look_ahead(i, |i| string(i, "->"))),
            &|i| attempt(i, |i| look_ahead(i, |i| string(i, "::"))),
            &|i| attempt(i, |i| look_ahead(i, |i| string(i, "."))),
            &|i| attempt(i, |i| look_ahead(i, |i| string(i, ","))),
            &|i| attempt(i, end),
        ],
    )
}

fn json_key(input: &mut Input<'_>) -> Reply<JsonOperand> {
    let part = |i: &mut Input<'_>| map(many1(i, |i| none_of(i, "(-:.,>)")), trimmed);
    let key = label(
        input,
        |i| either(i, quoted_value, |i| joined_by_dash(i, part)),
        "any non reserved character different from: .,>()",
    );
    map(key, JsonOperand::Key)
}

/// `clients.projects.data->a`: names joined by dots, and steps into the last.
pub(crate) fn tree_path(input: &mut Input<'_>) -> Reply<(Vec<String>, Field)> {
    sequence(input, |s| {
        let mut names = s.then(|i| separated1(i, field_name, delimiter))?;
        let path = s.then(optional_path)?;
        let name = names.pop()?;
        Some((names, Field { name, path }))
    })
}

/// `a,b`: `columns=` and `on_conflict=`.
pub(crate) fn columns(input: &mut Input<'_>) -> Reply<Vec<String>> {
    separated1(input, field_name, comma)
}

/// Perhaps `::type` follows.
pub(crate) fn cast(input: &mut Input<'_>) -> Reply<Option<String>> {
    optional(input, |i| {
        sequence(i, |s| {
            s.then(|i| string(i, "::"))?;
            s.then(identifier)
        })
    })
}
