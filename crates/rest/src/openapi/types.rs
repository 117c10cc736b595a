//! PostgreSQL's types as Swagger names them.

use serde_json::{Map, Value, json};

/// `type`; none for JSON, which can be anything.
pub(super) fn swagger_type(type_name: &str) -> Option<&'static str> {
    match type_name {
        "character varying" | "character" | "text" => Some("string"),
        "boolean" => Some("boolean"),
        "smallint" | "integer" | "bigint" => Some("integer"),
        "numeric" | "real" | "double precision" => Some("number"),
        "json" | "jsonb" => None,
        array if array.ends_with("[]") => Some("array"),
        _ => Some("string"),
    }
}

/// `format`: the width of whole numbers, else the type itself.
pub(super) fn swagger_format(type_name: &str) -> &str {
    match type_name {
        "smallint" | "integer" => "int32",
        "bigint" => "int64",
        other => other,
    }
}

/// The element's type of an array.
pub(super) fn element(type_name: &str) -> &str {
    type_name.strip_suffix("[]").unwrap_or(type_name)
}

/// Type, format and elements.
pub(super) fn describe(type_name: &str) -> Map<String, Value> {
    let mut schema = Map::new();
    schema.insert("format".to_owned(), swagger_format(type_name).into());
    if let Some(kind) = swagger_type(type_name) {
        schema.insert("type".to_owned(), kind.into());
    }
    if swagger_type(type_name) == Some("array") {
        let items = swagger_type(element(type_name)).map_or_else(|| json!({}), |kind| json!({"type": kind}));
        schema.insert("items".to_owned(), items);
    }
    schema
}
