//! Changes of grants, and row-level security switched off.

use pg::ident;

use super::{Mutant, concerns, equivalent, implied};
use crate::Schema;
use crate::schema::{Column, Grant, Relation};

/// The roles of requests that row-level security binds.
const ROLES: [&str; 2] = ["anon", "authenticated"];
/// Privileges that may be limited to columns.
const BY_COLUMN: [&str; 3] = ["SELECT", "INSERT", "UPDATE"];

/// Row-level security off; a column that is kept from a role, given to it; a privilege taken away.
pub(super) fn of(schema: &Schema, table: &Relation) -> Vec<Mutant> {
    let concerned = concerns(schema, table);
    let mutant = |subject: String, change: String, sql: String, undo: String| Mutant {
        table: format!("{}.{}", table.schema, table.name),
        subject,
        change,
        condition: None,
        sql,
        undo,
        concerns: concerned.clone(),
        equivalent: None,
    };
    let name = table.sql();
    let mut found = Vec::new();
    if table.rls {
        let mut off = mutant(
            "row-level security".to_owned(),
            "switched off".to_owned(),
            format!("alter table {name} disable row level security"),
            format!("alter table {name} enable row level security"),
        );
        off.equivalent = equivalent::nobody_at_all(schema, table);
        found.push(off);
    }
    for role in ROLES {
        for privilege in BY_COLUMN {
            let granted: Vec<&Column> =
                table.columns.iter().filter(|column| holds(&column.grants, role, privilege)).collect();
            if granted.is_empty() || holds(&table.grants, role, privilege) {
                continue;
            }
            let word = privilege.to_lowercase();
            let never = |column: &Column| column.generated.is_some() || column.identity.as_deref() == Some("a");
            let writable = |column: &&Column| privilege == "SELECT" || !never(column);
            for column in table.columns.iter().filter(|column| !holds(&column.grants, role, privilege)).filter(writable)
            {
                let quoted = ident(&column.name);
                let mut granted = mutant(
                    format!("role {role}"),
                    format!("{word} of column {quoted} granted"),
                    format!("grant {word} ({quoted}) on {name} to {role}"),
                    format!("revoke {word} ({quoted}) on {name} from {role}"),
                );
                if privilege != "SELECT" {
                    granted.equivalent = implied::pinned(schema, table, column, role, privilege);
                }
                found.push(granted);
            }
        }
        for privilege in ["SELECT", "INSERT", "UPDATE", "DELETE"] {
            let word = privilege.to_lowercase();
            let columns: Vec<String> = table
                .columns
                .iter()
                .filter(|column| holds(&column.grants, role, privilege))
                .map(|column| ident(&column.name))
                .collect();
            let undo = if holds(&table.grants, role, privilege) {
                format!("grant {word} on {name} to {role}")
            } else if columns.is_empty() {
                continue;
            } else {
                format!("grant {word} ({}) on {name} to {role}", columns.join(", "))
            };
            // Nobody notices the loss of a right of which no policy makes use.
            let used =
                !table.rls || table.policies.iter().any(|policy| equivalent::binds(schema, policy, role, privilege));
            let mut revoked = mutant(
                format!("role {role}"),
                format!("{word} revoked"),
                format!("revoke {word} on {name} from {role}"),
                undo,
            );
            revoked.equivalent = (!used).then(|| format!("no policy lets {role} {word} any row"));
            found.push(revoked);
        }
    }
    found
}

pub(super) fn holds(grants: &[Grant], role: &str, privilege: &str) -> bool {
    grants.iter().any(|grant| (grant.grantee == role || grant.grantee == "public") && grant.privilege == privilege)
}
