//! A JSON body as rows with typed columns.

use bytes::Bytes;

use super::{Sql, literal};

/// A value that the body gives.
#[derive(Debug, Clone, Default)]
pub(crate) struct BodyColumn<'a> {
    pub(crate) name: &'a str,
    pub(crate) type_name: &'a str,
    /// Converts from JSON, for a represented domain.
    pub(crate) transform: Option<&'a str>,
    pub(crate) default: Option<&'a str>,
}

/// ` FROM (body) pgrst_payload, LATERAL (…) pgrst_body`: one row per object.
pub(crate) fn rows(sql: &mut Sql, body: &Bytes, columns: &[BodyColumn<'_>], only_first: bool, with_defaults: bool) {
    let is_object = body.iter().find(|b| !b" \t\r\n".contains(b)) == Some(&b'{');
    let json = if with_defaults { "jsonb" } else { "json" };
    sql.push("FROM (SELECT ").raw_param(body.clone()).push("::").push(json).push(" AS json_data) pgrst_payload, ");
    let source = if with_defaults {
        defaults(sql, columns, is_object);
        "pgrst_json_defs.val"
    } else {
        "pgrst_payload.json_data"
    };
    sql.push("LATERAL (SELECT ");
    sql.list(", ", columns, |sql, column| match column.transform {
        Some(function) => {
            sql.push(function).push("(").ident(column.name).push(") AS ").ident(column.name);
        }
        None => {
            sql.ident(column.name);
        }
    });
    sql.push(" FROM ");
    if columns.is_empty() {
        // `{}` is one row without columns, `[{}, {}]` are two.
        if is_object {
            sql.push("(values(1)) _");
        } else {
            sql.push(json).push("_array_elements(").push(source).push(") _");
        }
    } else {
        sql.push(json).push(if is_object { "_to_record(" } else { "_to_recordset(" }).push(source).push(") AS _(");
        sql.list(", ", columns, |sql, column| {
            sql.ident(column.name).push(" ").push(column.type_name);
        });
        sql.push(")").push(if only_first { " LIMIT 1" } else { "" });
    }
    sql.push(") pgrst_body ");
}

/// Puts the defaults under what the body gives.
fn defaults(sql: &mut Sql, columns: &[BodyColumn<'_>], is_object: bool) {
    let mut object = Sql::new("jsonb_build_object(");
    let given = columns.iter().filter_map(|c| c.default.map(|default| (c.name, default)));
    object.list(", ", given, |sql, (name, default)| {
        sql.push(&literal(name)).push(", ").push(default);
    });
    object.push(")");
    if is_object {
        sql.push("LATERAL (SELECT ").push(&object.text).push(" || pgrst_payload.json_data AS val) pgrst_json_defs, ");
    } else {
        sql.push("LATERAL (SELECT jsonb_agg(").push(&object.text);
        sql.push(" || elem) AS val FROM jsonb_array_elements(pgrst_payload.json_data) elem) pgrst_json_defs, ");
    }
}
