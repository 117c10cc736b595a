//! Policies that cannot be evaluated, as those that ask each other, stop everything: what is wrong beside them is told all the same.

use super::{Judge, Seen};
use crate::matrix::caller::Outcome;
use crate::matrix::report::Verdict;
use crate::matrix::says::{Says, says};
use crate::spec::{Expr, Operation};

impl Judge<'_> {
    /// Columns that are granted and not named, and rows that another policy opens all of: nothing but the error keeps him from them.
    pub(super) fn masked(&mut self, seen: &Seen, always: &dyn Fn(Operation) -> Option<String>) {
        for operation in Operation::ROWS {
            let right = self.right(operation);
            let Some(why) = broken(seen, operation) else { continue };
            let table = self.subject.table();
            if let Some(reason) = always(operation).filter(|_| right.rows != Expr::All) {
                let said =
                    format!("every row is open to it: {reason}; only an error of the other policies stops it: {why}");
                let statement = match operation {
                    Operation::Delete => format!("delete from {table}"),
                    _ => format!("select * from {table}"),
                };
                self.find(Verdict::Leak, operation, None, None, &right, said, statement);
            }
            if right.rows == Expr::None {
                continue;
            }
            let open = match operation {
                Operation::Select => &seen.readable,
                Operation::Insert => &seen.givable,
                Operation::Update => &seen.changeable,
                _ => continue,
            };
            let columns = &self.subject.relation.columns;
            for at in open.iter().filter(|at| !right.names(&columns[**at].name)) {
                let name = pg::ident(&columns[*at].name);
                let statement = match operation {
                    Operation::Select => format!("select {name} from {table}"),
                    Operation::Insert => format!("insert into {table} ({name}) values (default)"),
                    _ => format!("update {table} set {name} = {name}"),
                };
                let said = format!("has the privilege on the column; only an error of the policies stops it: {why}");
                self.find(Verdict::Leak, operation, Some(*at), None, &right, said, statement);
            }
        }
    }
}

/// Why nothing at all could be done, where that is an error of the policies.
fn broken(seen: &Seen, operation: Operation) -> Option<String> {
    let failed;
    let outcomes: Vec<&Outcome> = match operation {
        Operation::Select => match &seen.keys {
            Some(Err(failure)) => {
                failed = Outcome::Failed(failure.clone());
                vec![&failed]
            }
            _ => return None,
        },
        Operation::Insert => seen.inserts.iter().map(|(_, _, tried)| &tried.outcome).collect(),
        Operation::Update => seen.updates.iter().map(|(_, tried)| &tried.outcome).collect(),
        _ => seen.deletes.iter().map(|(_, tried)| &tried.outcome).collect(),
    };
    let each: Option<Vec<String>> = outcomes
        .into_iter()
        .map(|outcome| match says(outcome, true) {
            Says::Broken(why) => Some(why),
            _ => None,
        })
        .collect();
    each?.into_iter().next()
}
