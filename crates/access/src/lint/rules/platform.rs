//! Extensions, types, buckets, roles: what is around the tables.

use serde_json::json;

use super::facts::relation_hit;
use super::{Category, Facts, Hit, Level, Object, Rule, rule};
use crate::expr::Kind;
use crate::lint::caller::{Who, is_text};
use crate::schema::{Command, Role};

pub const AUTH_ALLOW_ANONYMOUS_SIGN_INS: Rule = Rule {
    title: "Policy that takes anonymous users for known ones",
    why: "With anonymous sign-ins on, everybody gets the role authenticated for the asking; only the claim is_anonymous tells them apart.",
    remedy: "Add a restrictive policy on ((select auth.jwt()) ->> 'is_anonymous')::boolean is false, or accept it in access.toml.",
    ..rule("auth_allow_anonymous_sign_ins", "0012", Level::Info, Category::Security, auth_allow_anonymous_sign_ins)
};

fn auth_allow_anonymous_sign_ins(facts: &Facts<'_>) -> Vec<Hit> {
    if !facts.context.anonymous_sign_ins {
        return Vec::new();
    }
    let open = facts.tables().filter(|table| {
        let mut bound =
            facts.policies_of(table).filter(|policy| facts.binds(policy.policy, "authenticated")).peekable();
        let asks =
            |policy: &crate::lint::PolicyFacts<'_>| policy.clauses().any(|clause| clause.sql.contains("is_anonymous"));
        table.rls && bound.peek().is_some() && !bound.any(asks)
    });
    open.map(|table| relation_hit(table, "No policy for authenticated looks at is_anonymous.".to_owned())).collect()
}

pub const EXTENSION_IN_PUBLIC: Rule = Rule {
    title: "Extension in public",
    why: "Its functions are served by the API and mix with your own names.",
    remedy: "Move it to the schema extensions.",
    ..rule("extension_in_public", "0014", Level::Warn, Category::Security, extension_in_public)
};

fn extension_in_public(facts: &Facts<'_>) -> Vec<Hit> {
    // Some are registered in public and make their objects elsewhere.
    let has_objects = |name: &str| {
        let is_its =
            |schema: &str, extension: &Option<String>| schema == "public" && extension.as_deref() == Some(name);
        facts.schema.functions.iter().any(|f| is_its(&f.schema, &f.extension))
            || facts.schema.relations.iter().any(|r| is_its(&r.schema, &r.extension))
    };
    let in_public = facts.schema.extensions.iter().filter(|e| e.schema == "public" && has_objects(&e.name));
    in_public
        .map(|extension| Hit {
            object: Object {
                kind: "extension",
                schema: "public".to_owned(),
                name: extension.name.clone(),
                ..Object::default()
            },
            detail: "The extension's objects are in public.".to_owned(),
            sql: Some(format!("alter extension {} set schema extensions;", pg::ident(&extension.name))),
            key: extension.name.clone(),
            ..Hit::default()
        })
        .collect()
}

pub const EXTENSION_VERSIONS_OUTDATED: Rule = Rule {
    title: "Extension of an older version",
    why: "A newer version is installed on the server; it may mend faults.",
    remedy: "Update it.",
    ..rule("extension_versions_outdated", "0022", Level::Warn, Category::Security, extension_versions_outdated)
};

fn extension_versions_outdated(facts: &Facts<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for extension in &facts.schema.extensions {
        let Some(newer) = extension.default_version.as_ref().filter(|version| **version != extension.version) else {
            continue;
        };
        let mut hit = Hit {
            object: Object { kind: "extension", name: extension.name.clone(), ..Object::default() },
            detail: format!("Version {} is in use, {newer} is there.", extension.version),
            sql: Some(format!("alter extension {} update;", pg::ident(&extension.name))),
            key: format!("{}_{}", extension.name, extension.version),
            ..Hit::default()
        };
        hit.metadata.insert("installed_version".to_owned(), json!(extension.version));
        hit.metadata.insert("default_version".to_owned(), json!(newer));
        hits.push(hit);
    }
    hits
}

pub const UNSUPPORTED_REG_TYPES: Rule = Rule {
    title: "Column that stops an upgrade",
    why: "The type keeps numbers of the catalog, which change: pg_upgrade refuses a database that has it in a table.",
    remedy: "Store the name as text.",
    ..rule("unsupported_reg_types", "0018", Level::Warn, Category::Security, unsupported_reg_types)
};

fn unsupported_reg_types(facts: &Facts<'_>) -> Vec<Hit> {
    // "pg_upgrade", Notes: all reg types but regclass, regrole and regtype.
    const TYPES: &[&str] = &[
        "regcollation",
        "regconfig",
        "regdictionary",
        "regnamespace",
        "regoper",
        "regoperator",
        "regproc",
        "regprocedure",
    ];
    let mut hits = Vec::new();
    for table in facts.tables() {
        for column in table.columns.iter().filter(|column| TYPES.contains(&column.base_type.as_str())) {
            let mut hit = relation_hit(table, format!("{} is of type {}.", column.name, column.base_type));
            hit.object.column = Some(column.name.clone());
            hit.key += &format!("_{}", column.name);
            let name = pg::ident(&column.name);
            hit.sql = Some(format!("alter table {} alter column {name} type text using {name}::text;", table.sql()));
            hits.push(hit);
        }
    }
    hits
}

pub const PUBLIC_BUCKET_ALLOWS_LISTING: Rule = Rule {
    title: "Public bucket that can be listed",
    why: "Files of a public bucket are read by their URL without a policy. A policy that lets everybody select them serves only for listing \
          all of them.",
    remedy: "Drop the policy, or narrow it to the caller's own files.",
    ..rule("public_bucket_allows_listing", "0025", Level::Warn, Category::Security, public_bucket_allows_listing)
};

fn public_bucket_allows_listing(facts: &Facts<'_>) -> Vec<Hit> {
    let Some(objects) = facts.schema.relation("storage", "objects") else { return Vec::new() };
    let mut hits = Vec::new();
    for bucket in facts.schema.buckets.iter().filter(|bucket| bucket.public) {
        for policy in facts.policies_of(objects).filter(|p| p.covers(Command::Select) && p.policy.permissive) {
            let bound = facts.callers.iter().any(|role| facts.binds(policy.policy, role));
            let Some(using) = policy.using.as_ref().filter(|_| bound) else { continue };
            let lists = using.expr.branches().iter().any(|branch| {
                let of_bucket = |part: &&crate::expr::Expr| match &part.kind {
                    Kind::Boolean(true) => true,
                    Kind::Binary { operator, left, right } if operator == "=" => {
                        let is_id = matches!(&left.bare().kind, Kind::Column { name, .. } if name == "bucket_id");
                        is_id && is_text(Some(right), &bucket.id)
                    }
                    _ => false,
                };
                facts.who(branch, objects) == Who::Anybody && branch.iter().all(of_bucket)
            });
            if lists {
                hits.push(Hit {
                    object: Object {
                        kind: "bucket",
                        name: bucket.id.clone(),
                        policy: Some(policy.policy.name.clone()),
                        ..Object::default()
                    },
                    detail: format!(
                        "The policy {:?} lets everybody list the bucket {:?}.",
                        policy.policy.name, bucket.id
                    ),
                    sql: Some(format!("drop policy {} on storage.objects;", pg::ident(&policy.policy.name))),
                    key: format!("{}_{}", bucket.id, policy.policy.name),
                    ..Hit::default()
                });
            }
        }
    }
    hits
}

pub const PG_GRAPHQL_ANON_TABLE_EXPOSED: Rule = Rule {
    title: "Table in everybody's GraphQL schema",
    why: "Its name and columns are told to everybody who asks, whatever its rows' policies say.",
    remedy: "Revoke SELECT where it is not needed.",
    ..rule("pg_graphql_anon_table_exposed", "0026", Level::Warn, Category::Security, graphql_anon)
};

fn graphql_anon(facts: &Facts<'_>) -> Vec<Hit> {
    graphql(facts, "anon")
}

pub const PG_GRAPHQL_AUTHENTICATED_TABLE_EXPOSED: Rule = Rule {
    title: "Table in users' GraphQL schema",
    why: "Its name and columns are told to everybody who signs up, whatever its rows' policies say.",
    remedy: "Revoke SELECT where it is not needed.",
    ..rule("pg_graphql_authenticated_table_exposed", "0027", Level::Warn, Category::Security, graphql_authenticated)
};

fn graphql_authenticated(facts: &Facts<'_>) -> Vec<Hit> {
    graphql(facts, "authenticated")
}

fn graphql(facts: &Facts<'_>, role: &str) -> Vec<Hit> {
    if !facts.schema.extensions.iter().any(|extension| extension.name == "pg_graphql") {
        return Vec::new();
    }
    let shown = facts.ours().filter(|r| facts.is_exposed(&r.schema) && facts.may_any(role, "SELECT", r));
    shown
        .map(|relation| {
            let mut hit = relation_hit(relation, format!("{role} sees it in the GraphQL schema."));
            hit.sql = Some(format!("revoke select on {} from {};", relation.sql(), pg::ident(role)));
            hit
        })
        .collect()
}

pub const ROLE_BYPASSES_RLS: Rule = Rule {
    title: "Role that no policy binds",
    why: "A superuser or BYPASSRLS role sees and writes all rows. A server that logs in as it trusts its own code alone.",
    remedy: "Take BYPASSRLS away, and give policies to the role instead.",
    ..rule("role_bypasses_rls", "1020", Level::Warn, Category::Security, role_bypasses_rls)
};

fn role_bypasses_rls(facts: &Facts<'_>) -> Vec<Hit> {
    let free = facts.schema.roles.iter().filter(|role| (role.superuser || role.bypass_rls) && !is_platform_role(role));
    free.map(|role| {
        let what = if role.superuser { "a superuser" } else { "BYPASSRLS" };
        let attribute = if role.superuser { "nosuperuser" } else { "nobypassrls" };
        Hit {
            object: Object { kind: "role", name: role.name.clone(), ..Object::default() },
            detail: format!("The role is {what}."),
            sql: Some(format!("alter role {} {attribute};", pg::ident(&role.name))),
            key: role.name.clone(),
            ..Hit::default()
        }
    })
    .collect()
}

/// Roles that every project has, or that made the cluster (`oid` 10 has no other mark than its rights and name).
fn is_platform_role(role: &Role) -> bool {
    const NAMES: &[&str] = &["postgres", "service_role", "dashboard_user", "pgbouncer", "pgsodium_keymaker"];
    NAMES.contains(&role.name.as_str()) || role.name.starts_with("supabase_")
}
