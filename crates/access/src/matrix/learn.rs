//! Cells, and the file that they amount to.

use std::collections::BTreeSet;

use super::caller::Outcome;
use super::infer::{self, Evidence};
use super::judge::{Judgement, Observation};
use super::plan::writable;
use super::probe::Seen;
use super::report::{Cell, Report};
use super::subject::Subject;
use crate::Schema;
use crate::identities::Person;
use crate::schema::Relation;
use crate::spec::{Expr, Identity, Kind, Object, Operation, Right, Rights, Spec};

/// Open columns, by operation.
pub struct Columns {
    select: Option<Vec<String>>,
    insert: Option<Vec<String>>,
    /// By place: what may be changed as far as privileges go, and how many there are to change.
    changeable: BTreeSet<usize>,
    writable: usize,
    /// Columns that a statement without a `WHERE` changed.
    in_all: BTreeSet<usize>,
}

impl Columns {
    /// From privileges, and for updates from what really changed.
    pub fn of(subject: &Subject, seen: &Seen) -> Self {
        let columns = &subject.relation.columns;
        let writable = columns.iter().filter(|column| writable(column)).count();
        let names = |open: &BTreeSet<usize>, all: usize| {
            let name = |at: &usize| columns[*at].name.clone();
            (open.len() < all).then(|| open.iter().map(name).collect())
        };
        let touched = |outcome: &Outcome| matches!(outcome, Outcome::Touched(count) if *count > 0);
        let in_all = seen.blind_updates.iter().filter(|(_, _, tried)| touched(&tried.outcome)).map(|(at, _, _)| *at);
        let bucket = subject.kind == Kind::Bucket;
        Self {
            select: names(&seen.readable, columns.len()).filter(|_| !bucket),
            insert: names(&seen.givable, writable).filter(|_| !bucket),
            changeable: seen.changeable.clone(),
            writable,
            in_all: in_all.collect(),
        }
    }

    /// Those that may be changed, but for `closed` ones, which something else than a right keeps as they are.
    fn update(&self, subject: &Subject, closed: &BTreeSet<usize>) -> Option<Vec<String>> {
        let open = self.changeable.iter().filter(|at| !closed.contains(at));
        let open: Vec<String> = open.map(|at| subject.relation.columns[*at].name.clone()).collect();
        (open.len() < self.writable && subject.kind != Kind::Bucket).then_some(open)
    }

    /// Columns that were tried and never changed.
    fn unchanged(&self, seen: &[&Observation]) -> BTreeSet<usize> {
        let (changed, tried): (Vec<&Observation>, Vec<&Observation>) = seen.iter().partition(|seen| seen.allowed);
        let changed: BTreeSet<usize> = changed.iter().filter_map(|seen| seen.column).collect();
        let tried = tried.iter().filter_map(|seen| seen.column);
        tried.filter(|at| !changed.contains(at) && !self.in_all.contains(at)).collect()
    }
}

/// One cell for each operation. `peers`: what holds of rows for everybody of the kind.
pub fn cells(
    schema: &Schema,
    subject: &Subject,
    person: &Person,
    judgement: &Judgement,
    columns: Option<&Columns>,
    peers: &[Vec<bool>],
    probes: usize,
) -> Vec<Cell> {
    let rights = subject.spec.rights_of(&person.kind);
    let cell = |operation: Operation| {
        let agrees = judgement.findings.iter().all(|finding| finding.operation != operation);
        let said = rights.map(|rights| rights.on(operation).clone()).unwrap_or_default();
        let seen: Vec<&Observation> = judgement
            .observations
            .iter()
            .filter(|(of, _)| *of == operation)
            .map(|(_, observation)| observation)
            .collect();
        let in_file = subject.spec.line > 0 && agrees;
        let mut explained = true;
        let right = if in_file {
            said
        } else {
            let reached = judgement.blind.iter().filter(|(of, _)| *of == operation).map(|(_, count)| *count).max();
            let blind = reached.map(|count| (count, judgement.rows.as_slice()));
            let passed = if operation == Operation::Update { judgement.passed.as_slice() } else { &[] };
            let from = |seen: &[&Observation]| {
                infer::right(schema, subject, person, operation, Evidence { seen, blind, passed, peers })
            };
            let mut closed = BTreeSet::new();
            let mut found = from(&seen);
            if let Some(columns) = columns.filter(|_| found.is_none() && operation == Operation::Update) {
                // A trigger, say, keeps some columns as they are: of those nothing follows for the others.
                closed = columns.unchanged(&seen);
                let others = |seen: &&Observation| seen.column.is_none_or(|at| !closed.contains(&at));
                found = from(&seen.iter().copied().filter(others).collect::<Vec<_>>());
            }
            let done = seen.iter().any(|seen| seen.allowed) || reached.is_some_and(|count| count > 0);
            explained = found.is_some() || !done;
            let (rows, after) = found.unwrap_or_else(|| match done {
                true => (said.rows.clone(), said.after.clone()),
                false => (Expr::None, None),
            });
            let columns = match (operation, columns) {
                (Operation::Select, Some(columns)) => columns.select.clone(),
                (Operation::Insert, Some(columns)) => columns.insert.clone(),
                (Operation::Update, Some(columns)) => columns.update(subject, &closed),
                _ => None,
            };
            let columns = columns.filter(|_| rows != Expr::None);
            Right { rows, after, columns }
        };
        Cell {
            kind: subject.kind,
            object: subject.name.clone(),
            identity: person.kind.clone(),
            operation,
            right: Right { columns: None, ..right.clone() }.to_string(),
            columns: right.columns.clone(),
            said: right,
            agrees,
            explained,
            probes: seen.len().min(probes),
        }
    };
    Operation::ROWS.into_iter().map(cell).collect()
}

/// A function's cell.
pub fn function_cell(name: &str, person: &Person, may: bool, agrees: bool, probes: usize) -> Cell {
    Cell {
        kind: Kind::Function,
        object: name.to_owned(),
        identity: person.kind.clone(),
        operation: Operation::Execute,
        right: if may { "execute" } else { "none" }.to_owned(),
        said: Right::default(),
        columns: None,
        agrees,
        explained: true,
        probes,
    }
}

impl Report {
    /// The file that says what was seen: `base` where that agrees, else the simplest words that fit.
    pub fn to_spec(&self, base: Option<&Spec>, schema: &Schema) -> Spec {
        let mut spec = base.cloned().unwrap_or_else(Spec::new);
        let mut names: Vec<(Kind, &str)> = Vec::new();
        for cell in &self.cells {
            if !names.contains(&(cell.kind, &cell.object)) {
                names.push((cell.kind, &cell.object));
            }
        }
        for (kind, name) in names {
            let cells: Vec<&Cell> = self.cells.iter().filter(|cell| cell.kind == kind && cell.object == name).collect();
            if base.is_some_and(|base| base.object(kind, name).is_some()) && cells.iter().all(|cell| cell.agrees) {
                continue;
            }
            let known = spec.objects.iter().position(|object| object.kind == kind && object.name == name);
            let mut object = known.map_or_else(|| fresh(schema, kind, name), |at| spec.objects[at].clone());
            apply(&mut object, &cells);
            match known {
                Some(at) => spec.objects[at] = object,
                None if object.rights.is_empty() && !object.public => {}
                None => spec.objects.push(object),
            }
        }
        // What nobody was seen to be let in by is written down, for a reviewer to see.
        for one in self.unproven.iter().filter(|one| one.never_true && !one.acknowledged) {
            let is_it = |cell: &&Cell| cell.object == one.object && matches!(cell.kind, Kind::Table | Kind::Bucket);
            let Some(kind) = self.cells.iter().find(is_it).map(|cell| cell.kind) else { continue };
            let known = spec.objects.iter().position(|object| object.kind == kind && object.name == one.object);
            let at = known.unwrap_or_else(|| {
                spec.objects.push(fresh(schema, kind, &one.object));
                spec.objects.len() - 1
            });
            let names = &mut spec.objects[at].not_proven;
            if !names.contains(&one.policy) {
                names.push(one.policy.clone());
            }
        }
        for object in &mut spec.objects {
            let is_there = |name: &String| {
                let here = |relation: &&Relation| match object.kind {
                    Kind::Bucket => (relation.schema.as_str(), relation.name.as_str()) == ("storage", "objects"),
                    _ => format!("{}.{}", relation.schema, relation.name) == object.name,
                };
                schema.relations.iter().filter(here).any(|relation| relation.policies.iter().any(|p| p.name == *name))
            };
            object.not_proven.retain(is_there);
        }
        // Kinds that come from roles have to be said before they can be spoken of.
        for cell in &self.cells {
            let name = &cell.identity;
            let speaks = spec.objects.iter().any(|object| object.entry(name).is_some());
            if speaks && !spec.identity_names().any(|known| known == name.as_str()) {
                spec.identities.push(Identity::of_role(name));
            }
        }
        // What is gone from the database goes from the file.
        spec.objects
            .retain(|object| self.cells.iter().any(|cell| cell.kind == object.kind && cell.object == object.name));
        spec
    }
}

fn fresh(schema: &Schema, kind: Kind, name: &str) -> Object {
    let relation = schema.relations.iter().find(|relation| format!("{}.{}", relation.schema, relation.name) == name);
    let owner = relation
        .filter(|_| matches!(kind, Kind::Table | Kind::View))
        .and_then(|relation| infer::owner(schema, relation, 2));
    let public = kind == Kind::Bucket && schema.buckets.iter().any(|bucket| bucket.id == name && bucket.public);
    Object { owner, public, ..Object::new(kind, name) }
}

fn apply(object: &mut Object, cells: &[&Cell]) {
    let mut identities: Vec<&str> = Vec::new();
    for cell in cells {
        if !identities.contains(&cell.identity.as_str()) {
            identities.push(&cell.identity);
        }
    }
    let mut seen: Vec<(String, Rights)> = Vec::new();
    for identity in identities {
        let mut rights = Rights::default();
        for cell in cells.iter().filter(|cell| cell.identity == identity) {
            if cell.operation == Operation::Execute {
                rights.execute = cell.right == "execute";
                continue;
            }
            let old = object.rights_of(identity).map(|rights| rights.on(cell.operation).clone());
            *rights.on_mut(cell.operation) = match old {
                Some(old) if cell.agrees => old,
                _ => cell.said.clone(),
            };
        }
        seen.push((identity.to_owned(), rights));
    }
    let user = seen.iter().find(|(name, _)| name == "user").map(|(_, rights)| rights.clone()).unwrap_or_default();
    let mut rights: Vec<(String, Rights)> = Vec::new();
    for (identity, right) in seen {
        let built_in = matches!(identity.as_str(), "anon" | "user" | "service");
        let needless = if built_in { right == Rights::default() } else { right == user };
        if !needless || object.entry(&identity).is_some() {
            rights.push((identity, right));
        }
    }
    let needs_owner =
        rights.iter().any(|(_, rights)| Operation::ROWS.iter().any(|of| rights.on(*of).rows.needs_owner()));
    if !needs_owner && object.line == 0 {
        object.owner = None;
    }
    object.rights = rights;
}
