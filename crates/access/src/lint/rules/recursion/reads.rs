//! What policies and functions read.

use std::collections::{BTreeSet, HashMap};

use super::Facts;
use crate::expr::{Token, tokens};
use crate::lint::PolicyFacts;
use crate::schema::Function;

/// Relations by what reads them.
pub struct Reads<'a> {
    /// By (schema, name).
    names: HashMap<(&'a str, &'a str), u32>,
    /// Function → relations that its source names.
    functions: HashMap<u32, (&'a Function, BTreeSet<u32>)>,
}

impl<'a> Reads<'a> {
    pub fn new(facts: &Facts<'a>) -> Self {
        let names: HashMap<_, _> =
            facts.schema.relations.iter().map(|r| ((r.schema.as_str(), r.name.as_str()), r.oid)).collect();
        let sources: Vec<_> = facts
            .our_functions()
            .filter(|function| matches!(function.language.as_str(), "sql" | "plpgsql"))
            .map(|function| (function, tokens(&function.body)))
            .collect();
        let mut functions: HashMap<u32, (&Function, BTreeSet<u32>)> =
            sources.iter().map(|(f, tokens)| (f.oid, (*f, named(&names, f, tokens)))).collect();
        // What a function's functions read with the caller's rights, it reads.
        let mut by_name: HashMap<(String, String), Vec<&Function>> = HashMap::new();
        for (function, _) in &sources {
            by_name.entry((function.schema.clone(), function.name.clone())).or_default().push(*function);
        }
        let calls: Vec<(u32, Vec<u32>)> = sources
            .iter()
            .map(|(function, tokens)| {
                let called = tokens.windows(4).filter(|w| w[1].is_symbol(".") && w[3].is_symbol("("));
                let called = called.filter_map(|w| by_name.get(&(w[0].name()?, w[2].name()?)));
                let called = called.flatten().filter(|called| !called.security_definer && called.oid != function.oid);
                (function.oid, called.map(|function| function.oid).collect())
            })
            .collect();
        for _ in 0..8 {
            let mut grew = false;
            for (function, called) in &calls {
                let more: BTreeSet<u32> = called
                    .iter()
                    .filter_map(|c| functions.get(c))
                    .flat_map(|(_, reads)| reads.iter().copied())
                    .collect();
                if let Some((_, reads)) = functions.get_mut(function) {
                    let before = reads.len();
                    reads.extend(more);
                    grew |= reads.len() > before;
                }
            }
            if !grew {
                break;
            }
        }
        Self { names, functions }
    }

    /// What a policy reads: in its sub-selects (also its own table), and by the functions that it calls.
    pub fn of_policy(&self, policy: &PolicyFacts<'a>) -> Vec<(u32, Option<&'a Function>)> {
        let mut found: BTreeSet<u32> = BTreeSet::new();
        for clause in policy.clauses() {
            for source in clause.expr.selects().into_iter().flat_map(|select| &select.from) {
                // PostgreSQL prints relations with their schema; what has none is a common table expression.
                if let Some(schema) = &source.schema {
                    found.extend(self.names.get(&(schema.as_str(), source.name.as_str())));
                }
            }
        }
        let mut all: Vec<_> = found.into_iter().map(|relation| (relation, None)).collect();
        for (function, reads) in policy.policy.calls.iter().filter_map(|oid| self.functions.get(oid)) {
            all.extend(reads.iter().map(|relation| (*relation, Some(*function))));
        }
        all
    }
}

/// Relations that follow a word after which a relation is read, by their full names or along the function's search path.
fn named(names: &HashMap<(&str, &str), u32>, function: &Function, tokens: &[Token<'_>]) -> BTreeSet<u32> {
    let path = function.settings.iter().find_map(|setting| setting.strip_prefix("search_path="));
    let path: Vec<&str> = path.unwrap_or("public, extensions").split(',').map(|s| s.trim().trim_matches('"')).collect();
    let mut found = BTreeSet::new();
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| &tokens[before]);
        let reads = before.is_some_and(|before| {
            ["from", "join", "update", "into", "only", "using"].iter().any(|word| before.is(word))
                || before.is_symbol(",")
        });
        let Some(first) = token.name().filter(|_| reads) else { continue };
        let second =
            tokens.get(at + 1).filter(|dot| dot.is_symbol(".")).and_then(|_| tokens.get(at + 2)).and_then(Token::name);
        match second {
            Some(second) => found.extend(names.get(&(first.as_str(), second.as_str()))),
            None => found.extend(path.iter().find_map(|schema| names.get(&(*schema, first.as_str())))),
        }
    }
    found
}
