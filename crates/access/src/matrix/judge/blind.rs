//! Statements without a `WHERE`: how many rows they reach is seen, and not which.

use super::super::caller::Outcome;
use super::super::plan::{MOST_READ, Update};
use super::super::probe::Tried;
use super::super::report::Verdict;
use super::super::says::{Says, says};
use super::{Judge, stopped};
use crate::spec::{Operation, Right};

impl Judge<'_> {
    /// May the row be what it is with this value in a column? `None`: not known.
    fn becomes(&self, right: &Right, row: usize, column: usize, value: Option<&str>) -> Option<bool> {
        let old = &self.attempt.rows[row];
        if old.values[column].as_deref() == value {
            return Some(self.subject.holds(right.becoming(), &old.truths));
        }
        let same = |update: &&Update| update.column == column && update.value.as_deref() == value;
        // Of another row, where of this one nothing is known: one that this very change makes what it may not be.
        let may = |update: &&Update| {
            let truths = &self.attempt.rows[update.row].truths;
            self.subject.holds(&right.rows, truths) && self.subject.holds(right.becoming(), truths)
        };
        let mut updates = self.attempt.updates.iter().filter(same).filter(|update| update.truths.is_some());
        let found = updates.clone().find(|update| update.row == row).or_else(|| updates.find(may))?;
        found.truths.as_ref().map(|truths| self.subject.holds(right.becoming(), truths))
    }

    /// More rows than may be deleted or changed? Which ones cannot be told. `value`: what the column becomes.
    pub(super) fn blind(
        &mut self,
        operation: Operation,
        (column, value): (Option<usize>, Option<&str>),
        right: &Right,
        tried: &Tried,
        all_seen: bool,
    ) {
        let (rows, at) = (&self.attempt.rows, column);
        let named = column.is_none_or(|at| right.names(&self.subject.relation.columns[at].name));
        // One that may not become that, or may not be changed at all, is refused, and with it the others or not.
        let becomes = |row: usize| column.is_none_or(|at| self.becomes(right, row, at, value).unwrap_or(true));
        let may = |row: &usize| self.subject.holds(&right.rows, &rows[*row].truths);
        let wanted = (0..rows.len()).filter(|row| named && may(row) && becomes(*row)).count();
        let column = column.filter(|_| !(named && (0..rows.len()).filter(may).all(becomes)));
        let done = if operation == Operation::Delete { "deletes" } else { "changes" };
        if let Outcome::Touched(count) = &tried.outcome {
            self.out.blind.push((operation, usize::try_from(*count).unwrap_or(usize::MAX)));
        }
        if matches!(tried.outcome, Outcome::Touched(count) if count > 0) {
            let same = |update: &&Update| Some(update.column) == at && update.value.as_deref() == value;
            let made = self.attempt.updates.iter().filter(same);
            let pairs = made.filter_map(|update| Some((rows[update.row].truths.clone(), update.truths.clone()?)));
            self.out.passed.extend(pairs);
        }
        let said = match says(&tried.outcome, wanted > 0) {
            Says::Allowed => match &tried.outcome {
                Outcome::Touched(count)
                    if rows.len() < MOST_READ && usize::try_from(*count).is_ok_and(|count| count > wanted) =>
                {
                    format!("{done} {count} rows without a WHERE, where {wanted} are expected")
                }
                _ => return,
            },
            // Row-level security is asked before constraints: some row was let through, where none may be.
            Says::Stopped(why) if wanted == 0 && !rows.is_empty() => {
                format!("without a WHERE {}", stopped(operation, None, &why))
            }
            Says::Stopped(why) | Says::Nothing(why) if wanted > 0 && wanted < rows.len() && !all_seen => {
                self.stopped.push((operation, why));
                return;
            }
            _ => return,
        };
        self.find(Verdict::Leak, operation, column, None, right, said, tried.statement.clone());
    }

    /// Where every statement without a `WHERE` was stopped, it is not known which rows one reaches that he does not see.
    pub(super) fn not_blind(&mut self) {
        for operation in [Operation::Update, Operation::Delete] {
            let reached = self.out.blind.iter().any(|(of, _)| *of == operation);
            let stopped = self.stopped.iter().find(|(of, _)| *of == operation).map(|(_, why)| why.clone());
            if let Some(why) = stopped.filter(|_| !reached) {
                self.note(operation, format!("without a WHERE: {why}"));
            }
        }
    }
}
