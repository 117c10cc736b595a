//! Triggers that carry what a user wrote into what he must not write.

use std::collections::BTreeSet;

use super::facts::relation_hit;
use super::{Category, Facts, Hit, Level, Rule, rule};
use crate::expr::{Token, TokenKind, tokens};
use crate::schema::{Function, Relation, Trigger};

pub const TRIGGER_WRITES_PAST_RLS: Rule = Rule {
    title: "Trigger that gives privileges by what the user wrote",
    why: "A SECURITY DEFINER trigger writes with its owner's rights, past policies and grants. Here it copies a value of the user's own row or \
          sign-up into a column that carries privilege or money.",
    remedy: "Write a constant, or choose among constants: case when … then 'a' else 'b' end.",
    ..rule("trigger_writes_past_rls", "1025", Level::Warn, Category::Security, trigger_writes_past_rls)
};

fn trigger_writes_past_rls(facts: &Facts<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for table in &facts.schema.relations {
        for trigger in table.triggers.iter().filter(|trigger| trigger.enabled) {
            let Some(function) = facts.function(trigger.function) else { continue };
            let is_ours = facts.is_ours(&function.schema, function.extension.as_ref());
            if !is_ours || !function.security_definer || function.language != "plpgsql" {
                continue;
            }
            if let Some(column) = copied(facts, table, function) {
                hits.push(hit(table, trigger, function, &column));
            }
        }
    }
    hits
}

fn hit(table: &Relation, trigger: &Trigger, function: &Function, column: &str) -> Hit {
    let detail = format!(
        "The trigger {} calls {}, which copies what the user wrote into {column}.",
        trigger.name,
        function.signature()
    );
    let mut hit = relation_hit(table, detail);
    hit.key += &format!("_{}_{column}", trigger.name);
    hit
}

/// The first column of privilege that the function writes from what a caller may write.
fn copied(facts: &Facts<'_>, table: &Relation, function: &Function) -> Option<String> {
    let all = tokens(&function.body);
    let tainted = tainted_variables(facts, table, &all);
    for (at, token) in all.iter().enumerate() {
        let rest = &all[at + 1..];
        let written = if token.is("insert") {
            inserted(rest)
        } else if token.is("update") {
            updated(rest)
        } else {
            continue;
        };
        for (column, value) in written {
            if is_privilege(&column) && is_tainted(facts, table, value, &tainted) {
                return Some(column);
            }
        }
    }
    None
}

fn is_privilege(column: &str) -> bool {
    matches!(
        column,
        "role"
            | "roles"
            | "user_role"
            | "is_admin"
            | "admin"
            | "is_staff"
            | "permissions"
            | "access_level"
            | "credits"
            | "balance"
            | "plan"
            | "plan_id"
            | "tier"
            | "verified"
            | "is_verified"
            | "approved"
            | "is_super_admin"
            | "premium"
            | "is_premium"
    ) || column.starts_with("credits_")
}

/// May the user write this column of the trigger's row? Of auth.users it is the metadata that he signs up with.
fn user_writes(facts: &Facts<'_>, table: &Relation, column: &str) -> bool {
    if table.schema == "auth" && table.name == "users" {
        return column == "raw_user_meta_data";
    }
    facts
        .callers
        .iter()
        .any(|role| facts.may_column(role, "INSERT", table, column) || facts.may_column(role, "UPDATE", table, column))
}

/// Variables that get their value from what the user wrote: `name type := …` and `name := …`.
fn tainted_variables(facts: &Facts<'_>, table: &Relation, all: &[Token<'_>]) -> BTreeSet<String> {
    let mut tainted = BTreeSet::new();
    for statement in all.split(|token| token.is_symbol(";")) {
        let Some(assign) = statement.iter().position(|token| token.is_symbol(":=")) else { continue };
        // The first name after the words that may stand before it.
        let name = statement[..assign]
            .iter()
            .rev()
            .take_while(|token| !["begin", "then", "else", "declare", "loop"].iter().any(|word| token.is(word)))
            .last()
            .and_then(Token::name);
        if let Some(name) = name
            && is_tainted(facts, table, &statement[assign + 1..], &tainted)
        {
            tainted.insert(name);
        }
    }
    tainted
}

/// Does a value hold what the user wrote? What stands between WHEN and THEN chooses a value and is none.
fn is_tainted(facts: &Facts<'_>, table: &Relation, value: &[Token<'_>], tainted: &BTreeSet<String>) -> bool {
    let mut choosing = false;
    for (at, token) in value.iter().enumerate() {
        if token.is("when") {
            choosing = true;
        } else if token.is("then") {
            choosing = false;
        }
        if choosing {
            continue;
        }
        let column = value.get(at + 2).and_then(Token::name);
        if token.is("new")
            && value.get(at + 1).is_some_and(|dot| dot.is_symbol("."))
            && column.is_some_and(|column| user_writes(facts, table, &column))
        {
            return true;
        }
        let is_variable = token.kind != TokenKind::String && token.name().is_some_and(|name| tainted.contains(&name));
        if is_variable && !at.checked_sub(1).is_some_and(|before| value[before].is_symbol(".")) {
            return true;
        }
    }
    false
}

/// Splits at commas outside of parentheses, up to the parenthesis or word that ends the list.
fn list<'t, 's>(all: &'t [Token<'s>], stops: &[&str]) -> (Vec<&'t [Token<'s>]>, &'t [Token<'s>]) {
    let (mut depth, mut start, mut parts) = (0_usize, 0, Vec::new());
    for (at, token) in all.iter().enumerate() {
        let closes = token.is_symbol(")");
        if depth == 0 && (closes || token.is_symbol(";") || stops.iter().any(|stop| token.is(stop))) {
            parts.push(&all[start..at]);
            return (parts, &all[at + 1..]);
        }
        if token.is_symbol("(") {
            depth += 1;
        } else if closes {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && token.is_symbol(",") {
            parts.push(&all[start..at]);
            start = at + 1;
        }
    }
    parts.push(&all[start..]);
    (parts, &[])
}

/// `INTO table (columns) VALUES (values)` or `SELECT values`.
fn inserted<'t, 's>(rest: &'t [Token<'s>]) -> Vec<(String, &'t [Token<'s>])> {
    let Some(open) = rest.iter().take(8).position(|token| token.is_symbol("(")) else { return Vec::new() };
    let (columns, rest) = list(&rest[open + 1..], &[]);
    let values = match rest {
        [values, open, rest @ ..] if values.is("values") && open.is_symbol("(") => list(rest, &[]).0,
        [select, rest @ ..] if select.is("select") => list(rest, &["from", "where", "on"]).0,
        _ => return Vec::new(),
    };
    let names = columns.into_iter().filter_map(|column| column.first().and_then(Token::name));
    names.zip(values).collect()
}

/// `table SET column = value, …`
fn updated<'t, 's>(rest: &'t [Token<'s>]) -> Vec<(String, &'t [Token<'s>])> {
    let Some(set) = rest.iter().take(8).position(|token| token.is("set")) else { return Vec::new() };
    let (parts, _) = list(&rest[set + 1..], &["where", "from", "returning"]);
    parts.into_iter().filter_map(|part| Some((part.first()?.name()?, part.get(2..)?))).collect()
}
