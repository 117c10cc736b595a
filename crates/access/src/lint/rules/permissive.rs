//! Several permissive policies for the same thing: any one is enough.

use std::collections::BTreeMap;

use super::facts::relation_hit;
use super::{Category, Facts, Hit, Level, Rule, rule};
use crate::expr::Expr;
use crate::lint::PolicyFacts;
use crate::schema::Command;

const COMMANDS: [(Command, &str); 4] = [
    (Command::Select, "SELECT"),
    (Command::Insert, "INSERT"),
    (Command::Update, "UPDATE"),
    (Command::Delete, "DELETE"),
];

pub const MULTIPLE_PERMISSIVE_POLICIES: Rule = Rule {
    title: "Several permissive policies for one role and action",
    why: "Each is computed for every row, and a reader must think of all of them to know who gets in.",
    remedy: "Join their conditions by OR in one policy.",
    ..rule("multiple_permissive_policies", "0006", Level::Warn, Category::Performance, multiple_permissive_policies)
};

fn multiple_permissive_policies(facts: &Facts<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for table in facts.tables() {
        let permissive: Vec<_> = facts.policies_of(table).filter(|policy| policy.policy.permissive).collect();
        for role in facts.schema.roles.iter().filter(|role| !role.bypass_rls && !is_admin(&role.name)) {
            for (command, word) in COMMANDS {
                let named = |p: &&&PolicyFacts<'_>| {
                    p.covers(command) && p.policy.roles.iter().any(|of| *of == role.name || of == "public")
                };
                let names: Vec<_> = permissive.iter().filter(named).map(|p| p.policy.name.as_str()).collect();
                // A policy for everybody concerns those who get anywhere: the roles of the API.
                let counts = facts.callers.contains(&role.name.as_str())
                    || permissive.iter().any(|p| p.policy.roles.contains(&role.name));
                if names.len() > 1 && counts {
                    let detail = format!("For {word} by {}: {}.", role.name, names.join(", "));
                    let mut hit = relation_hit(table, detail);
                    hit.key += &format!("_{}_{word}", role.name);
                    hits.push(hit);
                }
            }
        }
    }
    hits
}

fn is_admin(role: &str) -> bool {
    role.starts_with("supabase") && role.ends_with("admin")
}

pub const POLICIES_OR_INTO_A_LEAK: Rule = Rule {
    title: "Two policies that let more through together than each alone",
    why: "For an update PostgreSQL asks whether ANY policy's USING admits the old row, and whether ANY policy's WITH CHECK admits the new \
          one, not whether the same policy does both. A check that trusts its own USING to have asked who calls is open to whoever passes \
          another one's.",
    remedy: "Repeat in WITH CHECK whatever USING says about the caller.",
    ..rule("policies_or_into_a_leak", "1008", Level::Error, Category::Security, policies_or_into_a_leak)
};

fn policies_or_into_a_leak(facts: &Facts<'_>) -> Vec<Hit> {
    let mut found: BTreeMap<(u32, &str, &str), Hit> = BTreeMap::new();
    for table in facts.tables().filter(|table| table.rls) {
        let updates: Vec<_> =
            facts.policies_of(table).filter(|p| p.policy.permissive && p.covers(Command::Update)).collect();
        for trusting in &updates {
            let (Some(using), Some(check)) = (&trusting.using, &trusting.check) else { continue };
            let lost: Vec<_> = using
                .expr
                .conjuncts()
                .iter()
                .filter(|part| facts.names_caller(part) && !says(check, part.text(using.sql)))
                .collect();
            // Where the check names the caller in words of its own, it does not trust.
            if lost.is_empty() || facts.names_caller(&check.expr) {
                continue;
            }
            let other = updates.iter().find(|other| {
                let shares = facts.callers.iter().any(|role| {
                    facts.binds(other.policy, role)
                        && facts.binds(trusting.policy, role)
                        && facts.may_any(role, "UPDATE", table)
                });
                other.policy.name != trusting.policy.name && shares && other.policy.using != trusting.policy.using
            });
            let Some(other) = other else { continue };
            let detail = format!(
                "Whoever passes USING of {:?} may write what WITH CHECK of {:?} admits, which does not ask {}.",
                other.policy.name,
                trusting.policy.name,
                lost.iter().map(|part| part.text(using.sql)).collect::<Vec<_>>().join(" AND ")
            );
            let mut hit = trusting.hit(detail);
            let mut parts: Vec<&str> = vec![check.sql];
            parts.extend(lost.iter().map(|part| part.text(using.sql)));
            hit.sql = Some(trusting.alter(None, Some(&parts.join(" and "))));
            found.entry((table.oid, &trusting.policy.name, "")).or_insert(hit);
        }
    }
    found.into_values().collect()
}

/// Does the condition hold this part, word for word, among those that must all hold?
fn says(check: &crate::lint::Clause<'_>, part: &str) -> bool {
    check.expr.conjuncts().iter().map(|other: &Expr| other.text(check.sql)).any(|other| other == part)
}
