//! Who is meant at all: policies for PUBLIC, grants past policies, columns that everybody reads.

use serde_json::json;

use super::facts::relation_hit;
use super::{Category, Facts, Hit, Level, Rule, rule};
use crate::lint::caller::Who;
use crate::schema::{Command, Relation, RelationKind};

/// Words that name a secret: whoever has the value can act with it.
const SECRETS: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "passcode",
    "secret",
    "secret_key",
    "private_key",
    "api_key",
    "apikey",
    "auth_key",
    "token",
    "access_token",
    "refresh_token",
    "oauth_token",
    "session_token",
    "bearer_token",
    "jwt",
    "otp",
    "totp_secret",
    "recovery_code",
    "backup_code",
    "verification_code",
    "ssh_key",
    "pgp_key",
    "license_key",
    "activation_key",
    "pin",
    "cvv",
    "cvc",
];
/// Words that name what identifies, reaches or describes a person.
const PERSONAL: &[&str] = &[
    "ssn",
    "social_security_number",
    "passport_number",
    "national_id",
    "tax_id",
    "driver_license",
    "credit_card",
    "card_number",
    "bank_account",
    "account_number",
    "routing_number",
    "iban",
    "swift_code",
    "medical_record",
    "health_record",
    "patient_id",
    "insurance_number",
    "mac_address",
    "imei",
    "certificate",
];
/// Words that name how a person is reached; harmless in a shop's imprint, not in a table of people.
const CONTACT: &[&str] =
    &["email", "email_address", "phone", "phone_number", "mobile", "address", "street", "date_of_birth", "birthday"];

fn is_any(name: &str, lists: &[&[&str]]) -> bool {
    let name = name.to_lowercase().replace('-', "_");
    lists.iter().any(|list| list.contains(&name.as_str()))
}

pub const SENSITIVE_COLUMNS_EXPOSED: Rule = Rule {
    title: "Secrets in a table without row-level security",
    why: "By their names these columns hold credentials or what identifies a person, and everybody of the API's roles reads all rows.",
    remedy: "Enable row-level security, and grant SELECT on the other columns only.",
    ..rule("sensitive_columns_exposed", "0023", Level::Error, Category::Security, sensitive_columns_exposed)
};

fn sensitive_columns_exposed(facts: &Facts<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for table in facts.tables().filter(|table| facts.is_exposed(&table.schema) && !table.rls) {
        let columns = readable(facts, table, &[SECRETS, PERSONAL], &facts.callers);
        if !columns.is_empty() {
            let mut hit = relation_hit(table, format!("Without row-level security: {}.", columns.join(", ")));
            hit.sql = Some(format!("alter table {} enable row level security;", table.sql()));
            hit.metadata.insert("sensitive_columns".to_owned(), json!(columns));
            hits.push(hit);
        }
    }
    hits
}

/// Columns with such a name that any of the roles may read.
fn readable(facts: &Facts<'_>, table: &Relation, lists: &[&[&str]], roles: &[&str]) -> Vec<String> {
    let columns = table.columns.iter().filter(|column| {
        is_any(&column.name, lists) && roles.iter().any(|role| facts.may_column(role, "SELECT", table, &column.name))
    });
    columns.map(|column| column.name.clone()).collect()
}

pub const PERSONAL_COLUMNS_PUBLIC: Rule = Rule {
    title: "Personal columns or secrets that everybody reads",
    why: "A policy lets these callers see rows of others, and the grants let them see every column of those: addresses and passcodes too.",
    remedy: "Grant SELECT on the other columns only, or move these to a table of their own.",
    ..rule("personal_columns_public", "1014", Level::Warn, Category::Security, personal_columns_public)
};

fn personal_columns_public(facts: &Facts<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for table in facts.tables().filter(|table| facts.is_exposed(&table.schema) && table.rls) {
        let mut columns = Vec::new();
        for role in &facts.callers {
            let mut open = facts.policies_of(table).filter(|policy| {
                policy.policy.permissive && policy.covers(Command::Select) && facts.binds(policy.policy, role)
            });
            let of_others = open.any(|policy| {
                let Some(using) = &policy.using else { return false };
                using.expr.branches().iter().any(|branch| facts.who(branch, table) == Who::Anybody)
            });
            if of_others {
                for column in readable(facts, table, &[SECRETS, PERSONAL, CONTACT], &[role]) {
                    if !columns.contains(&column) {
                        columns.push(column);
                    }
                }
            }
        }
        if !columns.is_empty() {
            let mut hit = relation_hit(table, format!("Rows of others are shown with {}.", columns.join(", ")));
            hit.object.column = columns.first().filter(|_| columns.len() == 1).cloned();
            hit.sql = Some(grant_the_rest(facts, table, &columns));
            hit.metadata.insert("columns".to_owned(), json!(columns));
            hits.push(hit);
        }
    }
    hits
}

/// Takes SELECT on the table away from its readers and gives it back for the other columns.
fn grant_the_rest(facts: &Facts<'_>, table: &Relation, without: &[String]) -> String {
    let roles: Vec<_> = facts.readers(table).into_iter().map(pg::ident).collect();
    let rest = table.columns.iter().filter(|column| !without.contains(&column.name));
    let rest: Vec<_> = rest.map(|column| pg::ident(&column.name)).collect();
    let (sql, roles) = (table.sql(), roles.join(", "));
    format!("revoke select on {sql} from {roles};\ngrant select ({}) on {sql} to {roles};", rest.join(", "))
}

pub const POLICY_FOR_PUBLIC: Rule = Rule {
    title: "Policy for PUBLIC",
    why: "A policy without TO binds every role: it is computed for anon too, and a role made later is let in by accident.",
    remedy: "Name the roles that are meant.",
    ..rule("policy_for_public", "1013", Level::Warn, Category::Security, policy_for_public)
};

fn policy_for_public(facts: &Facts<'_>) -> Vec<Hit> {
    let public = facts.policies.iter().filter(|policy| policy.policy.roles.iter().any(|role| role == "public"));
    public
        .map(|policy| {
            let mut hit = policy.hit(format!("The policy {:?} names no role.", policy.policy.name));
            // Whoever asks for the caller means somebody who is signed in.
            let asks = policy.clauses().any(|clause| facts.names_caller(&clause.expr));
            let roles = if asks { "authenticated" } else { "anon, authenticated" };
            hit.sql =
                Some(format!("alter policy {} on {} to {roles};", pg::ident(&policy.policy.name), policy.table.sql()));
            hit
        })
        .collect()
}

pub const TRUNCATE_GRANTED: Rule = Rule {
    title: "TRUNCATE by a caller",
    why: "Row-level security does not bind TRUNCATE: a function that runs with the caller's rights can empty the table.",
    remedy: "Revoke it.",
    ..rule("truncate_granted", "1015", Level::Info, Category::Security, truncate_granted)
};

fn truncate_granted(facts: &Facts<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for table in facts.tables().filter(|t| facts.is_exposed(&t.schema) && t.kind != RelationKind::Foreign) {
        // An owner may; that a caller owns a table is a finding of its own.
        let may = |role: &&&str| facts.may(role, "TRUNCATE", table) && !facts.has_role(role, &table.owner);
        let roles: Vec<_> = facts.callers.iter().filter(may).copied().collect();
        if !roles.is_empty() {
            let mut hit = relation_hit(table, format!("{} may empty the table.", roles.join(" and ")));
            let roles: Vec<_> = roles.into_iter().map(pg::ident).collect();
            hit.sql = Some(format!("revoke truncate on {} from {};", table.sql(), roles.join(", ")));
            hits.push(hit);
        }
    }
    hits
}
