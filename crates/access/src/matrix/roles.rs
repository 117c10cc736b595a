//! Roles that requests can take on and nobody tries as: a token may name any role that `authenticator` is in.

use super::report::Untried;
use super::subject::roles_of;
use crate::Schema;
use crate::identities::Person;
use crate::schema::{Grant, is_platform};

/// Roles within `authenticator`'s reach that no identity uses, though they have rights on what is the project's.
pub fn unused(schema: &Schema, people: &[Person]) -> Vec<Untried> {
    const KNOWN: [&str; 4] = ["authenticator", "anon", "authenticated", "service_role"];
    let tried = |role: &String| KNOWN.contains(&role.as_str()) || people.iter().any(|person| person.role == *role);
    let mut found = Vec::new();
    for role in roles_of(schema, "authenticator").into_iter().filter(|role| !tried(role)) {
        let rights = rights(schema, &role);
        let Some(first) = rights.first() else { continue };
        let more = match rights.len() {
            1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        found.push(Untried::new(
            &format!("role {role}"),
            "everything",
            format!(
                "a token may name it, it has {first}{more}, and no identity is tried with it; \
                 say under [identities] in access.toml: {} = {{ role = \"{role}\" }}",
                key(&role)
            ),
        ));
    }
    found
}

/// A key of TOML.
fn key(name: &str) -> String {
    let bare = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if bare { name.to_owned() } else { format!("{name:?}") }
}

/// For people: what a role has by itself or by roles that it is in.
fn rights(schema: &Schema, role: &str) -> Vec<String> {
    let roles = roles_of(schema, role);
    let known = roles.iter().filter_map(|role| schema.role(role));
    let mut found: Vec<String> = known
        .filter(|role| role.superuser || role.bypass_rls)
        .map(|role| format!("no row-level security in its way (by {})", role.name))
        .collect();
    let his = |grant: &&Grant| roles.contains(&grant.grantee);
    for relation in schema.user_relations() {
        let columns = relation.columns.iter().flat_map(|column| &column.grants);
        if let Some(grant) = relation.grants.iter().chain(columns).find(his) {
            found.push(format!("{} on {}.{}", grant.privilege.to_lowercase(), relation.schema, relation.name));
        }
    }
    let functions = schema.functions.iter().filter(|function| {
        function.extension.is_none()
            && !is_platform(&function.schema)
            && function.grants.iter().any(|grant| his(&grant))
    });
    found.extend(functions.map(|function| format!("execute on {}.{}", function.schema, function.name)));
    found
}
