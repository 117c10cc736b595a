//! Conditions that are always or never true, or let in whoever is not signed in.

use serde_json::json;

use super::{Category, Facts, Hit, Level, Rule, rule};
use crate::expr::{Expr, Kind};
use crate::lint::caller::{is_caller_id, is_claims, is_role};
use crate::lint::{Clause, PolicyFacts};
use crate::schema::{Command, Relation};

/// Is it true whatever the row and the caller? NULLs aside: `x = x`.
fn is_always_true(expr: &Expr) -> bool {
    match &expr.kind {
        Kind::Boolean(value) => *value,
        Kind::Or(parts) => parts.iter().any(is_always_true),
        Kind::And(parts) => parts.iter().all(is_always_true),
        Kind::Not(inner) => matches!(inner.bare().kind, Kind::Boolean(false)),
        Kind::Binary { operator, left, right } if operator == "=" => match (&left.bare().kind, &right.bare().kind) {
            (Kind::Literal(Some(left)), Kind::Literal(Some(right))) => left == right,
            (Kind::Boolean(left), Kind::Boolean(right)) => left == right,
            (Kind::Column { relation: a, name: b }, Kind::Column { relation: c, name: d }) => (a, b) == (c, d),
            _ => false,
        },
        Kind::Select(select) if select.from.is_empty() && select.conditions.is_empty() => {
            select.outputs.first().is_some_and(is_always_true)
        }
        _ => false,
    }
}

/// Callers' names that a policy binds.
fn bound<'a>(facts: &Facts<'a>, policy: &PolicyFacts<'_>) -> Vec<&'a str> {
    facts.callers.iter().copied().filter(|role| facts.binds(policy.policy, role)).collect()
}

pub const RLS_POLICY_ALWAYS_TRUE: Rule = Rule {
    title: "Writes without a condition",
    why: "A policy for writing that is always true lets everybody of its roles write whatever row the grants allow.",
    remedy: "Say whose rows they are: with check (user_id = (select auth.uid())).",
    ..rule("rls_policy_always_true", "0024", Level::Warn, Category::Security, rls_policy_always_true)
};

fn rls_policy_always_true(facts: &Facts<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for policy in facts.policies.iter().filter(|p| p.policy.permissive && p.policy.command != Command::Select) {
        let roles = bound(facts, policy);
        let is_true = |clause: Option<&Clause<'_>>| clause.is_some_and(|clause| is_always_true(&clause.expr));
        let (using, check) = (is_true(policy.using.as_ref()), is_true(policy.check.as_ref()));
        // USING of a policy FOR ALL is for reading too, where everybody may be meant; then WITH CHECK decides.
        let reads_too = policy.policy.command == Command::All && policy.check.is_some() && !check;
        if roles.is_empty() || !(using && !reads_too || check) {
            continue;
        }
        let what = match (using, check) {
            (true, true) => "USING and WITH CHECK are",
            (true, false) => "USING is",
            _ => "WITH CHECK is",
        };
        let detail = format!("{what} always true in the policy {:?} for {}.", policy.policy.name, roles.join(" and "));
        let mut hit = policy.hit(detail);
        hit.metadata.insert("roles".to_owned(), json!(policy.policy.roles));
        hits.push(hit);
    }
    hits
}

pub const POLICY_ALWAYS_TRUE_BRANCH: Rule = Rule {
    title: "OR true",
    why: "One branch of the condition is always true, so that all the others say nothing: mostly a leftover of a trial.",
    remedy: "Take the branch out.",
    ..rule("policy_always_true_branch", "1009", Level::Error, Category::Security, policy_always_true_branch)
};

fn policy_always_true_branch(facts: &Facts<'_>) -> Vec<Hit> {
    branch_hits(facts, is_always_true, "is always true")
}

pub const POLICY_LETS_STRANGERS_IN: Rule = Rule {
    title: "Open to whoever is not signed in",
    why: "auth.uid() is null for everybody who comes without a token: the branch lets in the very callers that the policy is against.",
    remedy: "Take the branch out; a server's key needs no policy, service_role is not bound by them.",
    ..rule("policy_lets_strangers_in", "1010", Level::Error, Category::Security, policy_lets_strangers_in)
};

fn policy_lets_strangers_in(facts: &Facts<'_>) -> Vec<Hit> {
    branch_hits(
        facts,
        |expr| match &expr.kind {
            Kind::Is { expression, test } => test == "null" && (is_caller_id(expression) || is_claims(expression)),
            _ => false,
        },
        "holds for callers without a token",
    )
}

/// Policies that have a branch of which a test is true, beside others; with the branch taken out.
fn branch_hits(facts: &Facts<'_>, test: fn(&Expr) -> bool, what: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    for policy in facts.policies.iter().filter(|policy| policy.policy.permissive) {
        let mut branches = Vec::new();
        let mut without = |clause: &Clause<'_>| {
            let parts = clause.expr.disjuncts();
            let (bad, good): (Vec<_>, Vec<_>) = parts.iter().partition(|part| test(part));
            // Alone it is a condition that somebody wrote on purpose; other rules look at it.
            if parts.len() < 2 || good.is_empty() {
                return clause.sql.to_owned();
            }
            branches.extend(bad.iter().map(|part| part.text(clause.sql).to_owned()));
            good.iter().map(|part| part.text(clause.sql)).collect::<Vec<_>>().join(" OR ")
        };
        let using = policy.using.as_ref().map(&mut without);
        let check = policy.check.as_ref().map(&mut without);
        if let Some(branch) = branches.first() {
            let mut hit = policy.hit(format!("{branch} in the policy {:?} {what}.", policy.policy.name));
            hit.sql = Some(policy.alter(using.as_deref(), check.as_deref()));
            hits.push(hit);
        }
    }
    hits
}

pub const POLICY_NEVER_TRUE: Rule = Rule {
    title: "Condition that never holds",
    why: "What the policy was meant to allow is refused, and no error says so.",
    remedy: "Compare with a value that can occur, or drop the policy.",
    ..rule("policy_never_true", "1011", Level::Warn, Category::Security, policy_never_true)
};

fn policy_never_true(facts: &Facts<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for policy in facts.policies.iter().filter(|policy| policy.policy.permissive) {
        let reason = policy.clauses().find_map(|clause| {
            let branches = clause.expr.branches();
            let reasons: Vec<_> = branches
                .iter()
                .map(|branch| branch.iter().find_map(|part| impossible(facts, policy, clause, part)))
                .collect();
            // A branch that never holds is as wrong as a whole condition, but a constant false says so itself.
            reasons.into_iter().flatten().next()
        });
        if let Some(reason) = reason {
            hits.push(policy.hit(format!("{reason} in the policy {:?}.", policy.policy.name)));
        }
    }
    hits
}

/// Why a part cannot hold.
fn impossible(facts: &Facts<'_>, policy: &PolicyFacts<'_>, clause: &Clause<'_>, part: &Expr) -> Option<String> {
    if matches!(part.bare().kind, Kind::Boolean(false)) {
        return Some("The condition is the constant false".to_owned());
    }
    let Kind::Binary { operator, left, right } = &part.kind else { return None };
    if operator != "=" {
        return None;
    }
    let Kind::Literal(Some(value)) = &right.bare().kind else { return None };
    let text = part.text(clause.sql);
    match &left.bare().kind {
        Kind::Column { name, .. } => {
            let known = known_values(policy.table, name)?;
            (!known.contains(value)).then(|| format!("{text} never holds, since {name} is one of {}", known.join(", ")))
        }
        // The role of the token, which is the role that the request has.
        _ if is_role(left) => {
            let possible = facts.callers.iter().any(|role| role == value && facts.binds(policy.policy, role));
            (!possible).then(|| {
                format!("{text} never holds, since the policy is asked for {} only", policy.policy.roles.join(", "))
            })
        }
        // -> answers JSON, in which a text stands in quotes.
        Kind::Binary { operator, .. } if operator == "->" => {
            let is_json = serde_json::from_str::<serde_json::Value>(value).is_ok();
            (!is_json).then(|| format!("{text} compares JSON with a text"))
        }
        _ => None,
    }
}

/// The values that a column may have by its enum, or by a CHECK of the form `column = ANY (ARRAY[…])`.
fn known_values(table: &Relation, column: &str) -> Option<Vec<String>> {
    let column = table.column(column)?;
    for check in table.checks.iter().filter(|check| check.validated && check.columns == [column.name.clone()]) {
        let expr = Expr::parse(&check.expression);
        let Kind::Quantified { operator, every: false, left, right } = &expr.kind else { continue };
        let is_column = matches!(&left.bare().kind, Kind::Column { name, .. } if *name == column.name);
        if operator == "=" && is_column {
            let Kind::Other(values) = &right.bare().kind else { continue };
            let values: Vec<_> = values
                .iter()
                .filter_map(|value| match &value.bare().kind {
                    Kind::Literal(Some(text)) => Some(text.clone()),
                    _ => None,
                })
                .collect();
            return Some(values).filter(|values| !values.is_empty());
        }
    }
    None
}

pub const POLICY_COMPARES_NULL: Rule = Rule {
    title: "Comparison with NULL",
    why: "A comparison with NULL is neither true nor false, so the policy refuses everybody; NOT IN a list with a NULL likewise.",
    remedy: "Write IS NULL or IS NOT NULL.",
    ..rule("policy_compares_null", "1012", Level::Warn, Category::Security, policy_compares_null)
};

fn policy_compares_null(facts: &Facts<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for policy in &facts.policies {
        let found = policy.clauses().find_map(|clause| {
            let mut found = None;
            clause.expr.walk(&mut |node| {
                if let Kind::Binary { operator, left, right } = &node.kind {
                    let is_null = |side: &Expr| matches!(side.bare().kind, Kind::Literal(None));
                    if matches!(operator.as_str(), "=" | "<>" | "<" | ">" | "<=" | ">=")
                        && (is_null(left) || is_null(right))
                    {
                        found.get_or_insert(node.text(clause.sql));
                    }
                }
            });
            found
        });
        if let Some(part) = found {
            hits.push(policy.hit(format!("{part} in the policy {:?} is never true.", policy.policy.name)));
        }
    }
    hits
}
