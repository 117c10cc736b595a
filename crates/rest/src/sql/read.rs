//! A tree as SELECT.

use catalog::{Cardinality, QualifiedName, Relationship};

use super::Sql;
use super::condition::{aggregated, condition, field, join_condition, joined_exists, limit, order, select_item};
use crate::plan::node::{Embedded, Node, SelectColumn, Spread, SpreadColumn};

/// For whom the columns are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    /// For a function of PostgreSQL that makes JSON (or something else) of whole rows.
    Rows,
    /// For our own writer: what is no plain text is made JSON by PostgreSQL, column by column.
    Writer,
}

/// The statement of a tree. With [`For::Writer`] nothing may be aggregated at the root.
pub(crate) fn select(sql: &mut Sql, node: &Node, reader: For) {
    let table = own_name(node);
    sql.push("SELECT ");
    select_list(sql, node, &table, reader);
    from(sql, node);
    for child in &node.children {
        join(sql, node, child);
    }
    let has_filter = !node.filters.is_empty() || !node.join_conditions.is_empty();
    if has_filter {
        sql.push(" WHERE ");
        sql.list(" AND ", &node.filters, |sql, c| condition(sql, &table, c, &joined_exists));
        if !node.filters.is_empty() && !node.join_conditions.is_empty() {
            sql.push(" AND ");
        }
        sql.list(" AND ", &node.join_conditions, join_condition);
    }
    group(sql, node, &table);
    order(sql, &table, &node.order);
    limit(sql, node.range);
}

/// How the columns of a node are qualified.
pub(crate) fn own_name(node: &Node) -> QualifiedName {
    match (&node.relationship, &node.alias) {
        (_, Some(alias)) => QualifiedName::local(alias),
        (Some(Relationship::Computed { function, .. }), None) => QualifiedName::local(&function.name),
        _ => node.from.clone(),
    }
}

fn select_list(sql: &mut Sql, node: &Node, table: &QualifiedName, reader: For) {
    let star = [SelectColumn { column: crate::plan::node::Column::unknown("*"), ..SelectColumn::default() }];
    // Without any column the rows would be lost to the aggregate above.
    let items = if node.select.is_empty() && node.children.is_empty() { &star[..] } else { &node.select };
    let mut first = true;
    let mut next = |sql: &mut Sql| {
        if !std::mem::take(&mut first) {
            sql.push(", ");
        }
    };
    for item in items {
        next(sql);
        let wrap = (reader == For::Writer && !is_plain(item)).then_some("to_json");
        select_item(sql, table, item, wrap);
    }
    if let Some(Spread::ToMany { extra, .. }) = &node.spread {
        for (relation, item) in extra {
            next(sql);
            let of = relation.as_ref().map_or_else(|| table.clone(), QualifiedName::local);
            select_item(sql, &of, item, None);
        }
    }
    // Only jsonb can be grouped by; and whole rows show it in the text of their records, as upstream does.
    let as_jsonb = is_aggregated(node) || node.spread.is_some() || (reader == For::Rows && node.depth == 0);
    for embedded in &node.embedded {
        match embedded {
            Embedded::Json { hidden: true, .. } => {}
            Embedded::Json { name, subselect, to_one, .. } => {
                next(sql);
                json_of(sql, subselect, *to_one, as_jsonb);
                sql.push(" AS ").ident(name);
            }
            Embedded::Spread { columns, subselect } => {
                for column in columns {
                    next(sql);
                    spread_column(sql, subselect, column, reader);
                }
            }
        }
    }
}

/// One embed as JSON.
fn json_of(sql: &mut Sql, subselect: &str, to_one: bool, as_jsonb: bool) {
    let cast = if as_jsonb { "::jsonb" } else { "" };
    if to_one {
        sql.push("row_to_json(").ident(subselect).push(".*)").push(cast);
    } else {
        sql.push("COALESCE(").ident(subselect).push(".").ident(subselect).push(cast).push(", '[]')");
    }
}

fn spread_column(sql: &mut Sql, subselect: &str, column: &SpreadColumn, reader: For) {
    let name = QualifiedName::local(subselect);
    // The columns of a `*` that was not expanded are not known here.
    let wraps = reader == For::Writer && !column.plain && column.aggregate.is_none() && column.name != "*";
    if wraps {
        sql.push("to_json(");
    }
    aggregated(sql, column.aggregate, column.aggregate_cast.as_deref(), |sql| {
        sql.column(&name, &column.name);
    });
    if wraps {
        sql.push(")");
    }
    match &column.alias {
        Some(alias) => {
            sql.push(" AS ").ident(alias);
        }
        None if wraps => {
            sql.push(" AS ").ident(&column.name);
        }
        None => {}
    }
}

/// Can our writer make JSON of the text of this item?
fn is_plain(item: &SelectColumn) -> bool {
    const TYPES: [&str; 18] = [
        "text", "int", "integer", "int2", "int4", "int8", "smallint", "bigint", "float4", "float8", "real", "numeric",
        "decimal", "bool", "boolean", "uuid", "json", "jsonb",
    ];
    if let Some(cast) = item.aggregate_cast.as_ref().or(item.cast.as_ref()) {
        return TYPES.contains(&cast.trim().to_ascii_lowercase().as_str());
    }
    // A `*` comes here only when all columns are plain; steps into JSON give json or text.
    item.aggregate.is_some()
        || item.column.is_star()
        || !item.column.path.is_empty()
        || item.column.transform.is_some()
        || item.column.plain
}

fn from(sql: &mut Sql, node: &Node) {
    sql.push(" FROM ");
    match (&node.relationship, &node.row_of) {
        (Some(Relationship::Computed { function, table, .. }), Some(row)) => {
            // The cast chooses among overloads when the row comes from a statement's result.
            sql.name(function).push("(").ident(&row.name).push("::").name(table).push(")");
        }
        _ => {
            sql.name(&node.from);
        }
    }
    if let Some(alias) = &node.alias {
        sql.push(" AS ").ident(alias);
    }
    if let Some(Relationship::Detected { cardinality: Cardinality::ManyToMany(junction), .. }) = &node.relationship {
        sql.push(", ").name(&junction.table);
    }
}

fn join(sql: &mut Sql, node: &Node, child: &Node) {
    let alias = &child.subselect;
    sql.push(if child.is_inner() { " INNER JOIN LATERAL (" } else { " LEFT JOIN LATERAL (" });
    let many = match node.embedded.iter().find(|e| e.subselect() == alias) {
        Some(Embedded::Json { to_one: false, .. }) => {
            rows_as_json(sql, alias);
            true
        }
        Some(Embedded::Spread { columns, .. }) => match &child.spread {
            Some(Spread::ToMany { order: terms, .. }) => {
                rows_as_json(sql, alias);
                for column in columns {
                    sql.push(", ");
                    spread_array(sql, alias, column, terms);
                }
                true
            }
            _ => false,
        },
        _ => false,
    };
    if many {
        sql.push(" FROM (");
        select(sql, child, For::Rows);
        sql.push(") AS ").ident(alias);
    } else {
        select(sql, child, For::Rows);
    }
    sql.push(") AS ").ident(alias).push(" ON ");
    // Within, column and subselect have one name; the column is meant.
    if many && child.is_inner() {
        sql.ident(alias).push(" IS NOT NULL");
    } else {
        sql.push("TRUE");
    }
}

fn rows_as_json(sql: &mut Sql, alias: &str) {
    sql.push("SELECT json_agg(").ident(alias).push(") AS ").ident(alias);
}

/// A column of all rows, as one array.
fn spread_array(sql: &mut Sql, alias: &str, column: &SpreadColumn, terms: &[crate::plan::node::OrderBy]) {
    let name = QualifiedName::local(alias);
    sql.push("COALESCE(json_agg(").column(&name, &column.name);
    order(sql, &name, terms);
    sql.push("), '[]')::jsonb AS ").ident(column.alias.as_ref().unwrap_or(&column.name));
}

/// Is anything of the select list aggregated, so that the rest must be grouped by?
pub(crate) fn is_aggregated(node: &Node) -> bool {
    node.select.iter().any(|s| s.aggregate.is_some())
        || node.embedded.iter().any(|e| match e {
            Embedded::Spread { columns, .. } => columns.iter().any(|c| c.aggregate.is_some()),
            Embedded::Json { .. } => false,
        })
}

fn group(sql: &mut Sql, node: &Node, table: &QualifiedName) {
    if !is_aggregated(node) {
        return;
    }
    let mut terms: Vec<Sql> = Vec::new();
    let mut term = |add: &mut dyn FnMut(&mut Sql)| {
        // Parameters are numbered in the order of the text, so a term must not bring any of its own.
        let mut part = Sql::default();
        add(&mut part);
        terms.push(part);
    };
    for item in node.select.iter().filter(|s| s.aggregate.is_none()) {
        match &item.alias {
            Some(alias) => term(&mut |sql| {
                sql.ident(alias);
            }),
            None => term(&mut |sql| field(sql, table, &item.column)),
        }
    }
    for embedded in &node.embedded {
        match embedded {
            Embedded::Json { hidden: true, .. } => {}
            Embedded::Json { name, .. } => term(&mut |sql| {
                sql.ident(name);
            }),
            Embedded::Spread { columns, subselect } => {
                for column in columns.iter().filter(|c| c.aggregate.is_none()) {
                    let name = column.alias.as_ref().unwrap_or(&column.name);
                    term(&mut |sql| {
                        sql.column(&QualifiedName::local(subselect), name);
                    });
                }
            }
        }
    }
    if !terms.is_empty() {
        sql.push(" GROUP BY ").list(", ", terms, |sql, part| {
            sql.push(&part.text);
        });
    }
}

/// Counts what a tree's root would return without limits. Inner joins become EXISTS.
pub(crate) fn count(sql: &mut Sql, node: &Node) {
    let table = own_name(node);
    sql.push("SELECT 1");
    from(sql, node);
    let inner: Vec<&Node> = node.children.iter().filter(|c| c.is_inner()).collect();
    if node.filters.is_empty() && node.join_conditions.is_empty() && inner.is_empty() {
        return;
    }
    sql.push(" WHERE TRUE");
    let exists = |sql: &mut Sql, subselect: &str, wanted: bool| {
        let Some(child) = node.children.iter().find(|c| c.subselect == subselect) else { return };
        sql.push(if wanted { "EXISTS (" } else { "NOT EXISTS (" });
        count(sql, child);
        sql.push(")");
    };
    for filter in &node.filters {
        sql.push(" AND ");
        condition(sql, &table, filter, &exists);
    }
    for join in &node.join_conditions {
        sql.push(" AND ");
        join_condition(sql, join);
    }
    for child in inner {
        sql.push(" AND EXISTS (");
        count(sql, child);
        sql.push(")");
    }
}
