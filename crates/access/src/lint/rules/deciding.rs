//! Policies that decide by a column which the caller may write in his own row.
//!
//! What a privilege is, is not told by names here but by use: a condition reads the caller's row of a table and looks at a column of it.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::relation_hit;
use super::{Category, Facts, Hit, Level, Rule, rule};
use crate::expr::{Expr, Kind, Select};
use crate::lint::caller::{Who, is_caller_id, own_columns};
use crate::schema::{Command, Function, Relation};

pub const POLICY_DECIDES_BY_WRITABLE_COLUMN: Rule = Rule {
    title: "Rights by a column that the caller writes himself",
    why: "The policy looks up the caller's own row to decide what he may do, and the caller may write what it looks at there.",
    remedy: "Revoke INSERT and UPDATE on the column from the callers, or decide by something that only the server writes.",
    ..rule("policy_decides_by_writable_column", "1003", Level::Error, Category::Security, decides_by_writable_column)
};

fn decides_by_writable_column(facts: &Facts<'_>) -> Vec<Hit> {
    let mut found: BTreeMap<(u32, String), (&Relation, BTreeSet<String>)> = BTreeMap::new();
    for policy in facts.policies.iter().filter(|p| facts.callers.iter().any(|role| facts.binds(p.policy, role))) {
        let mut decisions = Vec::new();
        for clause in policy.clauses() {
            // At the top of a policy there is no source of its own to look into: only sub-selects.
            of_expression(facts, &clause.expr, &mut decisions);
        }
        for function in called(facts, &policy.policy.calls) {
            if let Some(select) = Select::parse(&function.body) {
                select.all().into_iter().for_each(|select| of_select(facts, select, false, &mut decisions));
                select.expressions().for_each(|part| of_expression(facts, part, &mut decisions));
            }
        }
        for (table, column) in decisions {
            if writable_by_subject(facts, table, &column) {
                let by = format!("{:?} on {}.{}", policy.policy.name, policy.table.schema, policy.table.name);
                found.entry((table.oid, column)).or_insert((table, BTreeSet::new())).1.insert(by);
            }
        }
    }
    found
        .into_iter()
        .map(|((_, column), (table, policies))| {
            let more = if policies.len() > 1 { format!(" and {} more", policies.len() - 1) } else { String::new() };
            let first = policies.iter().next().map_or("", String::as_str);
            let mut hit = relation_hit(
                table,
                format!("The policy {first}{more} decides by {column} of the caller's own row, which he may write."),
            );
            hit.key += &format!("_{column}");
            let roles: Vec<_> = facts.callers.iter().map(|role| pg::ident(role)).collect();
            let (name, list) = (pg::ident(&column), roles.join(", "));
            hit.sql = Some(format!("revoke insert ({name}), update ({name}) on {} from {list};", table.sql()));
            if facts.callers.iter().any(|role| facts.may(role, "UPDATE", table) || facts.may(role, "INSERT", table)) {
                hit.sql = Some(format!("revoke insert, update on {} from {list};", table.sql()));
            }
            hit.object.column = Some(column);
            hit
        })
        .collect()
}

/// Functions of the project that are called, and those that they call in turn, by name.
fn called<'a>(facts: &Facts<'a>, oids: &[u32]) -> Vec<&'a Function> {
    let mut found: Vec<&Function> = Vec::new();
    let mut next: Vec<u32> = oids.to_vec();
    while let Some(function) = next.pop().and_then(|oid| facts.function(oid)) {
        let is_read =
            matches!(function.language.as_str(), "sql" | "plpgsql") && !crate::schema::is_platform(&function.schema);
        if !is_read || found.iter().any(|known| known.oid == function.oid) || found.len() > 50 {
            continue;
        }
        found.push(function);
        Expr::parse(&function.body).walk(&mut |node| {
            if let Kind::Call { schema: Some(schema), name, .. } = &node.kind {
                let same = facts.schema.functions.iter().filter(|f| f.schema == *schema && f.name == *name);
                next.extend(same.map(|f| f.oid));
            }
        });
    }
    found
}

/// Sub-selects of an expression; one that the caller's id is looked for in is about the caller.
fn of_expression<'a>(facts: &Facts<'a>, expr: &Expr, found: &mut Vec<(&'a Relation, String)>) {
    expr.walk(&mut |node| match &node.kind {
        Kind::Quantified { left, right, every: false, .. } if is_caller_id(left) => {
            if let Kind::Select(select) = &right.kind {
                of_select(facts, select, true, found);
            }
        }
        Kind::Select(select) | Kind::Exists(select) => of_select(facts, select, false, found),
        _ => {}
    });
}

/// Columns that a sub-select looks at in the caller's row. `sought`: its first relation is about the caller in any case.
fn of_select<'a>(facts: &Facts<'a>, select: &Select, sought: bool, found: &mut Vec<(&'a Relation, String)>) {
    let alone = select.from.len() == 1;
    for (at, source) in select.from.iter().enumerate().filter(|(_, source)| source.expression.is_none()) {
        let schema = source.schema.as_deref().unwrap_or("public");
        let Some(table) = facts.schema.relation(schema, &source.name).filter(|table| table.is_table()) else {
            continue;
        };
        if !facts.is_ours(&table.schema, table.extension.as_ref()) {
            continue;
        }
        let column_of = |expr: &Expr| match &expr.bare().kind {
            Kind::Column { relation, name } => {
                let is_its = relation.as_ref().map_or(alone, |relation| relation == source.handle());
                table.column(name).filter(|_| is_its).map(|column| column.name.clone())
            }
            _ => None,
        };
        let parts: Vec<_> = select.conditions.iter().flat_map(Expr::conjuncts).collect();
        let is_tie = |part: &Expr| match &part.kind {
            Kind::Binary { operator, left, right } if operator == "=" => {
                column_of(left).is_some() && is_caller_id(right) || column_of(right).is_some() && is_caller_id(left)
            }
            _ => false,
        };
        if !(parts.iter().any(|part| is_tie(part)) || sought && at == 0) {
            continue;
        }
        let key: Vec<_> = table.foreign_keys.iter().flat_map(|key| &key.columns).chain(table.primary_key()).collect();
        for part in parts.iter().copied().filter(|part| !is_tie(part)).chain(&select.outputs) {
            let (mut its, mut others) = (BTreeSet::new(), false);
            part.walk(&mut |node| {
                if let Kind::Column { relation, .. } = &node.kind {
                    match column_of(node) {
                        Some(column) => drop(its.insert(column)),
                        // A plain name that is no column is a parameter of the function.
                        None => others |= relation.is_some() || !alone,
                    }
                }
            });
            // A comparison with another row joins; a key says which row, not what the caller may.
            if !others {
                found.extend(its.into_iter().filter(|column| !key.contains(&column)).map(|column| (table, column)));
            }
        }
    }
}

/// May a caller write this column in a row of his own, to any value that he likes?
fn writable_by_subject(facts: &Facts<'_>, table: &Relation, column: &str) -> bool {
    [(Command::Update, "UPDATE"), (Command::Insert, "INSERT")].into_iter().any(|(command, privilege)| {
        let may = |role: &&&str| facts.may_column(role, privilege, table, column);
        facts.callers.iter().filter(may).any(|role| {
            !table.rls
                || facts
                    .policies_of(table)
                    .filter(|policy| {
                        policy.policy.permissive && policy.covers(command) && facts.binds(policy.policy, role)
                    })
                    .any(|policy| {
                        policy.new_row().is_some_and(|check| {
                            check.expr.branches().iter().any(|branch| {
                                let looks = branch.iter().any(|part| own_columns(part, table).contains(column));
                                facts.who(branch, table) != Who::Staff && !looks
                            })
                        })
                    })
        })
    })
}
