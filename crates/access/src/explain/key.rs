//! The key of a row, as people write it.

use crate::schema::Relation;

/// `7`, `7,de` for a key of two columns, or `column=value,…` for any columns. Gives column and value, as text.
pub(super) fn parse(relation: &Relation, text: &str) -> Result<Vec<(String, String)>, String> {
    let key = relation.primary_key();
    let named = |piece: &str| {
        let (column, value) = piece.split_once('=')?;
        relation.column(&unquoted(column)).map(|column| (column.name.clone(), value.to_owned()))
    };
    let pieces: Vec<&str> = text.split(',').collect();
    let mut pairs: Vec<(String, String)> = Vec::new();
    for piece in &pieces {
        match (named(piece), pairs.last_mut()) {
            (Some(pair), _) => pairs.push(pair),
            // A value may have a comma of its own.
            (None, Some((_, value))) => *value = format!("{value},{piece}"),
            (None, None) => break,
        }
    }
    if !pairs.is_empty() {
        return Ok(pairs);
    }
    if let Some((column, _)) = text.split_once('=').filter(|(column, _)| looks_like_a_name(column, relation)) {
        let names: Vec<&str> = relation.columns.iter().map(|column| column.name.as_str()).collect();
        return Err(format!(
            "{}.{} has no column {}; it has: {}",
            relation.schema,
            relation.name,
            unquoted(column),
            names.join(", ")
        ));
    }
    match key {
        [] => Err(format!(
            "{}.{} has no primary key: name columns, such as {}=…",
            relation.schema,
            relation.name,
            relation.columns.first().map_or("column", |column| &column.name)
        )),
        [column] => Ok(vec![(column.clone(), text.to_owned())]),
        columns if columns.len() == pieces.len() => {
            Ok(columns.iter().cloned().zip(pieces.iter().map(|piece| (*piece).to_owned())).collect())
        }
        columns => Err(format!(
            "the key of {}.{} is ({}): give {} values with commas between, or column=value",
            relation.schema,
            relation.name,
            columns.join(", "),
            columns.len()
        )),
    }
}

/// A column's name without its double quotes.
fn unquoted(name: &str) -> String {
    let name = name.trim();
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => name.to_owned(),
    }
}

/// `title=…` is a column that is not there; a key's value may hold `=` too, if the key is text.
fn looks_like_a_name(before: &str, relation: &Relation) -> bool {
    let plain = before.trim().chars().all(|c| c.is_alphanumeric() || c == '_') && !before.trim().is_empty();
    let quoted = before.trim().starts_with('"') && before.trim().ends_with('"');
    let texts = |name: &String| {
        relation
            .column(name)
            .is_some_and(|column| !matches!(column.base_type.as_str(), "text" | "character varying" | "bytea"))
    };
    (plain || quoted) && relation.primary_key().iter().all(texts)
}
