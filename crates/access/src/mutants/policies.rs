//! Changes of policies.

use pg::ident;

use super::conditions::{Change, changes};
use super::{Mutant, concerns, equivalent, implied};
use crate::Schema;
use crate::schema::{Command, Policy, Relation};

/// A policy may be gone, bind everybody, or ask something else.
pub(super) fn of(schema: &Schema, table: &Relation) -> Vec<Mutant> {
    let concerned = concerns(schema, table);
    let mutant = |policy: &Policy, change: String, condition: Option<String>, sql: String, undo: String| Mutant {
        table: format!("{}.{}", table.schema, table.name),
        subject: format!("policy \"{}\"", policy.name),
        change,
        condition,
        sql,
        undo,
        concerns: concerned.clone(),
        equivalent: equivalent::dead(schema, table, policy),
    };
    let mut found = Vec::new();
    for policy in &table.policies {
        let on = format!("policy {} on {}", ident(&policy.name), table.sql());
        found.push(mutant(policy, "dropped".to_owned(), None, format!("drop {on}"), create(table, policy)));
        let roles = roles(&policy.roles);
        if !policy.roles.iter().any(|role| role == "public") {
            let mut wider = mutant(
                policy,
                "for everybody (PUBLIC)".to_owned(),
                None,
                format!("alter {on} to public"),
                format!("alter {on} to {roles}"),
            );
            wider.equivalent = wider.equivalent.or_else(|| equivalent::nobody_new(schema, table, policy));
            found.push(wider);
        }
        for (clause, text) in [("using", &policy.using), ("with check", &policy.check)] {
            let Some(text) = text else { continue };
            for Change { what, part, dropped, sql } in changes(text) {
                let mut changed = mutant(
                    policy,
                    format!("{clause}: {what}"),
                    Some(part.clone()),
                    format!("alter {on} {clause} ({sql})"),
                    format!("alter {on} {clause} ({text})"),
                );
                if changed.equivalent.is_none()
                    && let Some(dropped) = dropped
                {
                    changed.equivalent = match &dropped.select {
                        None => equivalent::conjunct(schema, table, policy, clause, &part),
                        Some(select) => implied::by_visibility(schema, policy, text, &part, select),
                    }
                    .or_else(|| implied::by_neighbour(&part, &dropped.siblings));
                }
                if changed.equivalent.is_none() && clause == "with check" && sql == "true" {
                    changed.equivalent = equivalent::whole_check(schema, table, policy);
                }
                found.push(changed);
            }
        }
    }
    found
}

/// The statement that makes a policy again.
fn create(table: &Relation, policy: &Policy) -> String {
    let kind = if policy.permissive { "permissive" } else { "restrictive" };
    let command = match policy.command {
        Command::All => "all",
        Command::Select => "select",
        Command::Insert => "insert",
        Command::Update => "update",
        Command::Delete => "delete",
    };
    let mut sql = format!(
        "create policy {} on {} as {kind} for {command} to {}",
        ident(&policy.name),
        table.sql(),
        roles(&policy.roles)
    );
    for (clause, text) in [("using", &policy.using), ("with check", &policy.check)] {
        if let Some(text) = text {
            sql.push_str(&format!(" {clause} ({text})"));
        }
    }
    sql
}

fn roles(names: &[String]) -> String {
    let quoted: Vec<String> =
        names.iter().map(|role| if role == "public" { role.clone() } else { ident(role) }).collect();
    quoted.join(", ")
}
