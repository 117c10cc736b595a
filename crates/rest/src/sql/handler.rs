//! Rows as a body, made by PostgreSQL: for what our own writer does not make.

use catalog::{QualifiedName, Routine};

use super::Sql;
use crate::plan::negotiate::Handler;
use crate::plan::read::SOURCE;

/// What the rows to be shown are called.
pub(crate) const ROWS: &str = "_postgrest_t";

/// The expression that makes the body of all rows.
pub(crate) fn body(sql: &mut Sql, handler: &Handler, routine: Option<&Routine>) {
    const VALUE: &str = "_postgrest_t.pgrst_scalar";
    let is_scalar = routine.is_some_and(Routine::returns_scalar);
    let row = if is_scalar || routine.is_some_and(Routine::returns_set_of_scalar) { VALUE } else { ROWS };
    let one = routine.is_some_and(|r| r.returns_single());
    match handler {
        Handler::None => {
            sql.push("''::text");
        }
        Handler::Json => json(sql, row, one, false),
        Handler::JsonStripped => json(sql, row, one, true),
        // Of a set of values the one is shown as the row that upstream makes of it, under the name that it gives.
        Handler::Object { stripped } => json(sql, if is_scalar { VALUE } else { ROWS }, true, *stripped),
        Handler::Csv => csv(sql),
        Handler::GeoJson => {
            sql.push(
                "json_build_object('type', 'FeatureCollection', 'features', \
             coalesce(json_agg(ST_AsGeoJSON(_postgrest_t)::json), '[]'))",
            );
        }
        Handler::Custom { function, target } => custom(sql, function, target.as_ref(), routine),
    }
}

fn json(sql: &mut Sql, row: &str, one: bool, stripped: bool) {
    sql.push("coalesce(").push(if stripped { "json_strip_nulls(" } else { "" });
    sql.push("json_agg(").push(row).push(")").push(if one { "->0" } else { "" });
    sql.push(if stripped { ")" } else { "" }).push(if one { ", 'null')" } else { ", '[]')" });
}

/// The header from the keys of the first row, and each row as PostgreSQL prints a record.
fn csv(sql: &mut Sql) {
    sql.push("(SELECT coalesce(string_agg(keys.k, ','), '') FROM (SELECT json_object_keys(first.r) AS k FROM (");
    sql.push("SELECT row_to_json(source) AS r FROM ").push(SOURCE).push(" AS source LIMIT 1) AS first) AS keys)");
    sql.push(" || E'\\n' || coalesce(string_agg(");
    sql.push("substring(_postgrest_t::text, 2, length(_postgrest_t::text) - 2), E'\\n'), '')");
}

fn custom(sql: &mut Sql, function: &QualifiedName, target: Option<&QualifiedName>, routine: Option<&Routine>) {
    sql.name(function);
    if routine.is_some_and(Routine::returns_scalar) {
        sql.push("(_postgrest_t.pgrst_scalar)");
        return;
    }
    match target {
        None => {
            sql.push("(_postgrest_t)");
        }
        Some(target) => {
            sql.push("(_postgrest_t::").name(target).push(")");
        }
    }
}
