//! Changes that change nothing, where that can be proven from the catalog alone.

use super::conditions::plain;
use super::grants::holds;
use crate::Schema;
use crate::expr::{Expr, Kind};
use crate::schema::{Command, Policy, Relation};

/// Privileges that a policy is asked about.
fn privileges(command: Command) -> &'static [&'static str] {
    match command {
        Command::All => &["SELECT", "INSERT", "UPDATE", "DELETE"],
        Command::Select => &["SELECT"],
        Command::Insert => &["INSERT"],
        Command::Update => &["UPDATE"],
        Command::Delete => &["DELETE"],
    }
}

/// Roles that a policy binds: those that row-level security does not bypass, with those that are members of the named ones.
pub(super) fn bound<'s>(schema: &'s Schema, policy: &Policy) -> Vec<&'s str> {
    let of = |role: &crate::schema::Role| {
        policy.roles.iter().any(|name| name == "public" || *name == role.name || is_member(schema, &role.name, name, 0))
    };
    schema
        .roles
        .iter()
        .filter(|role| !role.superuser && !role.bypass_rls && !is_internal(&role.name) && of(role))
        .map(|role| role.name.as_str())
        .collect()
}

/// Roles of the platform that no request takes.
fn is_internal(role: &str) -> bool {
    role.starts_with("supabase_")
        || role.starts_with("pg")
        || ["postgres", "dashboard_user", "authenticator"].contains(&role)
}

fn is_member(schema: &Schema, role: &str, of: &str, depth: usize) -> bool {
    // Memberships cannot go round in a circle; the bound is for a catalog that says otherwise.
    depth < 16
        && schema.role(role).is_some_and(|role| {
            role.inherit && role.member_of.iter().any(|group| group == of || is_member(schema, group, of, depth + 1))
        })
}

fn has(schema: &Schema, table: &Relation, role: &str, privilege: &str) -> bool {
    let direct = |name: &str| {
        holds(&table.grants, name, privilege)
            || table.columns.iter().any(|column| holds(&column.grants, name, privilege))
    };
    direct(role) || schema.roles.iter().any(|group| direct(&group.name) && is_member(schema, role, &group.name, 0))
}

/// Does a policy let this role use this privilege?
pub(super) fn binds(schema: &Schema, policy: &Policy, role: &str, privilege: &str) -> bool {
    policy.permissive && privileges(policy.command).contains(&privilege) && bound(schema, policy).contains(&role)
}

/// A policy that is never asked: none of its roles has the privilege, or none is bound by row-level security.
pub(super) fn dead(schema: &Schema, table: &Relation, policy: &Policy) -> Option<String> {
    if !table.rls {
        return Some("row-level security is off: no policy is asked".to_owned());
    }
    let roles = bound(schema, policy);
    if roles.is_empty() {
        return Some(format!("row-level security does not bind {}", policy.roles.join(", ")));
    }
    let asked =
        roles.iter().any(|role| privileges(policy.command).iter().any(|privilege| has(schema, table, role, privilege)));
    (!asked).then(|| format!("{} has no grant with which this policy would be asked", roles.join(" or ")))
}

/// Everybody else has no grant.
pub(super) fn nobody_new(schema: &Schema, table: &Relation, policy: &Policy) -> Option<String> {
    let before = bound(schema, policy);
    let everybody = Policy { roles: vec!["public".to_owned()], ..policy.clone() };
    let new: Vec<&str> = bound(schema, &everybody).into_iter().filter(|role| !before.contains(role)).collect();
    let asked =
        new.iter().any(|role| privileges(policy.command).iter().any(|privilege| has(schema, table, role, privilege)));
    (!asked).then(|| "nobody else has a grant on the table".to_owned())
}

/// No role that row-level security binds has any grant.
pub(super) fn nobody_at_all(schema: &Schema, table: &Relation) -> Option<String> {
    let everybody = Policy {
        name: String::new(),
        permissive: true,
        command: Command::All,
        roles: vec!["public".to_owned()],
        using: None,
        check: None,
        reads: Vec::new(),
        calls: Vec::new(),
        columns: Vec::new(),
    };
    let asked = bound(schema, &everybody)
        .iter()
        .any(|role| privileges(Command::All).iter().any(|p| has(schema, table, role, p)));
    (!asked).then(|| "nobody whom it binds has a grant on the table".to_owned())
}

/// A conjunct that is always true: a column that is never null, or a check on columns that were right before and cannot be written.
pub(super) fn conjunct(schema: &Schema, table: &Relation, policy: &Policy, clause: &str, part: &str) -> Option<String> {
    let expr = Expr::parse(part);
    if let Kind::Is { expression, test } = &expr.kind
        && test == "not null"
        && let Kind::Column { name, .. } = &expression.kind
        && table.column(name).is_some_and(|column| column.not_null)
    {
        return Some(format!("column {name} is never null"));
    }
    (clause == "with check" && policy.command == Command::Update).then(|| kept(schema, table, policy, part)).flatten()
}

/// A check of which every part is kept by USING.
pub(super) fn whole_check(schema: &Schema, table: &Relation, policy: &Policy) -> Option<String> {
    let check = policy.check.as_deref().filter(|_| policy.command == Command::Update)?;
    let whole = Expr::parse(check);
    let parts: Vec<String> = whole.conjuncts().iter().map(|part| plain(part.text(check))).collect();
    let proofs: Option<Vec<String>> = parts.iter().map(|part| kept(schema, table, policy, part)).collect();
    proofs.map(|_| "USING asks the same, and nobody may write the columns that it asks about".to_owned())
}

/// USING has the same part, nobody whom the policy binds may write the columns in it, and no trigger mentions them.
fn kept(schema: &Schema, table: &Relation, policy: &Policy, part: &str) -> Option<String> {
    let using = policy.using.as_deref()?;
    let same = Expr::parse(using).conjuncts().iter().any(|other| plain(other.text(using)) == part);
    if !same {
        return None;
    }
    let mut columns = Vec::new();
    let expr = Expr::parse(part);
    expr.walk(&mut |node| {
        if let Kind::Column { name, .. } = &node.kind
            && let Some(column) = table.column(name)
        {
            columns.push(column);
        }
    });
    let roles = bound(schema, policy);
    let written = columns.iter().any(|column| {
        roles.iter().any(|role| holds(&table.grants, role, "UPDATE") || holds(&column.grants, role, "UPDATE"))
    });
    let triggered = table.triggers.iter().filter(|trigger| trigger.enabled).any(|trigger| {
        let body = schema.functions.iter().find(|function| function.oid == trigger.function).map(|found| &found.body);
        body.is_none_or(|body| columns.iter().any(|column| body.to_lowercase().contains(&column.name.to_lowercase())))
    });
    (!written && !triggered).then(|| format!("USING asks the same of columns that cannot be written: {part}"))
}
