//! What was seen, held against what is said.

mod blind;
mod masked;

use std::collections::BTreeSet;

use super::caller::{Outcome, TOO_LONG};
use super::plan::{Attempt, Key, Row};
use super::probe::{Seen, Tried};
use super::report::{Untried, Verdict};
use super::says::{Says, says, words};
use super::subject::Subject;
use crate::identities::Person;
use crate::spec::{Expr, Kind, Operation, Right};

/// A disagreement, before anybody has looked for its reason.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Which way.
    pub verdict: Verdict,
    /// What was done.
    pub operation: Operation,
    /// The column, where one makes the difference.
    pub column: Option<usize>,
    /// The row's key, of a row that is there.
    pub key: Option<Key>,
    /// What the file says.
    pub expected: String,
    /// What happened.
    pub seen: String,
    /// The statement that shows it.
    pub statement: String,
}

/// One row under one operation: what held of it before and after, and whether it was allowed.
#[derive(Debug, Clone)]
pub struct Observation {
    /// Of the old row.
    pub before: Option<Vec<bool>>,
    /// Of the new row.
    pub after: Option<Vec<bool>>,
    /// Did it happen?
    pub allowed: bool,
    /// The column of an update.
    pub column: Option<usize>,
    /// Refused, of a row that is not seen: a statement without a `WHERE` may reach it all the same.
    pub hidden: bool,
}

/// All about one identity and one object.
#[derive(Debug, Default)]
pub struct Judgement {
    /// Disagreements.
    pub findings: Vec<Finding>,
    /// What rights are inferred from.
    pub observations: Vec<(Operation, Observation)>,
    /// What proved nothing.
    pub untried: Vec<Untried>,
    /// How many rows a statement without a `WHERE` reached.
    pub blind: Vec<(Operation, usize)>,
    /// Rows and what an `UPDATE` without a `WHERE` would have made of them, which it did not fail on.
    pub passed: Vec<(Vec<bool>, Vec<bool>)>,
    /// What holds of each row.
    pub rows: Vec<Vec<bool>>,
}

/// Judges; without a file everything that is seen is taken as it is. `always`: what opens every row to an operation, if something does.
pub fn judge(
    subject: &Subject,
    person: &Person,
    attempt: &Attempt,
    seen: &Seen,
    has_file: bool,
    always: &dyn Fn(Operation) -> Option<String>,
) -> Judgement {
    let mut judge = Judge { subject, person, attempt, has_file, stopped: Vec::new(), out: Judgement::default() };
    judge.out.rows = attempt.rows.iter().map(|row| row.truths.clone()).collect();
    judge.reads(seen);
    judge.inserts(seen);
    judge.updates(seen);
    judge.deletes(seen);
    judge.without_rows(seen, always);
    judge.masked(seen, always);
    judge.not_blind();
    judge.out
}

struct Judge<'j> {
    subject: &'j Subject,
    person: &'j Person,
    attempt: &'j Attempt,
    has_file: bool,
    /// Statements without a `WHERE` that something stopped.
    stopped: Vec<(Operation, String)>,
    out: Judgement,
}

impl Judge<'_> {
    fn right(&self, operation: Operation) -> Right {
        self.subject.spec.rights_of(&self.person.kind).map(|rights| rights.on(operation).clone()).unwrap_or_default()
    }

    fn reads(&mut self, seen: &Seen) {
        let right = self.right(Operation::Select);
        let expected: Vec<bool> =
            self.attempt.rows.iter().map(|row| self.subject.holds(&right.rows, &row.truths)).collect();
        let wanted = expected.iter().filter(|expected| **expected).count();
        let all = format!("select {} from {}{}", self.shown_key(), self.subject.table(), self.subject.filter());
        let none = Vec::new();
        let keys = match &seen.keys {
            Some(Ok(keys)) => keys,
            Some(Err(failure)) => {
                let verdict = if failure.code == "42501" { Verdict::Refused } else { Verdict::Broken };
                let slow = failure.code == TOO_LONG;
                if !slow && (wanted > 0 || verdict == Verdict::Broken && right.rows != Expr::None) {
                    self.find(verdict, Operation::Select, None, None, &right, words(failure), all);
                } else if verdict == Verdict::Broken {
                    self.note(Operation::Select, words(failure));
                }
                for (row, _) in self.attempt.rows.iter().zip(&expected).filter(|(_, expected)| !**expected) {
                    if seen.single.contains(&row.key) {
                        let said = "sees the row, though not all at once".to_owned();
                        let statement = self.read_one(row);
                        self.find(Verdict::Leak, Operation::Select, None, Some(&row.key), &right, said, statement);
                    }
                }
                if verdict == Verdict::Broken || wanted > 0 {
                    return;
                }
                &none
            }
            None => {
                if seen.count != wanted {
                    let verdict = if seen.count > wanted { Verdict::Leak } else { Verdict::Refused };
                    let said =
                        format!("sees {} rows where {wanted} are expected; their keys are closed to it", seen.count);
                    self.find(verdict, Operation::Select, None, None, &right, said, all);
                }
                return;
            }
        };
        for (row, expected) in self.attempt.rows.iter().zip(&expected) {
            let sees = keys.contains(&row.key);
            self.observe(Operation::Select, Some(&row.truths), None, sees, None);
            if sees != *expected {
                let (verdict, said) =
                    if sees { (Verdict::Leak, "sees the row") } else { (Verdict::Refused, "does not see the row") };
                let statement = self.read_one(row);
                self.find(verdict, Operation::Select, None, Some(&row.key), &right, said.to_owned(), statement);
            }
        }
        if keys.is_empty() {
            return;
        }
        let Some(row) = self.attempt.rows.iter().find(|row| keys.contains(&row.key)) else { return };
        for (at, column) in self.subject.relation.columns.iter().enumerate() {
            let (may, said) = (seen.readable.contains(&at), right.names(&column.name));
            if may == said || wanted == 0 {
                continue;
            }
            let (verdict, what) =
                if may { (Verdict::Leak, "reads the column") } else { (Verdict::Refused, "may not read the column") };
            let name = pg::ident(&column.name);
            let statement = format!("select {name} from {} where {}", self.subject.table(), self.subject.at(&row.key));
            self.find(verdict, Operation::Select, Some(at), Some(&row.key), &right, what.to_owned(), statement);
        }
    }

    fn inserts(&mut self, seen: &Seen) {
        let right = self.right(Operation::Insert);
        for (at, extra, tried) in &seen.inserts {
            let insert = &self.attempt.inserts[*at];
            let expected = extra.is_none() && self.subject.holds(&right.rows, &insert.truths);
            let allowed = self.weigh(Operation::Insert, *extra, None, expected, &right, tried);
            if let Some(allowed) = allowed.filter(|_| extra.is_none()) {
                self.observe(Operation::Insert, None, Some(&insert.truths), allowed, None);
            }
        }
    }

    fn updates(&mut self, seen: &Seen) {
        let right = self.right(Operation::Update);
        for (at, column) in self.subject.relation.columns.iter().enumerate() {
            let said = right.rows != Expr::None && right.names(&column.name) && super::plan::writable(column);
            let tried = self.attempt.updates.iter().any(|update| update.column == at);
            if said && tried && !seen.changeable.contains(&at) {
                let statement = self.attempt.updates.iter().find(|update| update.column == at).map(|update| {
                    super::plan::update_sql(
                        self.subject,
                        &self.attempt.rows[update.row].key,
                        at,
                        update.value.as_deref(),
                    )
                });
                let what = "has no privilege on the column".to_owned();
                self.find(
                    Verdict::Refused,
                    Operation::Update,
                    Some(at),
                    None,
                    &right,
                    what,
                    statement.unwrap_or_default(),
                );
            }
        }
        let reached = self.reached(&right, seen.blind_updates.iter().map(|(_, _, tried)| tried));
        for (at, tried) in &seen.updates {
            let update = &self.attempt.updates[*at];
            let row = &self.attempt.rows[update.row];
            let named = right.names(&self.subject.relation.columns[update.column].name);
            let becomes = |truths: &Vec<bool>| self.subject.holds(right.becoming(), truths);
            let expected =
                named && self.subject.holds(&right.rows, &row.truths) && update.truths.as_ref().is_some_and(becomes);
            let key = row.key.clone();
            // What the row would become is not known, where something stops it even for us: being let through as far as that is
            // held against the old row, being refused against nothing.
            let unknown = named && update.truths.is_none() && self.subject.holds(&right.rows, &row.truths);
            let refused = !matches!(says(&tried.outcome, true), Says::Allowed | Says::Stopped(_));
            if refused && (unknown || update.truths.is_none() && !self.has_file) {
                continue;
            }
            let expected = expected || unknown;
            // A new row that he would not see refuses a statement with a `WHERE` and no other.
            let of_it =
                || seen.blind_updates.iter().filter(|(at, _, _)| *at == update.column).map(|(_, _, tried)| tried);
            let changed = of_it().any(|tried| matches!(tried.outcome, Outcome::Touched(count) if count > 0));
            let hidden = refused && changed || tried.outcome == Outcome::Touched(0) && self.is_hidden(seen, row);
            if hidden && expected && (reached || self.reached(&right, of_it())) {
                continue;
            }
            let allowed = self.weigh(Operation::Update, Some(update.column), Some(&key), expected, &right, tried);
            if let Some(allowed) = allowed {
                self.observe(
                    Operation::Update,
                    Some(&row.truths),
                    update.truths.as_ref(),
                    allowed,
                    Some(update.column),
                );
                self.hide(hidden);
            }
        }
        let all_seen = self.sees_all(seen);
        for (column, value, tried) in &seen.blind_updates {
            self.blind(Operation::Update, (Some(*column), value.as_deref()), &right, tried, all_seen);
        }
    }

    /// Of one who cannot tell the rows that he sees, nothing is known.
    fn is_hidden(&self, seen: &Seen, row: &Row) -> bool {
        match &seen.keys {
            Some(Ok(keys)) => !keys.contains(&row.key),
            Some(Err(_)) => true,
            None => seen.count < self.attempt.rows.len(),
        }
    }

    fn hide(&mut self, hidden: bool) {
        if let Some((_, last)) = self.out.observations.last_mut() {
            last.hidden = hidden && !last.allowed;
        }
    }

    /// Does a statement without a `WHERE` reach all rows of the right, also those that he does not see?
    fn reached<'t>(&self, right: &Right, mut tried: impl Iterator<Item = &'t Tried>) -> bool {
        let wanted = self.attempt.rows.iter().filter(|row| self.subject.holds(&right.rows, &row.truths)).count();
        let enough = |count: u64| usize::try_from(count).is_ok_and(|count| count >= wanted);
        tried.any(|tried| matches!(tried.outcome, Outcome::Touched(count) if enough(count)))
    }

    /// Does he see every row, so that a `WHERE` keeps nothing from him?
    fn sees_all(&self, seen: &Seen) -> bool {
        let keys = seen.keys.as_ref().and_then(|keys| keys.as_ref().ok());
        keys.is_some_and(|keys| self.attempt.rows.iter().all(|row| keys.contains(&row.key)))
    }

    fn deletes(&mut self, seen: &Seen) {
        let right = self.right(Operation::Delete);
        let reached = self.reached(&right, seen.blind.iter());
        for (at, tried) in &seen.deletes {
            let row = &self.attempt.rows[*at];
            let expected = self.subject.holds(&right.rows, &row.truths);
            let hidden = tried.outcome == Outcome::Touched(0) && self.is_hidden(seen, row);
            if hidden && expected && reached {
                continue;
            }
            let key = row.key.clone();
            if let Some(allowed) = self.weigh(Operation::Delete, None, Some(&key), expected, &right, tried) {
                self.observe(Operation::Delete, Some(&row.truths), None, allowed, None);
                self.hide(hidden);
            }
        }
        let all_seen = self.sees_all(seen);
        if let Some(tried) = &seen.blind {
            self.blind(Operation::Delete, (None, None), &right, tried, all_seen);
        }
    }

    /// Where no row could be made, nothing was tried. What is open whatever the rows are is open all the same.
    fn without_rows(&mut self, seen: &Seen, always: &dyn Fn(Operation) -> Option<String>) {
        if self.subject.kind != Kind::Table {
            return;
        }
        let table = self.subject.table();
        let columns = &self.subject.relation.columns;
        let name = |at: usize| pg::ident(&columns[at].name);
        for operation in Operation::ROWS {
            let (open, empty) = match operation {
                Operation::Select => (&seen.readable, self.attempt.rows.is_empty()),
                Operation::Insert => (&seen.givable, self.attempt.inserts.is_empty()),
                Operation::Update => (&seen.changeable, self.attempt.rows.is_empty()),
                _ => (&BTreeSet::new(), self.attempt.rows.is_empty()),
            };
            let may_delete = seen.blind.as_ref().is_some_and(|tried| matches!(tried.outcome, Outcome::Touched(_)));
            if !empty || open.is_empty() && !(operation == Operation::Delete && may_delete) {
                continue;
            }
            let right = self.right(operation);
            let Some(reason) = always(operation) else { continue };
            // Any row, also one of which nothing holds.
            self.observe(operation, Some(&vec![false; self.subject.atoms.len()]), None, true, None);
            let statement = |at: Option<&usize>| {
                let column = at.map_or_else(|| "*".to_owned(), |at| name(*at));
                match operation {
                    Operation::Select => format!("select {column} from {table}"),
                    Operation::Update => format!("update {table} set {column} = null"),
                    Operation::Delete => format!("delete from {table}"),
                    _ => format!("insert into {table} ({column}) values (default)"),
                }
            };
            let said = format!("no row could be made, but every row is open to it: {reason}");
            if matches!(right.rows, Expr::None | Expr::Own | Expr::Others) {
                self.find(Verdict::Leak, operation, None, None, &right, said, statement(open.first()));
                continue;
            }
            for at in open.iter().filter(|at| !right.names(&columns[**at].name)) {
                self.find(Verdict::Leak, operation, Some(*at), None, &right, said.clone(), statement(Some(at)));
            }
        }
    }

    /// Was it allowed? Notes what disagrees and what proves nothing.
    fn weigh(
        &mut self,
        operation: Operation,
        column: Option<usize>,
        key: Option<&Key>,
        expected: bool,
        right: &Right,
        tried: &Tried,
    ) -> Option<bool> {
        let (allowed, said) = match says(&tried.outcome, expected) {
            Says::Allowed => (true, "is done".to_owned()),
            Says::Stopped(why) => {
                let column = column.map(|at| self.subject.relation.columns[at].name.as_str());
                (true, stopped(operation, column, &why))
            }
            Says::Refused(why) => (false, why),
            Says::Broken(why) => {
                if expected || right.rows != Expr::None {
                    self.find(Verdict::Broken, operation, column, key, right, why, tried.statement.clone());
                }
                return None;
            }
            Says::Nothing(why) => {
                self.note(operation, why);
                return None;
            }
        };
        if allowed != expected {
            let verdict = if allowed { Verdict::Leak } else { Verdict::Refused };
            self.find(verdict, operation, column, key, right, said, tried.statement.clone());
        }
        Some(allowed)
    }

    fn find(
        &mut self,
        verdict: Verdict,
        operation: Operation,
        column: Option<usize>,
        key: Option<&Key>,
        right: &Right,
        seen: String,
        statement: String,
    ) {
        if self.has_file {
            let (key, expected) = (key.cloned(), right.to_string());
            self.out.findings.push(Finding { verdict, operation, column, key, expected, seen, statement });
        }
    }

    fn observe(
        &mut self,
        operation: Operation,
        before: Option<&Vec<bool>>,
        after: Option<&Vec<bool>>,
        allowed: bool,
        column: Option<usize>,
    ) {
        let observation =
            Observation { before: before.cloned(), after: after.cloned(), allowed, column, hidden: false };
        self.out.observations.push((operation, observation));
    }

    fn read_one(&self, row: &Row) -> String {
        format!("select {} from {} where {}", self.shown_key(), self.subject.table(), self.subject.at(&row.key))
    }

    fn note(&mut self, operation: Operation, why: String) {
        let untried = Untried::cell(&self.subject.name, operation, &self.person.kind, why);
        if !self.out.untried.contains(&untried) {
            self.out.untried.push(untried);
        }
    }

    fn shown_key(&self) -> String {
        let names: Vec<String> = self.subject.key.iter().map(|name| pg::ident(name)).collect();
        if names.is_empty() { "*".to_owned() } else { names.join(", ") }
    }
}

/// For people: it was let through, though this one try came to nothing.
fn stopped(operation: Operation, column: Option<&str>, why: &str) -> String {
    let done = match (operation, column) {
        (Operation::Insert, _) => "the row would have been added".to_owned(),
        (Operation::Delete, _) => "the row would have been deleted".to_owned(),
        (_, Some(column)) => format!("{column} would have been changed"),
        _ => "rows would have been changed".to_owned(),
    };
    format!(
        "grants and policies let it through: {done}, had not a constraint stopped this one try ({why}). Constraints are asked after \
         policies and protect no right: another row or value passes"
    )
}
