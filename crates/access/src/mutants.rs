//! Policies and grants changed on purpose, one at a time: does any test notice?
//!
//! - [`all`]: the changes that a database offers, pure.
//! - [`Mutant`]: one of them, with the SQL that makes it and the SQL that takes it back.
//! - [`Outcome`], [`Score`], [`render`]: what was noticed, by whom, and what was not.
//!
//! Whoever runs them (see `basalt db test --mutants`) applies one, asks the project's tests and the access matrix, and takes it back.

mod conditions;
mod equivalent;
mod grants;
mod implied;
mod policies;
mod score;

pub(crate) use implied::follows;
pub use score::{By, Noticed, Outcome, Score, render};

use serde::Serialize;

use crate::Schema;
use crate::schema::{Relation, is_platform};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mutant {
    /// The table, `schema.name`.
    pub table: String,
    /// The policy; for a change of grants the role.
    pub subject: String,
    /// What is changed, for people.
    pub change: String,
    /// The condition that is left out, turned round or opened, if it is one.
    pub condition: Option<String>,
    /// Makes it.
    pub sql: String,
    /// Takes it back.
    pub undo: String,
    /// Objects whose access may change: the table, views over it, tables whose policies read it, buckets.
    pub concerns: Vec<String>,
    /// Why nobody can notice it, where that is certain.
    pub equivalent: Option<String>,
}

impl Mutant {
    /// `policy "own" on public.notes: …`, in one line.
    pub fn title(&self) -> String {
        format!("{} on {}: {}", self.subject, self.table, self.change)
    }
}

/// All changes of the project's policies, row-level security and grants; policies first.
pub fn all(schema: &Schema) -> Vec<Mutant> {
    let tables: Vec<&Relation> = schema
        .relations
        .iter()
        .filter(|table| table.is_table() && table.extension.is_none())
        .filter(|table| !is_platform(&table.schema) || (table.schema == "storage" && table.name == "objects"))
        .collect();
    let mut found: Vec<Mutant> = tables.iter().flat_map(|table| policies::of(schema, table)).collect();
    found.extend(tables.iter().filter(|table| !is_platform(&table.schema)).flat_map(|table| grants::of(schema, table)));
    found
}

/// The table, what is built on it, and, for objects of storage, the buckets.
fn concerns(schema: &Schema, table: &Relation) -> Vec<String> {
    let mut oids = vec![table.oid];
    let mut names = Vec::new();
    let mut next = 0;
    while let Some(oid) = oids.get(next).copied() {
        next += 1;
        for relation in &schema.relations {
            let reads =
                relation.reads.contains(&oid) || relation.policies.iter().any(|policy| policy.reads.contains(&oid));
            if reads && !oids.contains(&relation.oid) {
                oids.push(relation.oid);
            }
        }
    }
    for oid in oids {
        let Some(relation) = schema.relations.iter().find(|relation| relation.oid == oid) else { continue };
        if relation.schema == "storage" && relation.name == "objects" {
            names.extend(schema.buckets.iter().map(|bucket| bucket.id.clone()));
        } else {
            names.push(format!("{}.{}", relation.schema, relation.name));
        }
    }
    names
}
