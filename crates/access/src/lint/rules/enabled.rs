//! Is row-level security on, for whom, and does anything let rows through?

use serde_json::json;

use super::facts::relation_hit;
use super::{Category, Facts, Hit, Level, Rule, rule};
use crate::schema::Relation;

fn policy_names(table: &Relation) -> String {
    table.policies.iter().map(|policy| policy.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn enable(table: &Relation) -> Option<String> {
    Some(format!("alter table {} enable row level security;", table.sql()))
}

pub const POLICY_EXISTS_RLS_DISABLED: Rule = Rule {
    title: "Policies that are asleep",
    why: "Policies of a table whose row-level security is off are never asked: every row is open to whoever has the grant.",
    remedy: "Enable row-level security.",
    ..rule("policy_exists_rls_disabled", "0007", Level::Error, Category::Security, policy_exists_rls_disabled)
};

fn policy_exists_rls_disabled(facts: &Facts<'_>) -> Vec<Hit> {
    let asleep = facts.tables().filter(|table| !table.rls && !table.policies.is_empty());
    asleep
        .map(|table| {
            let detail = format!("The policies {} are not asked: row-level security is off.", policy_names(table));
            Hit { sql: enable(table), ..relation_hit(table, detail) }
        })
        .collect()
}

pub const RLS_ENABLED_NO_POLICY: Rule = Rule {
    title: "Row-level security without a policy",
    why: "Nobody but the owner and BYPASSRLS roles sees or writes a row. If that is meant, a policy for service_role says so.",
    remedy: "Write a policy for those who need the table.",
    ..rule("rls_enabled_no_policy", "0008", Level::Info, Category::Security, rls_enabled_no_policy)
};

fn rls_enabled_no_policy(facts: &Facts<'_>) -> Vec<Hit> {
    let shut = facts.tables().filter(|table| table.rls && table.policies.is_empty());
    shut.map(|table| {
        let sql =
            format!("create policy \"Server only\" on {} to service_role using (true) with check (true);", table.sql());
        Hit { sql: Some(sql), ..relation_hit(table, "Row-level security is on, and there is no policy.".to_owned()) }
    })
    .collect()
}

pub const RLS_DISABLED_IN_PUBLIC: Rule = Rule {
    title: "Exposed table without row-level security",
    why: "Everybody who has the public key of the project reads and writes all rows that the grants allow.",
    remedy: "Enable row-level security, then write policies.",
    ..rule("rls_disabled_in_public", "0013", Level::Error, Category::Security, rls_disabled_in_public)
};

fn rls_disabled_in_public(facts: &Facts<'_>) -> Vec<Hit> {
    let open = facts.tables().filter(|table| facts.is_exposed(&table.schema) && !table.rls);
    open.filter_map(|table| {
        let open_to: Vec<_> = facts
            .callers
            .iter()
            .filter(|role| {
                facts.may_any(role, "SELECT", table)
                    || facts.may_any(role, "INSERT", table)
                    || facts.may_any(role, "UPDATE", table)
                    || facts.may(role, "DELETE", table)
            })
            .copied()
            .collect();
        let detail = format!("Row-level security is off, and {} may use the table.", open_to.join(" and "));
        (!open_to.is_empty()).then(|| Hit { sql: enable(table), ..relation_hit(table, detail) })
    })
    .collect()
}

pub const INSECURE_QUEUE_EXPOSED_IN_API: Rule = Rule {
    title: "Queue without row-level security",
    why: "With the queues' schema in the API, everybody reads and writes messages.",
    remedy: "Enable row-level security on the queue's table.",
    ..rule("insecure_queue_exposed_in_api", "0019", Level::Error, Category::Security, insecure_queue_exposed_in_api)
};

fn insecure_queue_exposed_in_api(facts: &Facts<'_>) -> Vec<Hit> {
    if !facts.is_exposed("pgmq_public") {
        return Vec::new();
    }
    let queues =
        facts.schema.relations.iter().filter(|t| t.schema == "pgmq" && t.name.starts_with("q_") && t.is_table());
    queues
        .filter(|table| !table.rls)
        .map(|table| Hit {
            sql: enable(table),
            ..relation_hit(table, "The queue has no row-level security.".to_owned())
        })
        .collect()
}

pub const ONLY_RESTRICTIVE_POLICIES: Rule = Rule {
    title: "Only restrictive policies",
    why: "A restrictive policy takes away from what permissive ones give. Without a permissive one there is nothing to take from: no row \
          passes, and no error says so.",
    remedy: "Add a permissive policy, or make one of them permissive.",
    ..rule("only_restrictive_policies", "1018", Level::Warn, Category::Security, only_restrictive_policies)
};

fn only_restrictive_policies(facts: &Facts<'_>) -> Vec<Hit> {
    let silent = |table: &&Relation| {
        table.rls && !table.policies.is_empty() && table.policies.iter().all(|policy| !policy.permissive)
    };
    let detail = |table: &Relation| {
        format!("All policies ({}) are restrictive: nobody sees or writes a row.", policy_names(table))
    };
    facts.tables().filter(silent).map(|table| relation_hit(table, detail(table))).collect()
}

pub const FORCE_RLS_MISSING: Rule = Rule {
    title: "A caller owns the table",
    why: "Row-level security does not bind a table's owner unless it is forced.",
    remedy: "Give the table another owner, or force row-level security.",
    ..rule("force_rls_missing", "1019", Level::Error, Category::Security, force_rls_missing)
};

fn force_rls_missing(facts: &Facts<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for table in facts.tables().filter(|table| table.rls && !table.force_rls) {
        // The authenticator becomes others, and logs in itself too.
        let roles = facts.callers.iter().copied().chain(["authenticator"]);
        if let Some(role) = roles.into_iter().find(|role| facts.has_role(role, &table.owner)) {
            let detail = format!("Requests run as {role}, which has the rights of the owner {}.", table.owner);
            let mut hit = relation_hit(table, detail);
            hit.sql = Some(format!("alter table {} force row level security;", table.sql()));
            hit.metadata.insert("role".to_owned(), json!(role));
            hits.push(hit);
        }
    }
    hits
}
