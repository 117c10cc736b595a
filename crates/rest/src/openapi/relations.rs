//! Paths, definitions and parameters of tables and views.

use catalog::{Cardinality, Catalog, Column, QualifiedName, Relationship, Table};
use serde_json::{Map, Value, json};

use super::title_and_rest;
use super::types::{describe, swagger_type};

/// The operations on a relation.
pub(super) fn path(table: &Table) -> Value {
    let name = table.name.as_str();
    let reference = |parameter: String| json!({"$ref": format!("#/parameters/{parameter}")});
    let filters = || table.columns.keys().map(|column| reference(format!("rowFilter.{name}.{column}")));
    let named = |names: &[&str]| names.iter().map(|n| reference((*n).to_owned())).collect::<Vec<_>>();
    let operation = |parameters: Vec<Value>, responses: Value| {
        let (summary, description) = title_and_rest(table.description.as_deref());
        let mut operation = json!({"tags": [name], "parameters": parameters, "responses": responses});
        if let Some(summary) = summary {
            operation["summary"] = summary.into();
        }
        if let Some(description) = description.filter(|d| !d.is_empty()) {
            operation["description"] = description.into();
        }
        operation
    };
    let body = format!("body.{name}");
    let get = filters().chain(named(&["select", "order", "range", "rangeUnit", "offset", "limit", "preferCount"]));
    let rows = json!({"type": "array", "items": {"$ref": format!("#/definitions/{name}")}});
    let mut path = json!({"get": operation(
        get.collect(),
        json!({"200": {"description": "OK", "schema": rows}, "206": {"description": "Partial Content"}}),
    )});
    if table.insertable || table.updatable || table.deletable {
        let done = || json!({"204": {"description": "No Content"}});
        let created = json!({"201": {"description": "Created"}});
        path["post"] = operation(named(&[&body, "select", "preferPost"]), created);
        path["patch"] = operation(filters().chain(named(&[&body, "preferReturn"])).collect(), done());
        path["delete"] = operation(filters().chain(named(&["preferReturn"])).collect(), done());
    }
    path
}

/// The shape of each relation's rows.
pub(super) fn definitions(catalog: &Catalog, tables: &[&Table]) -> Value {
    tables.iter().map(|table| (table.name.clone(), definition(catalog, table))).collect::<Map<_, _>>().into()
}

fn definition(catalog: &Catalog, table: &Table) -> Value {
    let mut definition = json!({"type": "object"});
    if let Some(description) = &table.description {
        definition["description"] = description.as_str().into();
    }
    let required: Vec<&str> = table.columns.values().filter(|c| !c.nullable).map(|c| c.name.as_str()).collect();
    if !required.is_empty() {
        definition["required"] = json!(required);
    }
    if !table.columns.is_empty() {
        let properties = table.columns.values().map(|c| (c.name.clone(), property(catalog, table, c)));
        definition["properties"] = properties.collect::<Map<_, _>>().into();
    }
    definition
}

fn property(catalog: &Catalog, table: &Table, column: &Column) -> Value {
    let mut schema = describe(&column.base_type);
    let default = column.default.as_deref().map(|default| json_default(&column.base_type, default));
    if let Some(default) = default.and_then(|text| serde_json::from_str::<Value>(&text).ok()) {
        schema.insert("default".to_owned(), default);
    }
    if !column.labels.is_empty() {
        schema.insert("enum".to_owned(), json!(column.labels));
    }
    if let Some(length) = column.max_length {
        schema.insert("maxLength".to_owned(), length.into());
    }
    if let Some(description) = description(catalog, table, column) {
        schema.insert("description".to_owned(), description.into());
    }
    Value::Object(schema)
}

/// The comment, and notes on keys.
fn description(catalog: &Catalog, table: &Table, column: &Column) -> Option<String> {
    let mut notes = Vec::new();
    if table.primary_key.contains(&column.name) {
        notes.push("This is a Primary Key.<pk/>".to_owned());
    }
    if let Some((relation, target)) = foreign_key(catalog, table, column) {
        notes
            .push(format!("This is a Foreign Key to `{relation}.{target}`.<fk table='{relation}' column='{target}'/>"));
    }
    if notes.is_empty() {
        return column.description.clone();
    }
    let before = column.description.as_ref().map(|text| format!("{text}\n\n")).unwrap_or_default();
    Some(format!("{before}Note:\n{}", notes.join("\n")))
}

/// Where a column alone leads by a foreign key; tables before views.
fn foreign_key<'c>(catalog: &'c Catalog, table: &Table, column: &Column) -> Option<(&'c str, &'c str)> {
    let name = QualifiedName::new(&table.schema, &table.name);
    let found = |views: bool| {
        catalog.relationships_from(&name, &table.schema).iter().find_map(|relationship| match relationship {
            Relationship::Detected {
                foreign_table,
                cardinality:
                    Cardinality::ManyToOne { columns, .. } | Cardinality::OneToOne { columns, is_parent: false, .. },
                foreign_is_view,
                ..
            } if *foreign_is_view == views => match columns.as_slice() {
                [(here, there)] if *here == column.name => Some((foreign_table.name.as_str(), there.as_str())),
                _ => None,
            },
            _ => None,
        })
    };
    found(false).or_else(|| found(true))
}

/// A default as JSON: text without its cast and quotes, everything else as it stands.
fn json_default(type_name: &str, default: &str) -> String {
    if swagger_type(type_name) != Some("string") {
        return default.to_owned();
    }
    let text = match default.strip_suffix(&format!("::{type_name}")) {
        Some(literal) => literal.trim_matches('\''),
        None => default,
    };
    format!("\"{text}\"")
}

/// What operations refer to.
pub(super) fn parameters(tables: &[&Table]) -> Value {
    let mut all = Map::new();
    let mut add = |name: &str, value: Value| all.insert(name.to_owned(), value);
    let prefer = |choices: &[&str]| {
        let mut parameter =
            json!({"name": "Prefer", "description": "Preference", "required": false, "in": "header", "type": "string"});
        if !choices.is_empty() {
            parameter["enum"] = json!(choices);
        }
        parameter
    };
    let returns = ["return=representation", "return=minimal", "return=none"];
    let resolutions = ["resolution=ignore-duplicates", "resolution=merge-duplicates"];
    add("preferParams", prefer(&[]));
    add("preferReturn", prefer(&returns));
    add("preferCount", prefer(&["count=none"]));
    add("preferPost", prefer(&[&returns[..], &resolutions[..]].concat()));
    let text = |name: &str, description: &str, place: &str| json!({"name": name, "description": description, "required": false, "in": place, "type": "string"});
    add("select", text("select", "Filtering Columns", "query"));
    add("on_conflict", text("on_conflict", "On Conflict", "query"));
    add("order", text("order", "Ordering", "query"));
    add("range", text("Range", "Limiting and Pagination", "header"));
    let mut unit = text("Range-Unit", "Limiting and Pagination", "header");
    unit["default"] = "items".into();
    add("rangeUnit", unit);
    add("offset", text("offset", "Limiting and Pagination", "query"));
    add("limit", text("limit", "Limiting and Pagination", "query"));
    for table in tables {
        let name = &table.name;
        let schema = json!({"$ref": format!("#/definitions/{name}")});
        let body = json!({"name": name, "description": name, "required": false, "in": "body", "schema": schema});
        add(&format!("body.{name}"), body);
        for column in table.columns.values() {
            let mut filter = json!({"name": column.name, "required": false, "in": "query", "type": "string"});
            if let Some(description) = &column.description {
                filter["description"] = description.as_str().into();
            }
            add(&format!("rowFilter.{name}.{}", column.name), filter);
        }
    }
    Value::Object(all)
}
