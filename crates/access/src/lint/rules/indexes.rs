//! Indexes that are missing, idle or twice there, and tables that are mostly air.

use std::collections::BTreeMap;

use serde_json::json;

use super::facts::relation_hit;
use super::{Category, Facts, Hit, Level, Rule, rule};
use crate::expr::{Expr, Kind, Select};
use crate::lint::PolicyFacts;
use crate::lint::caller::{compared_column, is_caller_id, own_columns};
use crate::schema::{Index, Relation};

pub const UNUSED_INDEX: Rule = Rule {
    title: "Index that no query has used",
    why: "Every write keeps the index up to date. On a young database it says nothing yet.",
    remedy: "Drop it if it stays unused under real load.",
    ..rule("unused_index", "0005", Level::Info, Category::Performance, unused_index)
};

fn unused_index(facts: &Facts<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for table in facts.ours() {
        let idle = |index: &&Index| index.scans == 0 && !index.unique && !index.primary && index.constraint.is_none();
        for index in table.indexes.iter().filter(idle) {
            let mut hit = relation_hit(table, format!("No query has used the index {} yet.", index.name));
            hit.key += &format!("_{}", index.name);
            hit.sql = Some(format!("drop index {};", pg::qualified(&table.schema, &index.name)));
            hits.push(hit);
        }
    }
    hits
}

pub const DUPLICATE_INDEX: Rule = Rule {
    title: "The same index twice",
    why: "Each copy takes space and time on every write, and none makes a query faster.",
    remedy: "Drop all but one.",
    ..rule("duplicate_index", "0009", Level::Warn, Category::Performance, duplicate_index)
};

fn duplicate_index(facts: &Facts<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for table in facts.ours() {
        let mut same: BTreeMap<(bool, &str), Vec<&Index>> = BTreeMap::new();
        for index in &table.indexes {
            // `CREATE [UNIQUE] INDEX name ON …`: what comes after the name is what the index is.
            let what = index.definition.split_once(" ON ").map_or(index.definition.as_str(), |(_, what)| what);
            same.entry((index.unique, what)).or_default().push(index);
        }
        for twins in same.values().filter(|twins| twins.len() > 1) {
            let names: Vec<_> = twins.iter().map(|index| index.name.as_str()).collect();
            let mut hit = relation_hit(table, format!("The indexes {} are the same.", names.join(" and ")));
            hit.key += &format!("_{{{}}}", names.join(","));
            // One that serves a constraint or keeps values unique must stay.
            let keep = twins.iter().position(|index| index.constraint.is_some() || index.unique).unwrap_or(0);
            let drops = twins.iter().enumerate().filter(|(at, index)| *at != keep && index.constraint.is_none());
            let sql: Vec<_> =
                drops.map(|(_, index)| format!("drop index {};", pg::qualified(&table.schema, &index.name))).collect();
            hit.sql = (!sql.is_empty()).then(|| sql.join("\n"));
            hit.metadata.insert("indexes".to_owned(), json!(names));
            hits.push(hit);
        }
    }
    hits
}

pub const TABLE_BLOAT: Rule = Rule {
    title: "Table that is mostly dead space",
    why: "Reads go through pages of rows that are gone.",
    remedy: "VACUUM FULL gives the space back and locks the table meanwhile; let autovacuum run more often on it.",
    ..rule("table_bloat", "0020", Level::Info, Category::Performance, table_bloat)
};

fn table_bloat(facts: &Facts<'_>) -> Vec<Hit> {
    let bloated = &facts.context.observed.bloated;
    let tables = facts.tables().filter_map(|table| {
        let (_, wasted) = bloated.iter().find(|(oid, _)| *oid == table.oid)?;
        let mut hit = relation_hit(table, format!("About {} MB of the table hold no rows.", wasted / 1024 / 1024));
        hit.sql = Some(format!("vacuum full {};", table.sql()));
        Some(hit)
    });
    tables.collect()
}

pub const UNINDEXED_POLICY_COLUMN: Rule = Rule {
    title: "Policy column without an index",
    why: "Every query of a user looks through all rows to find those that the policy lets him see: measured on 100,000 rows of which 100 are \
          his, an index on the column makes it about 100 times faster.",
    remedy: "Make an index that starts with the column.",
    ..rule("unindexed_policy_column", "1501", Level::Info, Category::Performance, unindexed_policy_column)
};

fn unindexed_policy_column(facts: &Facts<'_>) -> Vec<Hit> {
    let mut found: BTreeMap<(u32, String), (&Relation, &PolicyFacts<'_>)> = BTreeMap::new();
    for policy in &facts.policies {
        // USING finds rows; WITH CHECK looks at one that is at hand, but its sub-selects find rows too.
        for (clause, finds) in policy.using.iter().map(|c| (c, true)).chain(policy.check.iter().map(|c| (c, false))) {
            let mut wanted: Vec<(&Relation, String)> = Vec::new();
            if finds {
                for part in clause.expr.branches().concat() {
                    if let Some((column, value)) = compared_column(part, policy.table)
                        && facts.names_caller(value)
                        && own_columns(value, policy.table).is_empty()
                    {
                        wanted.push((policy.table, column.to_owned()));
                    }
                }
            }
            for select in clause.expr.selects() {
                wanted.extend(of_select(facts, select));
            }
            for (table, column) in wanted {
                if table.is_table() && facts.is_ours(&table.schema, table.extension.as_ref()) && !is_led(table, &column)
                {
                    found.entry((table.oid, column)).or_insert((table, policy));
                }
            }
        }
    }
    found
        .into_iter()
        .map(|((_, column), (table, policy))| {
            let by = match table.oid == policy.table.oid {
                true => format!("the policy {:?}", policy.policy.name),
                false => {
                    format!("the policy {:?} of {}.{}", policy.policy.name, policy.table.schema, policy.table.name)
                }
            };
            let mut hit = relation_hit(table, format!("No index starts with {column}, by which {by} finds rows."));
            hit.key += &format!("_{column}");
            hit.object.column = Some(column.clone());
            hit.sql = Some(format!("create index on {} ({});", table.sql(), pg::ident(&column)));
            hit
        })
        .collect()
}

/// Columns of the relations of a sub-select by which it finds rows: those that are compared with the caller, where no other column of
/// the same relation that is compared with something else has an index.
fn of_select<'a>(facts: &Facts<'a>, select: &Select) -> Vec<(&'a Relation, String)> {
    let mut found = Vec::new();
    for source in select.from.iter().filter(|source| source.expression.is_none()) {
        let schema = source.schema.as_deref().unwrap_or("public");
        let Some(table) = facts.schema.relation(schema, &source.name) else { continue };
        let handle = source.handle();
        let column_of = |side: &Expr| match &side.bare().kind {
            Kind::Column { relation: Some(relation), name } if relation == handle => Some(name.clone()),
            _ => None,
        };
        let mut by_caller = Vec::new();
        let mut has_index = false;
        for part in select.conditions.iter().flat_map(Expr::conjuncts) {
            let Kind::Binary { operator, left, right } = &part.kind else { continue };
            if operator != "=" {
                continue;
            }
            for (side, other) in [(left, right), (right, left)] {
                if let Some(column) = column_of(side) {
                    has_index |= is_led(table, &column);
                    if is_caller_id(other) {
                        by_caller.push(column);
                    }
                }
            }
        }
        if !has_index {
            found.extend(by_caller.into_iter().map(|column| (table, column)));
        }
    }
    found
}

fn is_led(table: &Relation, column: &str) -> bool {
    table.indexes.iter().any(|index| index.valid && index.columns.first().is_some_and(|first| first == column))
}
