//! Primary and foreign keys.

use serde_json::json;

use super::facts::relation_hit;
use super::{Category, Facts, Hit, Level, Rule, rule};
use crate::schema::{ForeignKey, Relation};

pub const UNINDEXED_FOREIGN_KEYS: Rule = Rule {
    title: "Foreign key without an index",
    why: "Deleting or changing a referenced row looks through the whole referencing table, and so does every join along the key.",
    remedy: "Make an index whose first columns are those of the key.",
    ..rule("unindexed_foreign_keys", "0001", Level::Info, Category::Performance, unindexed_foreign_keys)
};

fn unindexed_foreign_keys(facts: &Facts<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for table in facts.tables().filter(|table| table.partition_of.is_none()) {
        for key in table.foreign_keys.iter().filter(|key| !is_covered(table, key)) {
            let columns: Vec<_> = key.columns.iter().map(|column| pg::ident(column)).collect();
            let numbers: Vec<_> = key.columns.iter().filter_map(|name| table.column(name)).map(|c| c.number).collect();
            let mut hit = relation_hit(
                table,
                format!("No index covers the foreign key {} ({}).", key.name, key.columns.join(", ")),
            );
            hit.key += &format!("_{}", key.name);
            hit.sql = Some(format!("create index on {} ({});", table.sql(), columns.join(", ")));
            hit.metadata.insert("fkey_name".to_owned(), json!(key.name));
            hit.metadata.insert("fkey_columns".to_owned(), json!(numbers));
            hits.push(hit);
        }
    }
    hits
}

/// Are the key's columns, in any order, the first ones of an index over all rows?
fn is_covered(table: &Relation, key: &ForeignKey) -> bool {
    table.indexes.iter().any(|index| {
        let first = index.columns.get(..key.columns.len());
        index.valid
            && index.predicate.is_none()
            && first.is_some_and(|first| key.columns.iter().all(|column| first.contains(column)))
    })
}

pub const NO_PRIMARY_KEY: Rule = Rule {
    title: "Table without a primary key",
    why: "Rows cannot be told apart: replication, upserts and editing one row need a key.",
    remedy: "Add a primary key.",
    ..rule("no_primary_key", "0004", Level::Info, Category::Performance, no_primary_key)
};

fn no_primary_key(facts: &Facts<'_>) -> Vec<Hit> {
    let keyless = facts.tables().filter(|table| table.primary_key().is_empty() && table.partition_of.is_none());
    keyless
        .map(|table| {
            let mut hit = relation_hit(table, "The table has no primary key.".to_owned());
            if table.column("id").is_none() {
                let sql = table.sql();
                hit.sql = Some(format!("alter table {sql} add column id uuid primary key default gen_random_uuid();"));
            }
            hit
        })
        .collect()
}

pub const FKEY_TO_AUTH_UNIQUE: Rule = Rule {
    title: "Foreign key to a unique column of auth",
    why: "The authentication service owns its tables; a key that leans on one of its unique indexes stops it from changing them.",
    remedy: "Refer to the primary key, auth.users (id).",
    ..rule("fkey_to_auth_unique", "0021", Level::Error, Category::Security, fkey_to_auth_unique)
};

fn fkey_to_auth_unique(facts: &Facts<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for table in facts.tables() {
        for key in table.foreign_keys.iter().filter(|key| key.target_schema == "auth") {
            let target = facts.relation(key.target);
            let index =
                target.and_then(|t| t.indexes.iter().find(|index| Some(&index.name) == key.target_index.as_ref()));
            if index.is_some_and(|index| !index.primary) {
                let target = format!("auth.{} ({})", key.target_table, key.target_columns.join(", "));
                let mut hit = relation_hit(
                    table,
                    format!("The foreign key {} refers to {target}, which is no primary key.", key.name),
                );
                hit.key += &format!("_{}", key.name);
                hit.sql = Some(format!("alter table {} drop constraint {};", table.sql(), pg::ident(&key.name)));
                hit.metadata.insert("foreign_key".to_owned(), json!(key.name));
                hits.push(hit);
            }
        }
    }
    hits
}
