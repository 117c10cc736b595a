//! Calls that a policy makes for every row.

use std::collections::BTreeSet;

use super::{Category, Facts, Hit, Level, Rule, rule};
use crate::expr::{Expr, Kind};
use crate::lint::rewrite::replaced;
use crate::schema::Volatility;

pub const AUTH_RLS_INITPLAN: Rule = Rule {
    title: "auth function for every row",
    why: "Its value is the same for the whole query, yet it is computed for every row that is looked at. Measured on 100,000 rows: 6 times \
          faster in a sub-select with an index on the column, 90 times without.",
    remedy: "Put the call into a sub-select, which PostgreSQL computes once: (select auth.uid()).",
    ..rule("auth_rls_initplan", "0003", Level::Warn, Category::Performance, auth_rls_initplan)
};

fn auth_rls_initplan(facts: &Facts<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for policy in &facts.policies {
        let mut calls = BTreeSet::new();
        let mut rewrite = |clause: &crate::lint::Clause<'_>| {
            let mut found = Vec::new();
            per_row(&clause.expr, false, &mut found);
            calls.extend(found.iter().map(|call| call.text(clause.sql).to_owned()));
            let edits = found.iter().map(|call| (call.start..call.end, format!("(select {})", call.text(clause.sql))));
            replaced(clause.sql, edits.collect())
        };
        let using = policy.using.as_ref().map(&mut rewrite);
        let check = policy.check.as_ref().map(&mut rewrite);
        if !calls.is_empty() {
            let calls: Vec<_> = calls.into_iter().collect();
            let mut hit =
                policy.hit(format!("The policy {:?} calls {} for every row.", policy.policy.name, calls.join(" and ")));
            hit.sql = Some(policy.alter(using.as_deref(), check.as_deref()));
            hits.push(hit);
        }
    }
    hits
}

/// Calls that ask for the caller outside of a sub-select that reads nothing.
fn per_row<'e>(expr: &'e Expr, once: bool, found: &mut Vec<&'e Expr>) {
    match &expr.kind {
        Kind::Call { schema: Some(schema), name, .. }
            if !once && schema == "auth" && matches!(name.as_str(), "uid" | "jwt" | "role" | "email") =>
        {
            found.push(expr);
        }
        Kind::Call { schema: None, name, .. } if !once && name == "current_setting" => found.push(expr),
        Kind::Select(select) if select.from.is_empty() && select.selects.is_empty() => {
            expr.children().into_iter().for_each(|child| per_row(child, true, found));
        }
        // Within a sub-select that reads rows, it is for each of those.
        Kind::Select(_) | Kind::Exists(_) => expr.children().into_iter().for_each(|child| per_row(child, false, found)),
        _ => expr.children().into_iter().for_each(|child| per_row(child, once, found)),
    }
}

pub const VOLATILE_FUNCTION_IN_POLICY: Rule = Rule {
    title: "VOLATILE function in a policy",
    why: "A function that may change the database is called for every row, also where the result could be computed once; no index helps, \
          and nothing of it runs in parallel.",
    remedy: "Mark the function STABLE if it only reads.",
    ..rule("volatile_function_in_policy", "1502", Level::Warn, Category::Performance, volatile_function_in_policy)
};

fn volatile_function_in_policy(facts: &Facts<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for policy in &facts.policies {
        let called = policy.policy.calls.iter().filter_map(|oid| facts.function(*oid));
        for function in called.filter(|f| f.volatility == Volatility::Volatile && f.extension.is_none()) {
            let detail =
                format!("The policy {:?} calls {}, which is VOLATILE.", policy.policy.name, function.signature());
            let mut hit = policy.hit(detail);
            hit.key += &format!("_{}", function.name);
            hit.sql = Some(format!("alter {} stable;", super::facts::function_sql(function)));
            hits.push(hit);
        }
    }
    hits
}
