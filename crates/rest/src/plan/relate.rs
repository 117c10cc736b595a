//! Which relationship an embed means.

use catalog::{Cardinality, Catalog, ColumnPair, QualifiedName, Relationship};
use serde_json::{Value, json};

use crate::error::Error;
use crate::fuzzy;

/// Finds the one relationship between `origin` and what the request calls `target`.
pub(crate) fn find_relationship(
    catalog: &Catalog,
    schema: &str,
    origin: &str,
    target: &str,
    hint: Option<&str>,
) -> Result<Relationship, Error> {
    let from = QualifiedName::new(schema, origin);
    let candidates: Vec<&Relationship> =
        catalog.relationships_from(&from, schema).iter().filter(|r| is_meant(r, target, hint)).collect();
    match candidates.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(Error::NoRelationship {
            parent: origin.to_owned(),
            child: target.to_owned(),
            embed_hint: hint.map(str::to_owned),
            schema: schema.to_owned(),
            hint: nearest(catalog, &from, target),
        }),
        many => Err(Error::AmbiguousRelationship {
            parent: origin.to_owned(),
            child: target.to_owned(),
            details: Box::new(many.iter().map(|r| described(r)).collect()),
            hint: format!(
                "Try changing '{target}' to one of the following: {}. Find the desired relationship in the 'details' key.",
                many.iter().filter_map(|r| distinct_name(r)).collect::<Vec<_>>().join(", ")
            ),
        }),
    }
}

fn is_meant(relationship: &Relationship, target: &str, hint: Option<&str>) -> bool {
    let (foreign_table, is_self, cardinality, foreign_is_view) = match relationship {
        Relationship::Computed { function, .. } => return function.name == target,
        Relationship::Detected { foreign_table, is_self, cardinality, foreign_is_view, .. } => {
            (foreign_table, *is_self, cardinality, *foreign_is_view)
        }
    };
    let by_table = foreign_table.name == target;
    let is_one_to_many = matches!(cardinality, Cardinality::OneToMany { .. });
    match (is_self, hint) {
        // Of the two directions of a key to the same table, the table's name means the children, the column's the parent.
        (true, None) => {
            by_table && is_one_to_many
                || matches!(cardinality, Cardinality::ManyToOne { .. }) && has_column(cardinality, target)
        }
        (true, Some(hint)) => by_table && is_one_to_many && has_foreign_column(cardinality, hint),
        (false, None) => {
            by_table || !foreign_is_view && (has_constraint(cardinality, target) || has_column(cardinality, target))
        }
        (false, Some(hint)) => {
            by_table
                && (has_constraint(cardinality, hint)
                    || has_column(cardinality, hint)
                    || has_foreign_column(cardinality, hint)
                    || matches!(cardinality, Cardinality::ManyToMany(j) if j.table.name == hint))
        }
    }
}

fn has_constraint(cardinality: &Cardinality, name: &str) -> bool {
    cardinality.foreign_key().is_some_and(|(constraint, _)| constraint == name)
}

fn only_pair(cardinality: &Cardinality) -> Option<&ColumnPair> {
    match cardinality.foreign_key() {
        Some((_, [pair])) => Some(pair),
        _ => None,
    }
}

fn has_column(cardinality: &Cardinality, name: &str) -> bool {
    only_pair(cardinality).is_some_and(|(here, _)| here == name)
}

fn has_foreign_column(cardinality: &Cardinality, name: &str) -> bool {
    only_pair(cardinality).is_some_and(|(_, there)| there == name)
}

/// A misspelled parent first; if it is known, a misspelled child.
fn nearest(catalog: &Catalog, from: &QualifiedName, target: &str) -> Option<String> {
    let known = catalog.relationships_from(from, &from.schema);
    if !catalog.is_related(from, &from.schema) {
        let mut parents: Vec<&str> = catalog
            .relationships
            .keys()
            .filter(|(_, schema)| *schema == from.schema)
            .map(|(table, _)| table.name.as_str())
            .collect();
        parents.sort_unstable();
        let name = fuzzy::nearest(parents.into_iter(), &from.name, None)?;
        return Some(format!("Perhaps you meant '{name}' instead of '{}'.", from.name));
    }
    let children = known.iter().map(|r| r.foreign_table().name.as_str());
    let (_, name) = fuzzy::similar(children, target).into_iter().find(|(score, _)| *score < 1.0)?;
    Some(format!("Perhaps you meant '{name}' instead of '{target}'."))
}

/// One entry of the error's `details`.
fn described(relationship: &Relationship) -> Value {
    let Relationship::Detected { table, foreign_table, cardinality, .. } = relationship else { return json!({}) };
    let list = |names: Vec<&str>| format!("({})", names.join(", "));
    let firsts = |pairs: &[ColumnPair]| list(pairs.iter().map(|(a, _)| a.as_str()).collect());
    let seconds = |pairs: &[ColumnPair]| list(pairs.iter().map(|(_, b)| b.as_str()).collect());
    let by_key = |constraint: &str, pairs: &[ColumnPair]| {
        format!("{constraint} using {}{} and {}{}", table.name, firsts(pairs), foreign_table.name, seconds(pairs))
    };
    let (kind, text) = match cardinality {
        Cardinality::ManyToMany(j) => (
            "many-to-many",
            format!(
                "{} using {}{} and {}{}",
                j.table.name,
                j.constraint_source,
                seconds(&j.columns_source),
                j.constraint_target,
                seconds(&j.columns_target)
            ),
        ),
        Cardinality::ManyToOne { constraint, columns } => ("many-to-one", by_key(constraint, columns)),
        Cardinality::OneToOne { constraint, columns, .. } => ("one-to-one", by_key(constraint, columns)),
        Cardinality::OneToMany { constraint, columns } => ("one-to-many", by_key(constraint, columns)),
    };
    json!({
        "cardinality": kind,
        "embedding": format!("{} with {}", table.name, foreign_table.name),
        "relationship": text,
    })
}

/// `'target!constraint'`
fn distinct_name(relationship: &Relationship) -> Option<String> {
    let Relationship::Detected { foreign_table, cardinality, .. } = relationship else { return None };
    let by = match cardinality {
        Cardinality::ManyToMany(j) => &j.table.name,
        Cardinality::ManyToOne { constraint, .. }
        | Cardinality::OneToOne { constraint, .. }
        | Cardinality::OneToMany { constraint, .. } => constraint,
    };
    Some(format!("'{}!{by}'", foreign_table.name))
}
