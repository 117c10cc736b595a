//! SQL text that is shown or tried: the one place that quotes values. Statements of the matrix are tried as texts, since the text is
//! what a person runs afterwards to see the same; whatever can be a parameter is one.

/// Quotes a value, for `standard_conforming_strings = on`.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\0', "").replace('\'', "''"))
}

/// The same of a type, or `null`.
pub fn typed(text: Option<&str>, type_sql: &str) -> String {
    text.map_or_else(|| "null".to_owned(), |text| format!("{}::{type_sql}", literal(text)))
}
