//! A function's call.

use catalog::{Parameter, Routine};

use super::body::{BodyColumn, rows};
use super::{Sql, array_literal, handler, read};
use crate::plan::read::SOURCE;
use crate::plan::{Arguments, CallPlan};
use crate::request::ranges::Range;

/// What the total is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Total {
    /// It is not asked for.
    None,
    /// All rows are in the page.
    Page,
    /// All rows that the filters leave, without limits.
    All,
}

impl Total {
    /// Decides by what is asked for and what may be cut off.
    pub(crate) fn of(asked: bool, range: Range, max_rows: Option<u64>) -> Self {
        match (asked, max_rows.is_some() || range != Range::ALL) {
            (false, _) => Self::None,
            (true, false) => Self::Page,
            (true, true) => Self::All,
        }
    }

    /// The expression for it; `page` counts the rows of the page.
    pub(crate) fn sql(self, page: &str) -> &str {
        match self {
            Self::None => "null::bigint",
            Self::Page => page,
            Self::All => "(SELECT pg_catalog.count(*) FROM pgrst_source_count)",
        }
    }
}

/// The statement: one row of (total, rows, body).
pub(crate) fn statement(plan: &CallPlan, total: Total) -> Sql {
    let mut sql = Sql::new("WITH ");
    sql.push(SOURCE).push(" AS (");
    call(&mut sql, plan);
    sql.push(")");
    if total == Total::All {
        sql.push(", pgrst_source_count AS (");
        read::count(&mut sql, &plan.tree);
        sql.push(")");
    }
    let page = if plan.routine.returns_single() { "1" } else { "pg_catalog.count(_postgrest_t)" };
    sql.push(" SELECT ").push(total.sql(page)).push(", ").push(page).push(", ");
    handler::body(&mut sql, &plan.handler, Some(&plan.routine));
    sql.push(" FROM (");
    read::select(&mut sql, &plan.tree, read::For::Rows);
    sql.push(") _postgrest_t");
    sql
}

fn call(sql: &mut Sql, plan: &CallPlan) {
    let routine = &plan.routine;
    let is_scalar = routine.returns_scalar() || routine.returns_set_of_scalar();
    sql.push("SELECT ");
    if is_scalar {
        sql.push("pgrst_call.pgrst_scalar");
    } else {
        returned_columns(sql, plan);
    }
    sql.push(" ");
    let function = |sql: &mut Sql, arguments: &dyn Fn(&mut Sql)| {
        sql.push(if is_scalar { "(SELECT " } else { "" });
        sql.name(&catalog::QualifiedName::new(&routine.schema, &routine.name)).push("(");
        arguments(sql);
        sql.push(if is_scalar { ") pgrst_scalar) pgrst_call" } else { ") pgrst_call" });
    };
    match &plan.arguments {
        Arguments::Nothing => {
            sql.push("FROM ");
            function(sql, &|_| {});
        }
        Arguments::Body(body, type_name) => {
            sql.push("FROM ");
            function(sql, &|sql| single(sql, body, type_name));
        }
        Arguments::Named(given) => {
            sql.push("FROM ");
            function(sql, &|sql| named(sql, routine, given));
        }
        Arguments::Object(body, names) => {
            let parameters: Vec<&Parameter> = routine.parameters.iter().filter(|p| names.contains(&p.name)).collect();
            let columns: Vec<BodyColumn<'_>> = parameters
                .iter()
                .map(|p| BodyColumn { name: &p.name, type_name: &p.type_any_length, ..BodyColumn::default() })
                .collect();
            rows(sql, body, &columns, true, false);
            sql.push(", LATERAL ");
            function(sql, &|sql| {
                sql.list(", ", &parameters, |sql, p| {
                    sql.push(variadic(p)).ident(&p.name).push(" := pgrst_body.").ident(&p.name);
                });
            });
        }
    }
}

fn variadic(parameter: &Parameter) -> &'static str {
    if parameter.variadic { "VARIADIC " } else { "" }
}

fn returned_columns(sql: &mut Sql, plan: &CallPlan) {
    match plan.returning.as_slice() {
        [] => {
            sql.push("*");
        }
        [star] if star == "*" => {
            sql.push("pgrst_call.*");
        }
        _ => {
            let mut names: Vec<&String> = plan.returning.iter().chain(&plan.filter_columns).collect();
            names.sort();
            names.dedup();
            sql.list(", ", names, |sql, name| {
                sql.push("pgrst_call.").ident(name);
            });
        }
    }
}

/// The body as the only argument; a bytea goes as its hexadecimal text.
fn single(sql: &mut Sql, body: &bytes::Bytes, type_name: &str) {
    if type_name == "bytea" {
        let mut hex = String::with_capacity(body.len() * 2 + 2);
        hex.push_str("\\x");
        for byte in body {
            for nibble in [byte >> 4, byte & 15] {
                hex.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
        }
        sql.raw_param(hex.into());
    } else {
        sql.raw_param(body.clone());
    }
    sql.push("::").push(type_name);
}

fn named(sql: &mut Sql, routine: &Routine, given: &[(String, String)]) {
    let given_to = |p: &Parameter| -> Vec<&str> {
        given.iter().filter(|(name, _)| *name == p.name).map(|(_, value)| value.as_str()).collect()
    };
    let parameters: Vec<(&Parameter, Vec<&str>)> =
        routine.parameters.iter().map(|p| (p, given_to(p))).filter(|(_, values)| !values.is_empty()).collect();
    sql.list(", ", parameters, |sql, (parameter, values)| {
        sql.push(variadic(parameter)).ident(&parameter.name).push(" := ");
        if parameter.variadic {
            sql.param(&array_literal(values));
        } else {
            // Of a repeated argument the last counts.
            sql.param(values.last().copied().unwrap_or_default());
        }
        sql.push("::").push(&parameter.type_any_length);
    });
}
