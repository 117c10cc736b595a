//! Filling in.

use std::collections::HashMap;

use serde_json::Value;

use super::functions::{self, Val};
use super::lex::Mistake;
use super::parse::{Node, Operand, Pipe};
use super::place::Document;

/// Templates that call each other.
const MAX_CALLS: usize = 32;
/// Nodes that one rendering may walk: bounds loops that print nothing.
const MAX_STEPS: usize = 1_000_000;

pub(super) fn render(
    body: &[Node],
    defined: &HashMap<String, Vec<Node>>,
    html: bool,
    data: &Value,
    max_bytes: usize,
) -> Result<String, Mistake> {
    let mut run = Run {
        defined,
        out: String::new(),
        document: html.then(Document::new),
        variables: vec![(String::new(), Val::Json(data.clone()))],
        calls: 0,
        steps: 0,
        max_bytes,
    };
    run.nodes(body, &Val::Json(data.clone()))?;
    Ok(run.out)
}

struct Run<'a> {
    defined: &'a HashMap<String, Vec<Node>>,
    out: String,
    document: Option<Document>,
    /// Innermost last; the first is `$`.
    variables: Vec<(String, Val)>,
    calls: usize,
    steps: usize,
    max_bytes: usize,
}

/// How a list of nodes ended.
#[derive(PartialEq)]
enum Flow {
    On,
    Break,
    Continue,
}

impl Run<'_> {
    fn nodes(&mut self, nodes: &[Node], dot: &Val) -> Result<Flow, Mistake> {
        for node in nodes {
            match self.node(node, dot)? {
                Flow::On => {}
                other => return Ok(other),
            }
        }
        Ok(Flow::On)
    }

    fn node(&mut self, node: &Node, dot: &Val) -> Result<Flow, Mistake> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err((0, "the template does not come to an end".into()));
        }
        match node {
            Node::Text(text) => {
                if let Some(document) = &mut self.document {
                    document.read(text);
                }
                self.push(text)?;
            }
            Node::Print(line, pipe) => {
                let value = self.pipe(*line, pipe, dot)?;
                if pipe.variables.is_empty() {
                    let text = match &mut self.document {
                        Some(document) => document.write(&value),
                        None => value.to_text(),
                    };
                    self.push(&text).map_err(|(_, message)| (*line, message))?;
                }
            }
            Node::If(line, pipe, then, otherwise) => {
                let mark = self.variables.len();
                let value = self.pipe(*line, pipe, dot)?;
                let flow = self.nodes(if value.is_true() { then } else { otherwise }, dot)?;
                self.variables.truncate(mark);
                return Ok(flow);
            }
            Node::With(line, pipe, then, otherwise) => {
                let mark = self.variables.len();
                let value = self.pipe(*line, pipe, dot)?;
                let flow = if value.is_true() { self.nodes(then, &value)? } else { self.nodes(otherwise, dot)? };
                self.variables.truncate(mark);
                return Ok(flow);
            }
            Node::Range(line, pipe, body, otherwise) => return self.range(*line, pipe, body, otherwise, dot),
            Node::Template(line, name, data) => self.template(*line, name, data.as_ref(), dot)?,
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    fn range(
        &mut self,
        line: usize,
        pipe: &Pipe,
        body: &[Node],
        otherwise: &[Node],
        dot: &Val,
    ) -> Result<Flow, Mistake> {
        let mark = self.variables.len();
        let unnamed = Pipe { variables: Vec::new(), ..pipe.clone() };
        let items: Vec<(Value, Value)> = match self.pipe(line, &unnamed, dot)?.to_json() {
            Value::Null => Vec::new(),
            Value::Array(items) => items.into_iter().enumerate().map(|(at, item)| (at.into(), item)).collect(),
            // Go walks maps in the order of their keys.
            Value::Object(members) => {
                let mut members: Vec<_> = members.into_iter().collect();
                members.sort_by(|a, b| a.0.cmp(&b.0));
                members.into_iter().map(|(key, item)| (key.into(), item)).collect()
            }
            Value::Number(n) if n.as_u64().is_some_and(|n| n < 100_000) => {
                (0..n.as_u64().unwrap_or(0)).map(|at| (at.into(), at.into())).collect()
            }
            other => return Err((line, format!("range cannot walk over {other}"))),
        };
        if items.is_empty() {
            return self.nodes(otherwise, dot);
        }
        for (key, item) in items {
            let item = Val::Json(item);
            match pipe.variables.as_slice() {
                [value] => self.set(value, pipe.declares, item.clone()),
                [index, value] => {
                    self.set(index, pipe.declares, Val::Json(key));
                    self.set(value, pipe.declares, item.clone());
                }
                _ => {}
            }
            let flow = self.nodes(body, &item)?;
            self.variables.truncate(mark);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::On)
    }

    fn template(&mut self, line: usize, name: &str, data: Option<&Pipe>, dot: &Val) -> Result<(), Mistake> {
        let data = match data {
            Some(pipe) => self.pipe(line, pipe, dot)?,
            None => Val::Json(Value::Null),
        };
        let defined = self.defined;
        let body = defined.get(name).ok_or_else(|| (line, format!("no template {name:?} is defined")))?;
        self.calls += 1;
        if self.calls > MAX_CALLS {
            return Err((line, format!("the template {name:?} calls itself without end")));
        }
        let outer = std::mem::replace(&mut self.variables, vec![(String::new(), data.clone())]);
        self.nodes(body, &data)?;
        self.variables = outer;
        self.calls -= 1;
        Ok(())
    }

    fn pipe(&mut self, line: usize, pipe: &Pipe, dot: &Val) -> Result<Val, Mistake> {
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(line, command, value, dot)?);
        }
        let value = value.unwrap_or(Val::Json(Value::Null));
        for name in &pipe.variables {
            self.set(name, pipe.declares, value.clone());
        }
        Ok(value)
    }

    fn command(&mut self, line: usize, command: &[Operand], last: Option<Val>, dot: &Val) -> Result<Val, Mistake> {
        let [Operand::Function(name), operands @ ..] = command else {
            return match command.first() {
                Some(operand) => self.operand(line, operand, dot),
                None => Ok(Val::Json(Value::Null)),
            };
        };
        // `and` and `or` stop at the first value that decides.
        let decides: Option<bool> = match name.as_str() {
            "and" => Some(false),
            "or" => Some(true),
            _ => None,
        };
        let mut arguments = Vec::with_capacity(operands.len() + 1);
        for operand in operands {
            let value = self.operand(line, operand, dot)?;
            if decides == Some(value.is_true()) {
                return Ok(value);
            }
            arguments.push(value);
        }
        arguments.extend(last);
        match (decides, arguments.pop()) {
            (Some(_), Some(value)) => Ok(value),
            (_, value) => {
                arguments.extend(value);
                functions::call(name, &arguments).map_err(|message| (line, message))
            }
        }
    }

    fn operand(&mut self, line: usize, operand: &Operand, dot: &Val) -> Result<Val, Mistake> {
        Ok(match operand {
            Operand::Function(name) => functions::call(name, &[]).map_err(|message| (line, message))?,
            Operand::Field(fields) => walk(dot.clone(), fields),
            Operand::Variable(name, fields) => {
                let known = self.variables.iter().rev().find(|(known, _)| known == name);
                walk(known.map_or(Val::Json(Value::Null), |(_, value)| value.clone()), fields)
            }
            Operand::Text(text) => Val::Json(Value::String(text.clone())),
            Operand::Number(number) => Val::Json(json_number(*number)),
            Operand::Bool(b) => Val::Json(Value::Bool(*b)),
            Operand::Nil => Val::Json(Value::Null),
            Operand::Pipe(pipe, fields) => walk(self.pipe(line, pipe, dot)?, fields),
        })
    }

    fn set(&mut self, name: &str, declares: bool, value: Val) {
        let known = if declares { None } else { self.variables.iter_mut().rev().find(|(known, _)| known == name) };
        match known {
            Some((_, slot)) => *slot = value,
            None => self.variables.push((name.to_owned(), value)),
        }
    }

    fn push(&mut self, text: &str) -> Result<(), Mistake> {
        if self.out.len() + text.len() > self.max_bytes {
            return Err((0, format!("the output is longer than {} bytes", self.max_bytes)));
        }
        self.out.push_str(text);
        Ok(())
    }
}

fn walk(value: Val, fields: &[String]) -> Val {
    if fields.is_empty() {
        return value;
    }
    let mut value = value.to_json();
    for name in fields {
        value = functions::field(&value, name);
    }
    Val::Json(value)
}

fn json_number(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 { Value::from(number as i64) } else { Value::from(number) }
}
