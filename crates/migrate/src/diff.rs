//! `db diff`: what one database has and another lacks, as SQL.
//!
//! Covers schemas, extensions, enums, domains, composite types, sequences, tables and partitions, columns, defaults, constraints,
//! indexes, views, functions and procedures, triggers, row-level security, policies, publications' tables, grants and comments.
//! [`NOT_COVERED`] is what it does not see.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;
use tokio_postgres::Client;

use crate::Error;
use crate::types::unexpected;

/// What a diff does not see.
pub const NOT_COVERED: &str = "aggregates, operators, casts, rules, event triggers, foreign tables and servers, text search, statistics, \
                               storage parameters, default privileges, roles, column grants";

/// Statements that turn one schema into the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SchemaDiff {
    /// In an order in which they can run, without semicolons.
    pub statements: Vec<String>,
    /// What could not be put into statements, or would lose data.
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Object {
    kind: String,
    key: String,
    /// The relation that it belongs to, if any: it goes with that.
    parent: String,
    create: String,
    drop: String,
    extra: serde_json::Value,
}

/// The order in which things are made.
const CREATE_ORDER: &[&str] = &[
    "schema",
    "extension",
    "enum",
    "domain",
    "composite",
    "sequence",
    "table",
    "column",
    "sequence_owner",
    "routine",
    "default",
    "constraint",
    "foreign_key",
    "view",
    "materialized_view",
    "index",
    "trigger",
    "rls",
    "policy",
    "publication",
    "grant",
    "comment",
];
/// The order in which things that others stand on go; the last ones go after everything new is made, since it may have let go of them.
const DROP_FIRST: &[&str] = &[
    "comment",
    "grant",
    "publication",
    "policy",
    "rls",
    "trigger",
    "index",
    "materialized_view",
    "view",
    "foreign_key",
    "constraint",
];
const DROP_LAST: &[&str] =
    &["default", "column", "table", "routine", "sequence", "composite", "domain", "enum", "extension", "schema"];

impl SchemaDiff {
    /// A script.
    pub fn to_sql(&self) -> String {
        if self.statements.is_empty() {
            return String::new();
        }
        let mut out = format!("-- Not compared: {NOT_COVERED}.\n\n");
        if self.statements.iter().any(|s| s.starts_with("CREATE OR REPLACE") || s.starts_with("create or replace")) {
            out.push_str("set check_function_bodies = off;\n\n");
        }
        for statement in &self.statements {
            out.push_str(statement);
            out.push_str(";\n\n");
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
        out
    }
}

/// Statements that turn the schema of `from` into that of `to`. `schemas`: only these; empty: all of the project's.
///
/// # Errors
/// A catalog cannot be read.
pub async fn schema_diff(from: &Client, to: &Client, schemas: &[String]) -> Result<SchemaDiff, Error> {
    Ok(compare(snapshot(from, schemas).await?, snapshot(to, schemas).await?))
}

async fn snapshot(client: &Client, schemas: &[String]) -> Result<Vec<Object>, Error> {
    client.batch_execute("begin transaction read only; set local search_path = ''").await?;
    let row = client.query_one(include_str!("diff/snapshot.sql"), &[&schemas]).await;
    client.batch_execute("rollback").await?;
    serde_json::from_str(row?.get(0)).map_err(unexpected)
}

fn compare(from: Vec<Object>, to: Vec<Object>) -> SchemaDiff {
    let id = |object: &Object| (object.kind.clone(), object.key.clone());
    let old: BTreeMap<(String, String), Object> = from.iter().map(|o| (id(o), o.clone())).collect();
    let new: BTreeMap<(String, String), Object> = to.iter().map(|o| (id(o), o.clone())).collect();
    let mut diff = Diff { gone: gone(&old, &new), fresh: gone(&new, &old), ..Diff::default() };
    for object in &from {
        if !new.contains_key(&id(object)) {
            diff.removed(object);
        }
    }
    for object in &to {
        match old.get(&id(object)) {
            None => diff.added(object, &to),
            Some(before) if before != object => diff.changed(before, object),
            Some(_) => {}
        }
    }
    diff.finish()
}

/// Relations, types and routines of `a` that `b` does not have.
fn gone(a: &BTreeMap<(String, String), Object>, b: &BTreeMap<(String, String), Object>) -> HashSet<String> {
    let whole = ["table", "view", "materialized_view", "sequence", "routine", "schema", "enum", "domain"];
    a.keys().filter(|key| whole.contains(&key.0.as_str()) && !b.contains_key(*key)).map(|key| key.1.clone()).collect()
}

#[derive(Default)]
struct Diff {
    /// What goes as a whole, and takes its parts along.
    gone: HashSet<String>,
    /// What is new as a whole.
    fresh: HashSet<String>,
    drops: Vec<(String, String)>,
    creates: Vec<(String, String)>,
    notes: Vec<String>,
}

impl Diff {
    fn drop(&mut self, object: &Object) {
        if !object.drop.is_empty() {
            self.drops.push((object.kind.clone(), object.drop.clone()));
        }
    }

    fn create(&mut self, kind: &str, sql: String) {
        self.creates.push((kind.to_owned(), sql));
    }

    fn removed(&mut self, object: &Object) {
        if self.gone.contains(&object.parent) && object.kind != "table" {
            return;
        }
        if object.kind == "grant" && object.extra["none"] == true {
            return;
        }
        // A default goes with its column.
        if object.kind == "default"
            && self.drops.iter().any(|(kind, sql)| {
                kind == "column" && sql.ends_with(&last_name(&object.key)) && sql.contains(&object.parent)
            })
        {
            return;
        }
        if matches!(object.kind.as_str(), "table" | "column") {
            self.notes.push(format!("{} {} is dropped, with its data", object.kind, object.key));
        }
        self.drop(object);
    }

    fn added(&mut self, object: &Object, all: &[Object]) {
        let in_new_table = self.fresh.contains(&object.parent);
        match object.kind.as_str() {
            "column" if in_new_table => {}
            "column" => self.create("column", format!("alter table {} add column {}", object.parent, object.create)),
            "table" if object.extra["partition"] != true => {
                let columns: Vec<String> = all
                    .iter()
                    .filter(|o| o.kind == "column" && o.parent == object.key)
                    .map(|o| format!("  {}", o.create))
                    .collect();
                let suffix = object.extra["suffix"].as_str().unwrap_or_default();
                self.create("table", format!("{} (\n{}\n){suffix}", object.create, columns.join(",\n")));
            }
            "index" => self.create("index", object.create.clone()),
            _ => self.create(&object.kind, object.create.clone()),
        }
    }

    fn changed(&mut self, before: &Object, after: &Object) {
        let kind = after.kind.as_str();
        match kind {
            "column" => self.changed_column(before, after),
            "enum" => self.changed_enum(before, after),
            "domain" => self.changed_domain(before, after),
            "composite" => self.changed_composite(before, after),
            "default" | "grant" | "comment" | "rls" | "sequence_owner" => self.create(kind, after.create.clone()),
            "sequence" => self.create(kind, after.create.replacen("create sequence", "alter sequence", 1)),
            "table" => self
                .notes
                .push(format!("{} is partitioned or stored differently; that cannot be changed in place", after.key)),
            "view" if starts_with(&after.extra["shape"], &before.extra["shape"]) => {
                self.create(kind, after.create.clone());
            }
            "routine" if after.extra["shape"] == before.extra["shape"] => self.create(kind, after.create.clone()),
            "routine" => self.create(kind, format!("{};\n{}", before.drop, after.create)),
            _ => {
                self.drop(before);
                self.create(kind, after.create.clone());
            }
        }
    }

    fn changed_column(&mut self, before: &Object, after: &Object) {
        let (old, new) = (&before.extra, &after.extra);
        let name = new["name"].as_str().unwrap_or_default();
        let alter = format!("alter table {} alter column {name}", after.parent);
        if old["generated"] != new["generated"] {
            self.drop(before);
            self.notes.push(format!("column {} is made anew, since its expression changed", after.key));
            self.create("column", format!("alter table {} add column {}", after.parent, after.create));
            return;
        }
        if let Some(of) = new["type"].as_str().filter(|_| old["type"] != new["type"]) {
            self.create("column", format!("{alter} type {of} using {name}::{of}"));
        }
        if old["not_null"] != new["not_null"] {
            let word = if new["not_null"] == true { "set" } else { "drop" };
            self.create("column", format!("{alter} {word} not null"));
        }
        if old["identity"] != new["identity"] {
            let always = if new["identity"] == "a" { "always" } else { "by default" };
            let sql = match (old["identity"].as_str(), new["identity"].as_str()) {
                (_, Some("")) => format!("{alter} drop identity"),
                (Some(""), _) => format!("{alter} add generated {always} as identity"),
                _ => format!("{alter} set generated {always}"),
            };
            self.create("column", sql);
        }
    }

    /// Columns use it, so that it cannot be made anew.
    fn changed_domain(&mut self, before: &Object, after: &Object) {
        let (old, new) = (&before.extra, &after.extra);
        if old["type"] != new["type"] {
            self.notes.push(format!("domain {} has another type; PostgreSQL cannot do that in place", after.key));
            return;
        }
        let alter = format!("alter domain {}", after.key);
        for (name, _) in differing(&old["checks"], &new["checks"]) {
            self.create("domain", format!("{alter} drop constraint {name}"));
        }
        for (name, check) in differing(&new["checks"], &old["checks"]) {
            self.create("domain", format!("{alter} add constraint {name} {check}"));
        }
        if old["default"] != new["default"] {
            let default = new["default"].as_str();
            self.create(
                "domain",
                default.map_or(format!("{alter} drop default"), |d| format!("{alter} set default {d}")),
            );
        }
        if old["not_null"] != new["not_null"] {
            let word = if new["not_null"] == true { "set" } else { "drop" };
            self.create("domain", format!("{alter} {word} not null"));
        }
    }

    /// As with domains.
    fn changed_composite(&mut self, before: &Object, after: &Object) {
        let (old, new) = (&before.extra["attributes"], &after.extra["attributes"]);
        let alter = format!("alter type {}", after.key);
        for (name, _) in differing(old, new).into_iter().filter(|(name, _)| new.get(name).is_none()) {
            self.create("composite", format!("{alter} drop attribute {name}"));
        }
        let mut done = false;
        for (name, of) in differing(new, old) {
            let verb = if old.get(&name).is_some() { ("alter", " type") } else { ("add", "") };
            self.create("composite", format!("{alter} {} attribute {name}{} {of}", verb.0, verb.1));
            done = true;
        }
        if !done && differing(old, new).is_empty() {
            self.notes.push(format!(
                "type {} has its attributes in another order; that cannot be changed in place",
                after.key
            ));
        }
    }

    /// Labels can be added, and that is all.
    fn changed_enum(&mut self, before: &Object, after: &Object) {
        let labels = |object: &Object| -> Vec<String> {
            object.extra["labels"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|l| l.as_str().map(str::to_owned))
                .collect()
        };
        let (old, new) = (labels(before), labels(after));
        let kept: Vec<&String> = new.iter().filter(|label| old.contains(label)).collect();
        if kept.iter().copied().ne(old.iter()) {
            self.notes.push(format!("type {} lost or moved labels; PostgreSQL cannot do that in place", after.key));
            return;
        }
        let quote = |label: &str| format!("'{}'", label.replace('\'', "''"));
        for (at, label) in new.iter().enumerate().filter(|(_, label)| !old.contains(label)) {
            let place = match at.checked_sub(1).and_then(|at| new.get(at)) {
                Some(previous) => format!(" after {}", quote(previous)),
                None => old.first().map(|first| format!(" before {}", quote(first))).unwrap_or_default(),
            };
            self.create("enum", format!("alter type {} add value {}{place}", after.key, quote(label)));
        }
    }

    fn finish(mut self) -> SchemaDiff {
        let mut statements = Vec::new();
        let take = |list: &mut Vec<(String, String)>, order: &[&str], newest_first: bool| -> Vec<String> {
            order
                .iter()
                .flat_map(|kind| {
                    let mut of_kind: Vec<String> =
                        list.iter().filter(|(k, _)| k == kind).map(|(_, sql)| sql.clone()).collect();
                    if newest_first {
                        of_kind.reverse();
                    }
                    of_kind
                })
                .collect()
        };
        statements.extend(take(&mut self.drops, DROP_FIRST, true));
        statements.extend(take(&mut self.creates, CREATE_ORDER, false));
        statements.extend(take(&mut self.drops, DROP_LAST, true));
        SchemaDiff { statements, notes: self.notes }
    }
}

/// The entries of `a` that `b` does not have, or has otherwise; both are JSON objects of texts.
fn differing(a: &serde_json::Value, b: &serde_json::Value) -> Vec<(String, String)> {
    let entries = a.as_object().into_iter().flatten();
    entries
        .filter(|(name, text)| b.get(name.as_str()) != Some(text))
        .map(|(name, text)| (name.clone(), text.as_str().unwrap_or_default().to_owned()))
        .collect()
}

fn last_name(key: &str) -> String {
    format!(" {}", key.rsplit('.').next().unwrap_or(key))
}

/// Is `shorter` the beginning of `longer`? Both are JSON lists.
fn starts_with(longer: &serde_json::Value, shorter: &serde_json::Value) -> bool {
    match (longer.as_array(), shorter.as_array()) {
        (Some(longer), Some(shorter)) => longer.starts_with(shorter),
        _ => false,
    }
}
