//! Differences as a person reads them: one for each thing that is wrong, a table's own first, and what is only seen through it beneath it.

use super::report::{Difference, Report, Verdict};
use crate::Schema;
use crate::schema::{Relation, RelationKind};
use crate::spec::{Kind, Operation};

/// Differences that are one: the same operation on several columns, or of several identities.
#[derive(Debug, Clone)]
pub struct Group<'r> {
    /// The first of them, with its example.
    pub first: &'r Difference,
    /// Of its first identity: all of them, each of another column.
    pub all: Vec<&'r Difference>,
    /// All identities.
    pub identities: Vec<&'r str>,
    /// How many statements showed it.
    pub times: usize,
    /// Of a table: leaks of views that show its rows with the rights of whoever asks.
    pub behind: Vec<&'r Difference>,
}

impl<'r> Group<'r> {
    /// `select of a, b as user, admin`.
    pub fn what(&self) -> String {
        let columns = self.columns();
        let columns = if columns.is_empty() { String::new() } else { format!(" of {}", columns.join(", ")) };
        format!("{}{columns} as {}", self.first.operation.word(), self.identities.join(", "))
    }

    fn columns(&self) -> Vec<&'r str> {
        self.all.iter().filter_map(|one| one.column.as_deref()).collect()
    }

    /// The views behind it, each with what is seen there.
    pub fn views(&self) -> Vec<String> {
        let mut views: Vec<(&str, Vec<String>)> = Vec::new();
        for one in &self.behind {
            let what = format!("{} as {}", one.operation.word(), one.identity);
            match views.iter_mut().find(|(name, _)| *name == one.object) {
                Some((_, known)) if known.contains(&what) => {}
                Some((_, known)) => known.push(what),
                None => views.push((&one.object, vec![what])),
            }
        }
        views.into_iter().map(|(name, what)| format!("{name}: {}", what.join(", "))).collect()
    }

    fn is_like(&self, other: &Group<'r>) -> bool {
        let (one, two) = (self.first, other.first);
        (one.verdict, one.kind, &one.object, one.operation) == (two.verdict, two.kind, &two.object, two.operation)
            && (self.columns(), &one.expected, &one.because) == (other.columns(), &two.expected, &two.because)
    }
}

/// Groups them, in the order in which they are to be read.
pub fn groups<'r>(differences: impl IntoIterator<Item = &'r Difference>) -> Vec<Group<'r>> {
    let rank = |kind: Kind| match kind {
        Kind::Table => 0,
        Kind::Bucket => 1,
        Kind::Function => 2,
        Kind::View => 3,
    };
    let mut all: Vec<&Difference> = differences.into_iter().collect();
    all.sort_by(|a, b| (a.verdict, rank(a.kind), &a.object).cmp(&(b.verdict, rank(b.kind), &b.object)));
    let (behind, own): (Vec<&Difference>, Vec<&Difference>) = all.into_iter().partition(|one| one.behind.is_some());
    // Columns first, then identities of which the same is told.
    let mut by_column: Vec<Group<'r>> = Vec::new();
    for one in own {
        let same = |known: &&mut Group<'r>| {
            let first = known.first;
            (first.verdict, first.kind, &first.object, first.operation, &first.identity, first.column.is_some())
                == (one.verdict, one.kind, &one.object, one.operation, &one.identity, one.column.is_some())
        };
        match by_column.iter_mut().find(same) {
            Some(known) => {
                known.all.push(one);
                known.times += one.times;
            }
            None => by_column.push(Group {
                first: one,
                all: vec![one],
                identities: vec![&one.identity],
                times: one.times,
                behind: Vec::new(),
            }),
        }
    }
    let mut found: Vec<Group<'r>> = Vec::new();
    for group in by_column {
        match found.iter_mut().find(|known| known.is_like(&group)) {
            Some(known) => {
                known.identities.extend(group.identities);
                known.times += group.times;
            }
            None => found.push(group),
        }
    }
    for one in behind {
        let is_his = |group: &Group<'r>| {
            let first = group.first;
            (first.verdict, first.operation) == (Verdict::Leak, one.operation)
                && one.behind.as_ref() == Some(&first.object)
        };
        match found.iter_mut().find(|group| is_his(group)) {
            Some(group) => group.behind.push(one),
            None => found.push(Group {
                first: one,
                all: vec![one],
                identities: vec![&one.identity],
                times: one.times,
                behind: Vec::new(),
            }),
        }
    }
    found
}

impl Report {
    /// Finds leaks of views that are those of their tables: who reads through the view has the rights that he has on the table.
    pub(super) fn look_behind(&mut self, schema: &Schema) {
        let leaks: Vec<(String, String, Operation)> =
            self.leaks().map(|one| (one.object.clone(), one.identity.clone(), one.operation)).collect();
        for one in self.differences.iter_mut().filter(|one| one.verdict == Verdict::Leak && one.kind == Kind::View) {
            let view = schema.relations.iter().find(|view| name(view) == one.object);
            let tables = view.map(|view| tables(schema, view)).unwrap_or_default();
            one.behind =
                tables.into_iter().find(|table| leaks.contains(&(table.clone(), one.identity.clone(), one.operation)));
        }
    }
}

/// The tables that a view reads as whoever asks, also by other such views.
fn tables(schema: &Schema, view: &Relation) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut views = vec![view];
    let mut seen: Vec<u32> = Vec::new();
    while let Some(view) = views.pop() {
        if view.kind != RelationKind::View || !view.security_invoker || seen.contains(&view.oid) {
            continue;
        }
        seen.push(view.oid);
        for read in schema.relations.iter().filter(|read| view.reads.contains(&read.oid)) {
            if read.is_table() { found.push(name(read)) } else { views.push(read) }
        }
    }
    found
}

fn name(relation: &Relation) -> String {
    format!("{}.{}", relation.schema, relation.name)
}
