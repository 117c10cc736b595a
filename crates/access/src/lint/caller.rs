//! Who is meant: what a condition says about the caller and about the row.

use std::collections::BTreeSet;

use super::Facts;
use crate::expr::{Expr, Kind, Select};
use crate::schema::Relation;

/// Whom a branch of a condition lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Whoever asks: nothing is said about the caller.
    Anybody,
    /// The one whose row it is: the caller is compared with the row.
    Subject,
    /// Those of a kind: something is said about the caller alone, e.g. `is_admin()`.
    Staff,
}

/// Is it the caller's id: `auth.uid()`, `auth.jwt() ->> 'sub'`, the setting that both read?
pub fn is_caller_id(expr: &Expr) -> bool {
    match &expr.bare().kind {
        Kind::Call { schema: Some(schema), name, .. } => schema == "auth" && name == "uid",
        Kind::Call { schema: None, name, arguments } => match name.as_str() {
            "current_setting" => is_text(arguments.first(), "request.jwt.claim.sub"),
            "nullif" | "coalesce" => arguments.first().is_some_and(is_caller_id),
            _ => false,
        },
        Kind::Binary { operator, left, right } if operator == "->>" => is_text(Some(right), "sub") && is_claims(left),
        _ => false,
    }
}

/// Is it the whole token?
pub fn is_claims(expr: &Expr) -> bool {
    match &expr.bare().kind {
        Kind::Call { schema: Some(schema), name, .. } => schema == "auth" && name == "jwt",
        Kind::Call { schema: None, name, arguments } => {
            name == "current_setting" && is_text(arguments.first(), "request.jwt.claims")
        }
        _ => false,
    }
}

/// Is it `auth.role()`, `auth.jwt() ->> 'role'` or `current_user`?
pub fn is_role(expr: &Expr) -> bool {
    match &expr.bare().kind {
        Kind::Call { schema: Some(schema), name, .. } => schema == "auth" && name == "role",
        Kind::Call { schema: None, name, .. } => matches!(name.as_str(), "current_user" | "current_role"),
        Kind::Binary { operator, left, right } => operator == "->>" && is_claims(left) && is_text(Some(right), "role"),
        _ => false,
    }
}

/// Is it a text literal with this value?
pub fn is_text(expr: Option<&Expr>, value: &str) -> bool {
    expr.is_some_and(|expr| matches!(&expr.bare().kind, Kind::Literal(Some(text)) if text == value))
}

impl Facts<'_> {
    /// Does it ask who is calling?
    pub fn names_caller(&self, expr: &Expr) -> bool {
        expr.any(&|node| match &node.kind {
            Kind::Call { schema: Some(schema), name, .. } => {
                schema == "auth" && matches!(name.as_str(), "uid" | "jwt" | "role" | "email")
                    || self.asks_caller(schema, name)
            }
            Kind::Call { schema: None, name, .. } => {
                matches!(name.as_str(), "current_setting" | "current_user" | "session_user" | "current_role")
            }
            _ => false,
        })
    }

    /// Whom one branch (see [`Expr::branches`]) lets in.
    pub fn who(&self, branch: &[&Expr], table: &Relation) -> Who {
        let mut who = Who::Anybody;
        for part in branch {
            if self.names_caller(part) {
                // A call without the row's columns, or a sub-select that knows only the caller.
                let of_row = !own_columns(part, table).is_empty();
                // That somebody is signed in says nothing about who he is.
                let only_known = matches!(&part.kind, Kind::Is { .. }) && part.any(&is_caller_id)
                    || matches!(&part.kind, Kind::Binary { operator, left, right } if operator == "=" && is_role(left)
                        && self.callers.iter().any(|role| is_text(Some(right), role)));
                match (of_row, only_known) {
                    (true, _) if who == Who::Anybody => who = Who::Subject,
                    (false, false) => return Who::Staff,
                    _ => {}
                }
            }
        }
        who
    }
}

/// Columns of the policy's own table that a part reads, also from within sub-selects.
pub fn own_columns(expr: &Expr, table: &Relation) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(expr, table, false, &mut found);
    found
}

fn collect(expr: &Expr, table: &Relation, hidden: bool, found: &mut BTreeSet<String>) {
    match &expr.kind {
        Kind::Column { relation, name } => {
            let is_own = match relation {
                // Unqualified names occur only outside of sub-selects that read something.
                None => !hidden,
                Some(relation) => *relation == table.name && !hidden,
            };
            if is_own && table.column(name).is_some() {
                found.insert(name.clone());
            }
        }
        Kind::Select(select) | Kind::Exists(select) => in_select(select, table, hidden, found),
        _ => expr.children().into_iter().for_each(|child| collect(child, table, hidden, found)),
    }
}

fn in_select(select: &Select, table: &Relation, hidden: bool, found: &mut BTreeSet<String>) {
    let hidden = hidden || select.from.iter().any(|source| source.handle() == table.name);
    select.expressions().for_each(|part| collect(part, table, hidden, found));
    select.selects.iter().for_each(|inner| in_select(inner, table, hidden, found));
}

/// `column = value` or `column IN (…)`, either way round: the column of the policy's own table and the other side.
pub fn compared_column<'e>(part: &'e Expr, table: &Relation) -> Option<(&'e str, &'e Expr)> {
    let (left, right) = match &part.kind {
        Kind::Binary { operator, left, right } if operator == "=" => (left, right),
        Kind::Quantified { operator, every: false, left, right } if operator == "=" => (left, right),
        _ => return None,
    };
    let own = |side: &'e Expr| match &side.bare().kind {
        Kind::Column { relation, name } if relation.as_ref().is_none_or(|r| *r == table.name) => {
            table.column(name).map(|_| name.as_str())
        }
        _ => None,
    };
    own(left).map(|name| (name, &**right)).or_else(|| own(right).map(|name| (name, &**left)))
}

/// Columns that a branch (see [`Expr::branches`]) holds to the caller's id.
pub fn pinned<'e>(branch: &[&'e Expr], table: &Relation) -> Vec<&'e str> {
    let parts = branch.iter().copied();
    parts
        .filter_map(|part| compared_column(part, table))
        .filter(|(_, value)| is_caller_id(value))
        .map(|(c, _)| c)
        .collect()
}
