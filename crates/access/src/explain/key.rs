//! The key of a row, as people write it.

use crate::schema::Relation;

/// `7`, `7,de` for a key of two columns, or `column=value,…` for any columns. Gives column and value, as text.
pub(super) fn parse(relation: &Relation, text: &str) -> Result<Vec<(String, String)>, String> {
    let key = relation.primary_key();
    let named = |piece: &str| {
        let (column, value) = piece.split_once('=')?;
        let column = column.trim().trim_matches('"');
        relation.column(column).map(|column| (column.name.clone(), value.to_owned()))
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
