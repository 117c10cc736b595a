//! What was seen, held against what is said.

use super::caller::{Failure, Outcome};
use super::plan::{Attempt, Key};
use super::probe::{Seen, Tried};
use super::report::{Untried, Verdict};
use super::subject::Subject;
use crate::identities::Person;
use crate::spec::{Expr, Operation, Right};

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
}

/// What an outcome says about rights.
enum Says {
    Allowed,
    Refused(String),
    /// Rights let it through; something else stopped it.
    Stopped(String),
    Broken(String),
    Nothing(String),
}

/// Judges; without a file everything that is seen is taken as it is.
pub fn judge(subject: &Subject, person: &Person, attempt: &Attempt, seen: &Seen, has_file: bool) -> Judgement {
    let mut judge = Judge { subject, person, attempt, has_file, out: Judgement::default() };
    judge.reads(seen);
    judge.inserts(seen);
    judge.updates(seen);
    judge.deletes(seen);
    judge.out
}

struct Judge<'j> {
    subject: &'j Subject,
    person: &'j Person,
    attempt: &'j Attempt,
    has_file: bool,
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
                if wanted > 0 || verdict == Verdict::Broken && right.rows != Expr::None {
                    self.find(verdict, Operation::Select, None, None, &right, words(failure), all);
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
                let statement = format!(
                    "select {} from {} where {}",
                    self.shown_key(),
                    self.subject.table(),
                    self.subject.at(&row.key)
                );
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
        for (at, tried) in &seen.updates {
            let update = &self.attempt.updates[*at];
            let row = &self.attempt.rows[update.row];
            let named = right.names(&self.subject.relation.columns[update.column].name);
            let becomes = |truths: &Vec<bool>| self.subject.holds(right.becoming(), truths);
            let expected =
                named && self.subject.holds(&right.rows, &row.truths) && update.truths.as_ref().is_some_and(becomes);
            let key = row.key.clone();
            let allowed = self.weigh(Operation::Update, Some(update.column), Some(&key), expected, &right, tried);
            if let Some(allowed) = allowed {
                self.observe(
                    Operation::Update,
                    Some(&row.truths),
                    update.truths.as_ref(),
                    allowed,
                    Some(update.column),
                );
            }
        }
    }

    fn deletes(&mut self, seen: &Seen) {
        let right = self.right(Operation::Delete);
        for (at, tried) in &seen.deletes {
            let row = &self.attempt.rows[*at];
            let expected = self.subject.holds(&right.rows, &row.truths);
            let key = row.key.clone();
            if let Some(allowed) = self.weigh(Operation::Delete, None, Some(&key), expected, &right, tried) {
                self.observe(Operation::Delete, Some(&row.truths), None, allowed, None);
            }
        }
        self.blind_delete(seen, &right);
    }

    /// More rows than may be deleted? Which ones cannot be told, and where something stops the statement nothing is.
    fn blind_delete(&mut self, seen: &Seen, right: &Right) {
        let Some(Tried { statement, outcome: Outcome::Touched(count) }) = &seen.blind else { return };
        let rows = &self.attempt.rows;
        let wanted = rows.iter().filter(|row| self.subject.holds(&right.rows, &row.truths)).count();
        if rows.len() < super::plan::MOST_READ && usize::try_from(*count).is_ok_and(|count| count > wanted) {
            let said = format!("deletes {count} rows without a WHERE, where {wanted} are expected");
            self.find(Verdict::Leak, Operation::Delete, None, None, right, said, statement.clone());
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
            Says::Stopped(why) => (true, format!("rights let it through; only a constraint stops it: {why}")),
            Says::Refused(why) => (false, why),
            Says::Broken(why) => {
                if expected || right.rows != Expr::None {
                    self.find(Verdict::Broken, operation, column, key, right, why, tried.statement.clone());
                }
                return None;
            }
            Says::Nothing(why) => {
                let what = format!("{} as {}", operation.word(), self.person.kind);
                let untried = Untried { object: self.subject.name.clone(), what, why };
                if !self.out.untried.contains(&untried) {
                    self.out.untried.push(untried);
                }
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
        let observation = Observation { before: before.cloned(), after: after.cloned(), allowed, column };
        self.out.observations.push((operation, observation));
    }

    fn shown_key(&self) -> String {
        let names: Vec<String> = self.subject.key.iter().map(|name| pg::ident(name)).collect();
        if names.is_empty() { "*".to_owned() } else { names.join(", ") }
    }
}

fn says(outcome: &Outcome, expected: bool) -> Says {
    let failure = match outcome {
        Outcome::Touched(0) => return Says::Refused("no row is touched".to_owned()),
        Outcome::Touched(_) => return Says::Allowed,
        Outcome::TakenBack if expected => return Says::Nothing("a trigger takes the change back".to_owned()),
        Outcome::TakenBack => return Says::Refused("a trigger takes the change back".to_owned()),
        Outcome::Failed(failure) => failure,
    };
    match (&failure.function, failure.code.as_str()) {
        (None, "42501" | "55000" | "0A000") => Says::Refused(words(failure)),
        // Row-level security is checked before constraints: whoever meets one has been let through.
        (None, code) if code.starts_with("23") => Says::Stopped(words(failure)),
        (_, "42P17" | "54001" | "42883" | "42P01" | "42703") => Says::Broken(words(failure)),
        (Some(function), _) if !expected => Says::Refused(format!("{} stops it: {}", function, words(failure))),
        (Some(function), "42501") => Says::Refused(format!("{} stops it: {}", function, words(failure))),
        (Some(function), _) => Says::Nothing(format!("{} raises: {}", function, words(failure))),
        (None, _) => Says::Nothing(words(failure)),
    }
}

/// PostgreSQL's words and its code.
pub fn words(failure: &Failure) -> String {
    format!("{} (SQLSTATE {})", failure.message, failure.code)
}
