//! Rights that need no row to be proven: no condition stands between the privilege and any row that may come.

use super::subject::{Subject, roles_of};
use crate::Schema;
use crate::expr::{Expr as Condition, Kind as Node};
use crate::identities::Person;
use crate::schema::Policy;
use crate::spec::Operation;

/// What opens every row of a table to somebody who has the privilege, if something does. `subject` has the relation as it is now.
pub fn open(schema: &Schema, subject: &Subject, person: &Person, operation: Operation) -> Option<String> {
    let relation = &subject.relation;
    if !relation.is_table() {
        return None;
    }
    if !relation.rls {
        return Some(format!("row-level security is off on {}", subject.name));
    }
    if schema.role(&person.role).is_some_and(|role| role.bypass_rls || role.superuser) {
        return Some(format!("role {} bypasses row-level security", person.role));
    }
    let roles = roles_of(schema, &person.role);
    let (permissive, restrictive): (Vec<&Policy>, Vec<&Policy>) =
        subject.policies(operation, &roles).map(|(_, policy)| policy).partition(|policy| policy.permissive);
    let lets_all = |policy: &Policy| is_open(policy, operation);
    if !restrictive.iter().all(|policy| lets_all(policy)) {
        return None;
    }
    permissive.iter().find(|policy| lets_all(policy)).map(|policy| format!("policy {:?} is always true", policy.name))
}

fn is_open(policy: &Policy, operation: Operation) -> bool {
    let is_true = |sql: &String| matches!(Condition::parse(sql).bare().kind, Node::Boolean(true));
    let old = policy.using.as_ref().is_some_and(is_true);
    let new = policy.check.as_ref().or(policy.using.as_ref()).is_some_and(is_true);
    match operation {
        Operation::Insert => new,
        Operation::Update => old && new,
        Operation::Select | Operation::Delete | Operation::Execute => old,
    }
}
