//! Policies that ask themselves.
//!
//! To read a table under row-level security PostgreSQL adds the conditions of its policies to the query, and to the sub-selects of these
//! the conditions of the tables that they read, and so on: a table that comes up again is refused (42P17). A function that runs with the
//! caller's rights starts anew, and goes on until the stack is full (54001).

mod helper;
mod reads;

use std::collections::{BTreeMap, HashSet};

use super::{Category, Facts, Hit, Level, Rule, rule};
use crate::expr::Expr;
use crate::lint::PolicyFacts;
use crate::schema::{Command, Function, Relation, RelationKind};

pub const POLICY_RECURSION: Rule = Rule {
    title: "Policies that ask themselves",
    why: "Every query that needs the policy fails with \"infinite recursion detected\", or runs until the stack is full.",
    remedy: "Let a SECURITY DEFINER function look: it reads past the policies of the table that it reads.",
    ..rule("policy_recursion", "1001", Level::Error, Category::Security, policy_recursion)
};

fn policy_recursion(facts: &Facts<'_>) -> Vec<Hit> {
    let mut search = Search {
        facts,
        reads: reads::Reads::new(facts),
        stack: Vec::new(),
        clean: HashSet::new(),
        cycles: BTreeMap::new(),
    };
    for table in facts.tables().filter(|table| table.rls && !table.policies.is_empty()) {
        for role in facts.callers.clone() {
            for command in [Command::Select, Command::Insert, Command::Update, Command::Delete] {
                search.visit(table, command, role, 0);
            }
        }
    }
    search.cycles.into_values().map(|cycle| hit(facts, &cycle)).collect()
}

/// A way from a table back to itself.
struct Cycle<'a> {
    /// Tables, views and functions, in the order in which they are read; the first is the last too.
    path: Vec<String>,
    /// The policy that closes it.
    table: &'a Relation,
    policy: &'a str,
    /// The table that comes up again.
    again: &'a Relation,
    /// The function that starts the round anew.
    function: Option<&'a Function>,
}

/// A relation whose policies are being added.
struct Entry<'a> {
    relation: &'a Relation,
    command: Command,
    role: &'a str,
    /// Grows with each function on the way.
    frame: usize,
    /// What is read by which policy next, for the path.
    through: String,
    /// That policy, and the function that it reads by.
    by: Option<(&'a str, Option<&'a Function>)>,
}

struct Search<'f, 'a> {
    facts: &'f Facts<'a>,
    reads: reads::Reads<'a>,
    stack: Vec<Entry<'a>>,
    /// (relation, command, role, frame) that lead to no cycle.
    clean: HashSet<(u32, Command, &'a str, usize)>,
    /// By the tables on it.
    cycles: BTreeMap<Vec<u32>, Cycle<'a>>,
}

/// No chain of views and functions that people write is longer.
const DEEPEST: usize = 64;

impl<'a> Search<'_, 'a> {
    /// Adds what `role` needs to use the relation.
    fn visit(&mut self, relation: &'a Relation, command: Command, role: &'a str, frame: usize) {
        if !self.clean.insert((relation.oid, command, role, frame)) && !self.is_open(relation) {
            return;
        }
        if self.stack.len() > DEEPEST {
            return;
        }
        match relation.kind {
            RelationKind::View => self.visit_view(relation, role, frame),
            RelationKind::Table | RelationKind::Partitioned => self.visit_table(relation, command, role, frame),
            // Their rows are stored, or elsewhere.
            RelationKind::MaterializedView | RelationKind::Foreign => {}
        }
    }

    fn is_open(&self, relation: &Relation) -> bool {
        self.stack.iter().any(|entry| entry.relation.oid == relation.oid)
    }

    fn visit_view(&mut self, view: &'a Relation, role: &'a str, frame: usize) {
        if self.is_open(view) {
            return; // a recursive view
        }
        let role = if view.security_invoker { role } else { &view.owner };
        let through = format!("the view {}.{}", view.schema, view.name);
        self.stack.push(Entry { relation: view, command: Command::Select, role, frame, through, by: None });
        for oid in &view.reads {
            if let Some(relation) = self.facts.relation(*oid) {
                self.visit(relation, Command::Select, role, frame);
            }
        }
        self.stack.pop();
    }

    fn visit_table(&mut self, table: &'a Relation, command: Command, role: &'a str, frame: usize) {
        let facts = self.facts;
        if facts.bypasses(role, table) {
            return;
        }
        // To find the rows that are changed, the policies for reading are added too.
        let asked: Vec<&PolicyFacts<'a>> = facts
            .policies_of(table)
            .filter(|p| facts.binds(p.policy, role))
            .filter(|p| p.covers(command) || command != Command::Insert && p.covers(Command::Select))
            .collect();
        let has_sub_select = asked.iter().any(|p| p.clauses().any(|clause| !clause.expr.selects().is_empty()));
        let again = self.stack.iter().position(|entry| {
            let same = entry.relation.oid == table.oid;
            same && (entry.frame == frame && has_sub_select || entry.command == command && entry.role == role)
        });
        if let Some(again) = again {
            self.found(again, table);
            return;
        }
        for policy in asked {
            let name: &'a str = &policy.policy.name;
            for (relation, via) in self.reads.of_policy(policy) {
                let Some(relation) = facts.relation(relation) else { continue };
                let mut through = format!("{}.{} (policy {name:?})", table.schema, table.name);
                let (mut as_role, mut next_frame) = (role, frame);
                if let Some(function) = via {
                    through += &format!(", {}", function.signature());
                    next_frame += 1;
                    if function.security_definer {
                        as_role = &function.owner;
                    }
                }
                self.stack.push(Entry { relation: table, command, role, frame, through, by: Some((name, via)) });
                self.visit(relation, Command::Select, as_role, next_frame);
                self.stack.pop();
            }
        }
    }

    fn found(&mut self, again: usize, table: &'a Relation) {
        let round = &self.stack[again..];
        let Some((last, (policy, _))) = round.iter().rev().find_map(|entry| Some((entry, entry.by?))) else { return };
        let mut key: Vec<u32> = round.iter().map(|entry| entry.relation.oid).collect();
        key.sort_unstable();
        key.dedup();
        let mut path: Vec<String> = round.iter().map(|entry| entry.through.clone()).collect();
        path.push(format!("{}.{}", table.schema, table.name));
        let function = round.iter().rev().find_map(|entry| entry.by?.1).filter(|function| !function.security_definer);
        let cycle = Cycle { path, table: last.relation, policy, again: table, function };
        self.cycles.entry(key).or_insert(cycle);
    }
}

fn hit(facts: &Facts<'_>, cycle: &Cycle<'_>) -> Hit {
    let end = if cycle.function.is_some() { "until the stack is full" } else { "which PostgreSQL refuses" };
    let detail = format!("{}: {end}.", cycle.path.join(" → "));
    let policy = facts.policies_of(cycle.table).find(|policy| policy.policy.name == cycle.policy);
    let Some(policy) = policy else {
        return super::facts::relation_hit(cycle.table, detail);
    };
    let mut hit = policy.hit(detail);
    hit.sql = match cycle.function {
        Some(function) => Some(format!("alter {} security definer;", super::facts::function_sql(function))),
        None => helper::resolved(facts, policy),
    };
    if cycle.again.force_rls {
        let owner = &cycle.again.owner;
        hit.detail += &format!(
            " Row-level security is forced: the function's owner must not be {owner} but a role with BYPASSRLS."
        );
    }
    hit
}

/// Sub-selects of a condition that read something, outer ones only, with their bytes.
fn reading_parts(expr: &Expr) -> Vec<&Expr> {
    let mut found = Vec::new();
    collect(expr, &mut found);
    found
}

fn collect<'e>(expr: &'e Expr, found: &mut Vec<&'e Expr>) {
    use crate::expr::Kind;
    let reads =
        |select: &crate::expr::Select| select.all().iter().any(|s| s.from.iter().any(|f| f.expression.is_none()));
    match &expr.kind {
        Kind::Exists(select) | Kind::Select(select) if reads(select) => found.push(expr),
        Kind::Quantified { right, .. } if matches!(&right.kind, Kind::Select(select) if reads(select)) => {
            found.push(expr);
        }
        _ => expr.children().into_iter().for_each(|child| collect(child, found)),
    }
}
