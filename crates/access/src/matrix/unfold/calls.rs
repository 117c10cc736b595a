//! Calls of the project's functions: found, bound to what they are given, and opened.

use std::cell::RefCell;

use super::against::Against;
use super::clauses::{Clauses, clauses};
use super::{DEEP, Unfolder, Way, body};
use crate::expr::{Expr, Kind as Node};
use crate::schema::{Function, FunctionKind, is_platform};

impl<'u> Unfolder<'u> {
    /// Of `select f()`, where a function without arguments answers many rows: its own `SELECT`s.
    pub(super) fn set(&mut self, side: &Clauses) -> Option<(Vec<Clauses>, String)> {
        let ([output], None) = (side.outputs.as_slice(), &side.from) else { return None };
        self.set_of(&Expr::parse(output), output)
    }

    pub(super) fn set_of(&mut self, call: &Expr, text: &str) -> Option<(Vec<Clauses>, String)> {
        let Node::Call { schema, name, arguments } = &call.bare().kind else { return None };
        if !arguments.is_empty() {
            return None;
        }
        let function = self.function(schema.as_deref(), name, 0)?;
        let inner =
            body::select(function).and_then(|sql| clauses(&sql).ok_or_else(|| "it is no plain SELECT".to_owned()));
        match inner {
            Ok(inner) => Some((inner, text.to_owned())),
            Err(why) => {
                self.closed.push(format!("{}.{}: {why}", function.schema, function.name));
                None
            }
        }
    }

    /// A project's function that is given something of the row.
    pub(super) fn call(&mut self, call: &Expr, src: &str, against: Option<&Against>, deep: usize) -> Option<Vec<Way>> {
        let Node::Call { schema, name, arguments } = &call.kind else { return None };
        let reads = |argument: &Expr| argument.any(&|node| matches!(node.kind, Node::Column { .. }));
        if !arguments.iter().any(reads) {
            return None;
        }
        let function = self.function(schema.as_deref(), name, arguments.len())?;
        let told = format!("{}.{}", function.schema, function.name);
        let opened =
            if deep >= DEEP { Err("it leads too deep into others".to_owned()) } else { body::select(function) };
        let sides = opened.and_then(|sql| {
            let mut sides = clauses(&sql).ok_or("it is no plain SELECT")?;
            match sides.len() {
                1 => Ok((sides.remove(0), sql)),
                _ => Err("it is a UNION".to_owned()),
            }
        });
        let (_, sql) = match sides {
            Ok(found) => found,
            Err(why) => {
                self.closed.push(format!("{told}: {why}"));
                return None;
            }
        };
        if function.argument_types.len() != arguments.len() {
            self.closed.push(format!("{told}: it is called with fewer arguments than it has"));
            return None;
        }
        let Some(arguments) = in_order(function, arguments, src) else {
            self.closed.push(format!("{told}: its arguments are not understood"));
            return None;
        };
        self.count += 1;
        let alias = format!("\"_b{}\"", self.count);
        let given: RefCell<Vec<String>> = RefCell::new(arguments.clone());
        let inner = body::bind(self.schema, function, &sql, &|at, field| {
            let whole = arguments.get(at).and_then(|argument| argument.strip_suffix(".*"));
            match (field, whole) {
                (Some(field), Some(row)) => {
                    let mut given = given.borrow_mut();
                    given.push(format!("{row}.{}", pg::ident(field)));
                    format!("{alias}.\"p{}\"", given.len())
                }
                (Some(field), None) => format!("({alias}.\"p{}\").{}", at + 1, pg::ident(field)),
                (None, _) => format!("{alias}.\"p{}\"", at + 1),
            }
        });
        let mut given = given.into_inner();
        let reads_row = |sql: &str| Expr::parse(sql).any(&|node| matches!(node.kind, Node::Column { .. }));
        let against = against.map(|against| {
            if !reads_row(&against.other) {
                return against.clone();
            }
            given.push(against.other.clone());
            Against { other: format!("{alias}.\"p{}\"", given.len()), ..against.clone() }
        });
        let side = clauses(&inner).filter(|sides| sides.len() == 1)?.remove(0);
        let ways = self.answers(&side, against.as_ref(), deep + 1);
        let Some(ways) = ways else {
            self.closed.push(format!("{told}: it answers more than one value"));
            return None;
        };
        let value = |sql: &String| sql.strip_suffix(".*").unwrap_or(sql).to_owned();
        let columns: Vec<String> =
            given.iter().enumerate().map(|(at, sql)| format!("({}) as \"p{}\"", value(sql), at + 1)).collect();
        let inside = |way: Way| {
            let mut said = way.said;
            for (at, sql) in given.iter().enumerate().rev() {
                said = said.replace(&format!("{alias}.\"p{}\"", at + 1), sql);
            }
            Way {
                sql: format!("exists (select 1 from (select {}) as {alias} where {})", columns.join(", "), way.sql),
                said: format!("{name}: {said}"),
            }
        };
        Some(ways.into_iter().map(inside).collect())
    }

    /// The project's function of this name, where there is one and no other.
    fn function(&self, schema: Option<&str>, name: &str, arguments: usize) -> Option<&'u Function> {
        let fits = |function: &&Function| {
            function.name == name
                && schema.is_none_or(|schema| function.schema == schema)
                && function.kind == FunctionKind::Function
                && function.extension.is_none()
                && !is_platform(&function.schema)
                && function.argument_types.len() >= arguments
        };
        let mut found: Vec<&Function> = self.schema.functions.iter().filter(fits).collect();
        if found.len() > 1 {
            found.retain(|function| function.argument_types.len() == arguments);
        }
        if found.len() == 1 { found.pop() } else { None }
    }
}

/// The arguments as text, by place, also where they are named (`f(a => b)`).
fn in_order(function: &Function, arguments: &[Expr], src: &str) -> Option<Vec<String>> {
    let mut found: Vec<Option<String>> = vec![None; arguments.len()];
    for (at, argument) in arguments.iter().enumerate() {
        let (place, text) = match &argument.kind {
            Node::Binary { operator, left, right } if operator == "=>" => {
                let Node::Column { name, .. } = &left.kind else { return None };
                (function.argument_names.iter().position(|known| known == name)?, right.text(src))
            }
            // `table.*`: the parser leaves the star to whoever asks.
            _ => (at, argument.text(src)),
        };
        *found.get_mut(place)? = Some(text.to_owned());
    }
    found.into_iter().collect()
}
