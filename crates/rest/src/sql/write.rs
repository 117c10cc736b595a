//! INSERT, UPDATE and DELETE.

use bytes::Bytes;
use catalog::QualifiedName;

use super::body::{BodyColumn, rows};
use super::condition::conditions;
use super::{Sql, handler, literal, read};
use crate::plan::WritePlan;
use crate::plan::negotiate::Handler;
use crate::plan::node::Column;
use crate::plan::read::SOURCE;
use crate::request::Mutation;
use crate::request::preferences::{Representation, Resolution};

/// Counts rows up for the INSERT and down for each that was updated instead, so that 200 and 201 can be told apart.
const COUNT_INSERT: &str = "set_config('pgrst.inserted', \
    (coalesce(nullif(current_setting('pgrst.inserted', true), '')::int, 0) + 1)::text, true) <> '0'";
const COUNT_UPDATE: &str = "set_config('pgrst.inserted', \
    (coalesce(nullif(current_setting('pgrst.inserted', true), '')::int, 0) - 1)::text, true) <> '-1'";

/// The statement: one row of (nothing, rows touched, location, body, rows inserted).
pub(crate) fn statement(plan: &WritePlan, representation: Option<Representation>) -> Sql {
    let mut sql = Sql::new("WITH ");
    sql.push(SOURCE).push(" AS (");
    mutation(&mut sql, plan, None);
    returning(&mut sql, plan);
    sql.push(") SELECT null, pg_catalog.count(_postgrest_t), ");
    if plan.mutation == Mutation::Insert && representation == Some(Representation::HeadersOnly) {
        location(&mut sql, &plan.primary_key);
    } else {
        sql.push("null");
    }
    sql.push(", ");
    handler::body(&mut sql, &plan.handler, None);
    sql.push(", ").push(if counts_inserts(plan) {
        "nullif(current_setting('pgrst.inserted', true), '')::int"
    } else {
        "null"
    });
    sql.push(" FROM (");
    if plan.handler == Handler::None {
        // Names of the select list may not be returned, when nothing is.
        sql.push("SELECT * FROM ").push(SOURCE);
    } else {
        read::select(&mut sql, &plan.tree, read::For::Rows);
    }
    sql.push(") _postgrest_t");
    sql
}

fn merges(plan: &WritePlan) -> bool {
    matches!(plan.on_conflict, Some((Resolution::Merge, _)))
}

/// Can the number of inserted rows differ from that of all rows?
pub(crate) fn counts_inserts(plan: &WritePlan) -> bool {
    matches!(plan.mutation, Mutation::Insert | Mutation::Replace) && merges(plan)
}

/// The text of each column's value, or NULL.
pub(super) type Values = Vec<Option<Bytes>>;

/// INSERT, UPDATE or DELETE; `values` are those of the only row, else they are picked out of the body.
pub(super) fn mutation(sql: &mut Sql, plan: &WritePlan, values: Option<Values>) {
    match plan.mutation {
        Mutation::Insert | Mutation::Replace => insert(sql, plan, values),
        Mutation::Update if plan.columns.is_empty() => no_update(sql, plan),
        Mutation::Update => update(sql, plan, values),
        Mutation::Delete => {
            sql.push("DELETE FROM ").name(&plan.relation);
            filters(sql, plan);
        }
    }
}

fn body_columns(columns: &[Column]) -> Vec<BodyColumn<'_>> {
    columns
        .iter()
        .map(|c| BodyColumn {
            name: &c.name,
            // The value arrives as JSON where a function of the domain converts it.
            type_name: if c.transform.is_some() { "json" } else { &c.nominal_type },
            transform: c.transform.as_deref(),
            default: c.default.as_deref(),
        })
        .collect()
}

fn insert(sql: &mut Sql, plan: &WritePlan, values: Option<Values>) {
    sql.push("INSERT INTO ").name(&plan.relation);
    if !plan.columns.is_empty() {
        sql.push("(")
            .list(", ", &plan.columns, |sql, c| {
                sql.ident(&c.name);
            })
            .push(")");
    }
    if let Some(values) = values {
        sql.push(" VALUES (").list(", ", values, |sql, value| {
            sql.nullable(value);
        });
        sql.push(")");
        on_conflict(sql, plan);
        return;
    }
    sql.push(" SELECT ");
    sql.list(", ", &plan.columns, |sql, c| {
        sql.push("pgrst_body.").ident(&c.name);
    });
    sql.push(" ");
    rows(sql, &plan.body, &body_columns(&plan.columns), false, plan.with_defaults);
    if merges(plan) {
        sql.push("WHERE ").push(COUNT_INSERT);
        if !plan.filters.is_empty() {
            sql.push(" AND ");
            conditions(sql, &QualifiedName::local("pgrst_body"), &plan.filters);
        }
    }
    on_conflict(sql, plan);
}

fn on_conflict(sql: &mut Sql, plan: &WritePlan) {
    let Some((resolution, keys)) = &plan.on_conflict else { return };
    if keys.is_empty() {
        return;
    }
    sql.push(" ON CONFLICT (")
        .list(", ", keys, |sql, key| {
            sql.ident(key);
        })
        .push(") ");
    if *resolution == Resolution::Ignore || plan.columns.is_empty() {
        sql.push("DO NOTHING");
        return;
    }
    sql.push("DO UPDATE SET ").list(", ", &plan.columns, |sql, c| {
        sql.ident(&c.name).push(" = EXCLUDED.").ident(&c.name);
    });
    sql.push(" WHERE ").push(COUNT_UPDATE);
}

/// There is no UPDATE without SET; the columns are named so that a select list on them still has a meaning.
fn no_update(sql: &mut Sql, plan: &WritePlan) {
    sql.push("SELECT ");
    if plan.returning.is_empty() {
        sql.push("NULL");
    } else {
        let table = QualifiedName::local(&plan.relation.name);
        sql.list(", ", &plan.returning, |sql, name| {
            sql.column(&table, name);
        });
    }
    sql.push(" FROM ").name(&plan.relation).push(" WHERE false");
}

fn update(sql: &mut Sql, plan: &WritePlan, values: Option<Values>) {
    sql.push("UPDATE ").name(&plan.relation).push(" SET ");
    if let Some(values) = values {
        sql.list(", ", plan.columns.iter().zip(values), |sql, (column, value)| {
            sql.ident(&column.name).push(" = ").nullable(value);
        });
    } else {
        sql.list(", ", &plan.columns, |sql, c| {
            sql.ident(&c.name).push(" = pgrst_body.").ident(&c.name);
        });
        sql.push(" ");
        rows(sql, &plan.body, &body_columns(&plan.columns), false, plan.with_defaults);
    }
    filters(sql, plan);
}

fn filters(sql: &mut Sql, plan: &WritePlan) {
    if !plan.filters.is_empty() {
        sql.push(" WHERE ");
        conditions(sql, &plan.relation, &plan.filters);
    }
}

fn returning(sql: &mut Sql, plan: &WritePlan) {
    if plan.mutation == Mutation::Update && plan.columns.is_empty() {
        return;
    }
    sql.push(" RETURNING ");
    if plan.returning.is_empty() {
        sql.push("1");
    } else {
        sql.list(", ", &plan.returning, |sql, name| {
            sql.column(&plan.relation, name);
        });
    }
}

/// `{"id":"eq.1"}` of the one inserted row, if it has a key.
fn location(sql: &mut Sql, primary_key: &[String]) {
    sql.push("CASE WHEN pg_catalog.count(_postgrest_t) = 1 THEN (SELECT json_object_agg(pair.key, ");
    sql.push("coalesce('eq.' || pair.value, 'is.null')) FROM (SELECT row_to_json(source) AS r FROM ").push(SOURCE);
    sql.push(" AS source LIMIT 1) AS first, json_each_text(first.r) AS pair WHERE pair.key IN (");
    if primary_key.is_empty() {
        sql.push("NULL");
    }
    sql.list(", ", primary_key, |sql, key| {
        sql.push(&literal(key));
    })
    .push(")) END");
}
