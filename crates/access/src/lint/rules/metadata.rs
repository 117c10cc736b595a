//! Policies that believe what the user wrote himself.

use super::{Category, Facts, Hit, Level, Rule, rule};
use crate::expr::{Kind, TokenKind, tokens};
use crate::lint::caller::{is_claims, is_text};
use crate::schema::Function;

pub const RLS_REFERENCES_USER_METADATA: Rule = Rule {
    title: "user_metadata in a policy",
    why: "Users change their own user_metadata by one call of the client: whoever wants to be an admin says so.",
    remedy: "Keep roles in app_metadata, which only the server writes, or in a table that users cannot write.",
    ..rule("rls_references_user_metadata", "0015", Level::Error, Category::Security, rls_references_user_metadata)
};

fn rls_references_user_metadata(facts: &Facts<'_>) -> Vec<Hit> {
    let reads = facts.policies.iter().filter(|policy| policy.clauses().any(|clause| says_metadata(clause.sql)));
    reads.map(|policy| policy.hit(format!("The policy {:?} reads user_metadata.", policy.policy.name))).collect()
}

/// Does SQL name the metadata, as a key of the token or as the column of auth.users?
fn says_metadata(sql: &str) -> bool {
    tokens(sql).iter().any(|token| {
        token.string().is_some_and(|text| text == "user_metadata")
            || token.name().is_some_and(|name| name == "raw_user_meta_data")
    })
}

pub const POLICY_FUNCTION_READS_USER_METADATA: Rule = Rule {
    title: "Function of a policy that reads user_metadata",
    why: "The policy believes the function, and the function believes what the user wrote himself.",
    remedy: "Read app_metadata, or a table that users cannot write.",
    ..rule(
        "policy_function_reads_user_metadata",
        "1016",
        Level::Error,
        Category::Security,
        policy_function_reads_user_metadata,
    )
};

fn policy_function_reads_user_metadata(facts: &Facts<'_>) -> Vec<Hit> {
    of_functions(facts, |function| says_metadata(&function.body), "reads user_metadata")
}

/// Policies that call a function of the project of which a test is true.
fn of_functions(facts: &Facts<'_>, test: fn(&Function) -> bool, what: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    for policy in &facts.policies {
        let called = policy.policy.calls.iter().filter_map(|oid| facts.function(*oid));
        for function in called.filter(|f| facts.is_ours(&f.schema, f.extension.as_ref()) && test(f)) {
            let detail = format!("The policy {:?} calls {}, which {what}.", policy.policy.name, function.signature());
            let mut hit = policy.hit(detail);
            hit.key += &format!("_{}", function.name);
            hits.push(hit);
        }
    }
    hits
}

pub const POLICY_TRUSTS_UNCONFIRMED_EMAIL: Rule = Rule {
    title: "Rights by an address that nobody confirmed",
    why: "Anybody can sign up with any address. Until it is confirmed it proves nothing, so it must not make somebody staff.",
    remedy: "Ask for email_confirmed_at is not null too, or keep rights in a table that users cannot write.",
    ..rule("policy_trusts_unconfirmed_email", "1017", Level::Warn, Category::Security, policy_trusts_unconfirmed_email)
};

fn policy_trusts_unconfirmed_email(facts: &Facts<'_>) -> Vec<Hit> {
    let mut hits = of_functions(facts, trusts_email, "decides by an address without asking whether it is confirmed");
    for policy in &facts.policies {
        let by_token = policy.clauses().any(|clause| {
            clause.expr.any(&|node| match &node.kind {
                // The token's address compared with a fixed one or a pattern, not with the row.
                Kind::Binary { left, right, .. } => {
                    let is_email = match &left.bare().kind {
                        Kind::Call { schema: Some(schema), name, .. } => schema == "auth" && name == "email",
                        Kind::Binary { left, right, operator } => {
                            operator == "->>" && is_claims(left) && is_text(Some(right), "email")
                        }
                        _ => false,
                    };
                    is_email && matches!(right.bare().kind, Kind::Literal(Some(_)))
                }
                _ => false,
            })
        });
        if by_token {
            hits.push(policy.hit(format!("The policy {:?} decides by the address in the token.", policy.policy.name)));
        }
    }
    hits
}

/// Reads `email` of auth.users and compares it with a text, but never looks at a confirmation.
fn trusts_email(function: &Function) -> bool {
    let tokens = tokens(&function.body);
    let reads_users = tokens.windows(3).any(|w| {
        w[0].name().is_some_and(|n| n == "auth") && w[1].is_symbol(".") && w[2].name().is_some_and(|n| n == "users")
    });
    let names = |wanted: &[&str]| tokens.iter().filter_map(|t| t.name()).any(|name| wanted.contains(&name.as_str()));
    let has_text = tokens.iter().any(|token| token.kind == TokenKind::String);
    reads_users && has_text && names(&["email"]) && !names(&["email_confirmed_at", "confirmed_at"])
}
