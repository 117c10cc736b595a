//! What a condition asks of rows: of the row that it is about, and of rows elsewhere that it reads. A guess, which PostgreSQL confirms.

mod claims;
mod compare;
mod terms;

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::Schema;
use crate::expr::{Expr, Kind as Node, Select};
use crate::identities::Person;
use crate::schema::{Column, Relation};
pub use claims::metadata;

/// Rows that make a condition true together.
#[derive(Debug, Clone, Default)]
pub struct Needs<'s> {
    /// The row that the condition is about comes first.
    pub rows: Vec<Wanted<'s>>,
    /// Columns that are the same: of these rows.
    pub same: Vec<(Cell, Cell)>,
}

/// One row.
#[derive(Debug, Clone)]
pub struct Wanted<'s> {
    /// Of this relation.
    pub relation: &'s Relation,
    /// What its columns are; without a value, NULL.
    pub sets: BTreeMap<usize, Option<String>>,
    /// Columns that hold anything.
    pub filled: Vec<usize>,
}

/// A row's place, and the column's.
pub type Cell = (usize, usize);

impl Needs<'_> {
    /// Is anything asked?
    pub fn say_something(&self) -> bool {
        self.rows.len() > 1 || self.rows.iter().any(|row| !row.sets.is_empty() || !row.filled.is_empty())
    }

    /// Rows of one table that have the same key are one row, as where a function looks for the row that it was given the key of.
    fn unite(&mut self) {
        let is_key = |row: &Wanted<'_>, column: usize| matches!(row.relation.primary_key(), [only] if *only == row.relation.columns[column].name);
        let one = |rows: &[Wanted<'_>], (left, right): (Cell, Cell)| {
            let (a, b) = (&rows[left.0], &rows[right.0]);
            let agree = |(column, value)| a.sets.get(column).is_none_or(|other: &Option<String>| other == value);
            left.0 != right.0
                && left.1 == right.1
                && a.relation.oid == b.relation.oid
                && is_key(a, left.1)
                && b.sets.iter().all(agree)
        };
        while let Some((left, right)) = self.same.iter().copied().find(|pair| one(&self.rows, *pair)) {
            let (kept, gone) = (left.0.min(right.0), left.0.max(right.0));
            let row = self.rows.remove(gone);
            self.rows[kept].sets.extend(row.sets);
            self.rows[kept].filled.extend(row.filled);
            let moved = |(row, column): Cell| match row {
                row if row == gone => (kept, column),
                row if row > gone => (row - 1, column),
                row => (row, column),
            };
            self.same = self.same.iter().map(|(left, right)| (moved(*left), moved(*right))).collect();
            self.same.retain(|(left, right)| left != right);
        }
    }
}

/// Works out one way to make a condition true for a person. Where there are several, the number of the attempt picks: each number
/// another one, until all were taken.
pub fn needs<'s>(schema: &'s Schema, relation: &'s Relation, person: &Person, sql: &str, attempt: usize) -> Needs<'s> {
    let claims = serde_json::from_str(&person.claims).unwrap_or(Json::Null);
    let needs = Needs::default();
    let mut reader = Reader { schema, person, claims, left: attempt, needs, json: BTreeMap::new() };
    let first = reader.row(relation);
    let names = vec![(relation.name.clone(), Names::Row(first))];
    reader.want(&Expr::parse(sql), &mut vec![names], true);
    for ((row, column), json) in std::mem::take(&mut reader.json) {
        reader.needs.rows[row].sets.insert(column, Some(json.to_string()));
    }
    reader.needs.unite();
    reader.needs
}

/// What a name in `FROM` stands for.
#[derive(Debug, Clone)]
enum Names {
    Row(usize),
    /// Values that were given, `p1` first.
    Given(Vec<Term>),
    /// What a sub-select answers.
    Answers(Vec<(Option<String>, Term)>),
}

type Scopes = Vec<Vec<(String, Names)>>;
/// What is done within a sub-select.
type Inside<'i, R> = Box<dyn FnOnce(&mut R, &mut Scopes) + 'i>;

/// A value, as far as it is known.
#[derive(Debug, Clone)]
enum Term {
    Cell(Cell),
    /// Within JSON, with the keys that lead there.
    Path(Cell, Vec<String>),
    Value(Option<String>),
    Known(Json),
    List(Vec<Self>),
    Now,
    Other,
}

struct Reader<'r, 's> {
    schema: &'s Schema,
    person: &'r Person,
    claims: Json,
    /// What of the attempt's number was not spent on a choice yet.
    left: usize,
    needs: Needs<'s>,
    json: BTreeMap<Cell, Json>,
}

impl<'s> Reader<'_, 's> {
    fn row(&mut self, relation: &'s Relation) -> usize {
        self.needs.rows.push(Wanted { relation, sets: BTreeMap::new(), filled: Vec::new() });
        self.needs.rows.len() - 1
    }

    fn column(&self, (row, column): Cell) -> &'s Column {
        &self.needs.rows[row].relation.columns[column]
    }

    /// One of so many, which are more than none.
    fn choose(&mut self, of: usize) -> usize {
        let chosen = self.left % of;
        self.left /= of;
        chosen
    }

    /// Makes a condition true, or false.
    fn want(&mut self, expr: &Expr, scopes: &mut Scopes, yes: bool) {
        match &expr.kind {
            Node::And(parts) if yes => parts.iter().for_each(|part| self.want(part, scopes, true)),
            Node::Or(parts) if !yes => parts.iter().for_each(|part| self.want(part, scopes, false)),
            Node::And(parts) | Node::Or(parts) => {
                let chosen = self.choose(parts.len());
                self.want(&parts[chosen], scopes, yes);
            }
            Node::Not(inner) => self.want(inner, scopes, !yes),
            Node::Cast { expression, .. } => self.want(expression, scopes, yes),
            Node::Is { expression, test } => {
                let term = self.term(expression, scopes);
                match (test.as_str(), yes) {
                    ("null", true) | ("not null", false) => self.set(&term, None),
                    ("not null", true) | ("null", false) => self.fill(&term),
                    ("true", yes) | ("not false", yes) => self.want(expression, scopes, yes),
                    ("not true", yes) | ("false", yes) => self.want(expression, scopes, !yes),
                    _ => {}
                }
            }
            Node::Exists(select) if yes => self.enter(select, scopes, |_, _| {}),
            Node::Select(select) => self.enter(select, scopes, |reader, scopes| {
                if let Some(output) = select.outputs.first() {
                    reader.want(output, scopes, yes);
                }
            }),
            Node::Case { operand: None, whens, otherwise } if !whens.is_empty() => {
                let chosen = self.choose(whens.len() + usize::from(otherwise.is_some()));
                whens.iter().take(chosen).for_each(|(when, _)| self.want(when, scopes, false));
                if let Some((when, then)) = whens.get(chosen) {
                    self.want(when, scopes, true);
                    self.want(then, scopes, yes);
                } else if let Some(otherwise) = otherwise {
                    self.want(otherwise, scopes, yes);
                }
            }
            Node::Binary { operator, .. } if operator.starts_with("->") || operator.starts_with("#>") => {
                let term = self.term(expr, scopes);
                self.set(&term, Some(if yes { "true" } else { "false" }.to_owned()));
            }
            Node::Column { .. } => {
                let term = self.term(expr, scopes);
                self.set(&term, Some(if yes { "true" } else { "false" }.to_owned()));
            }
            Node::Binary { operator, left, right } => self.compare(operator, left, right, scopes, yes),
            Node::Quantified { operator, every: false, left, right } if yes => {
                self.one_of(operator, left, right, scopes);
            }
            Node::Call { name, arguments, .. } => match (name.as_str(), arguments.as_slice()) {
                ("starts_with", [whole, start]) if yes => {
                    let (whole, start) = (self.term(whole, scopes), self.term(start, scopes));
                    self.equal(whole, start);
                }
                ("coalesce", [first, ..]) => self.want(first, scopes, yes),
                _ => {}
            },
            _ => {}
        }
    }

    /// Reads a sub-select's sources as rows that are there, and its conditions as true.
    fn enter(&mut self, select: &Select, scopes: &mut Scopes, inside: impl FnOnce(&mut Self, &mut Scopes)) {
        // A sub-select within a sub-select would be a type of its own.
        self.enter_one(select, scopes, Box::new(inside));
    }

    fn enter_one(&mut self, select: &Select, scopes: &mut Scopes, inside: Inside<'_, Self>) {
        let mut names = Vec::new();
        for source in &select.from {
            if let Some(expression) = &source.expression {
                let Node::Select(given) = &expression.kind else { continue };
                if given.from.is_empty() {
                    let terms = given.outputs.iter().map(|output| self.term(output, scopes)).collect();
                    names.push((source.handle().to_owned(), Names::Given(terms)));
                    continue;
                }
                let mut answers = Vec::new();
                self.enter(given, scopes, |reader, scopes| {
                    for output in &given.outputs {
                        let name = match &output.bare().kind {
                            Node::Column { name, .. } => Some(name.clone()),
                            _ => None,
                        };
                        answers.push((name, reader.term(output, scopes)));
                    }
                });
                names.push((source.handle().to_owned(), Names::Answers(answers)));
                continue;
            }
            let fits = |relation: &&Relation| {
                relation.name == source.name
                    && relation.is_table()
                    && source.schema.as_ref().is_none_or(|schema| *schema == relation.schema)
            };
            let schema = self.schema;
            if let Some(relation) = schema.relations.iter().find(fits) {
                names.push((source.handle().to_owned(), Names::Row(self.row(relation))));
            }
        }
        scopes.push(names);
        for condition in &select.conditions {
            self.want(condition, scopes, true);
        }
        inside(self, scopes);
        scopes.pop();
    }

    fn one_of(&mut self, operator: &str, left: &Expr, right: &Expr, scopes: &mut Scopes) {
        let wanted = self.term(left, scopes);
        if let Node::Select(select) = &right.bare().kind {
            self.enter(select, scopes, |reader, scopes| {
                if let Some(output) = select.outputs.first() {
                    let output = reader.term(output, scopes);
                    reader.hold(operator, wanted, output);
                }
            });
            return;
        }
        if let Node::Call { name, arguments, .. } = &right.bare().kind
            && matches!(name.as_str(), "string_to_array" | "regexp_split_to_array")
            && !arguments.is_empty()
        {
            let whole = self.term(&arguments[0], scopes);
            self.hold(operator, whole, wanted);
            return;
        }
        match self.term(right, scopes) {
            Term::Cell(cell) => {
                if let Term::Value(Some(value)) = wanted {
                    self.set(&Term::Cell(cell), Some(array(&[value])));
                }
            }
            Term::List(parts) if !parts.is_empty() => {
                let chosen = parts[self.choose(parts.len())].clone();
                self.hold(operator, wanted, chosen);
            }
            Term::Value(Some(text)) => {
                let parts = elements(&text);
                if !parts.is_empty() {
                    let chosen = parts[self.choose(parts.len())].clone();
                    self.hold(operator, wanted, Term::Value(Some(chosen)));
                }
            }
            _ => {}
        }
    }

    fn compare(&mut self, operator: &str, left: &Expr, right: &Expr, scopes: &mut Scopes, yes: bool) {
        // `… = false` of what is a condition itself.
        for (condition, value) in [(left, right), (right, left)] {
            if let (true, Node::Boolean(wanted)) = (operator == "=", &value.bare().kind) {
                self.want(condition, scopes, *wanted == yes);
                return;
            }
        }
        if let (Some(text), Node::Literal(Some(number))) = (length_of(left), &right.bare().kind)
            && let (Term::Cell(cell), Ok(number)) = (self.term(text, scopes), number.parse::<usize>())
        {
            let length = match (operator, yes) {
                ("<" | "<=", true) | (">" | ">=", false) => number.saturating_sub(1).max(1),
                (">" | ">=", true) | ("<" | "<=", false) => number + 1,
                _ => number,
            };
            if length < 500 {
                self.set(&Term::Cell(cell), Some("x".repeat(length)));
            }
            return;
        }
        let (left, right) = (self.term(left, scopes), self.term(right, scopes));
        let operator = match (operator, yes) {
            (operator, true) => operator,
            ("=" | "is not distinct from", false) => "<>",
            ("<>" | "is distinct from", false) => "=",
            ("<", false) => ">=",
            (">", false) => "<=",
            ("<=", false) => ">",
            (">=", false) => "<",
            _ => return,
        };
        self.hold(operator, left, right);
    }

    fn equal(&mut self, left: Term, right: Term) {
        match (left, right) {
            (Term::Cell(left), Term::Cell(right)) => self.needs.same.push((left, right)),
            (Term::Cell(cell), Term::Value(value)) | (Term::Value(value), Term::Cell(cell)) => {
                self.set(&Term::Cell(cell), value);
            }
            (Term::Cell(cell), Term::Known(json)) | (Term::Known(json), Term::Cell(cell)) => {
                self.set(&Term::Cell(cell), text_of(&json));
            }
            (Term::Path(cell, path), Term::Value(Some(value))) | (Term::Value(Some(value)), Term::Path(cell, path)) => {
                let plain = matches!(value.as_str(), "true" | "false") || value.parse::<i64>().is_ok();
                let json = serde_json::from_str(&value).ok().filter(|_| plain);
                self.put(cell, &path, json.unwrap_or(Json::String(value)));
            }
            (Term::Path(cell, path), Term::Known(json)) | (Term::Known(json), Term::Path(cell, path)) => {
                self.put(cell, &path, json);
            }
            (Term::Cell(cell), Term::List(parts)) | (Term::List(parts), Term::Cell(cell)) => {
                self.contain(Term::Cell(cell), Term::List(parts));
            }
            _ => {}
        }
    }

    fn set(&mut self, term: &Term, value: Option<String>) {
        match term {
            Term::Cell((row, column)) => {
                self.needs.rows[*row].sets.insert(*column, value);
            }
            Term::Path(cell, path) => {
                let json = match value.as_deref() {
                    Some("true") => Json::Bool(true),
                    Some("false") => Json::Bool(false),
                    Some(text) => Json::String(text.to_owned()),
                    None => return,
                };
                self.put(*cell, &path.clone(), json);
            }
            _ => {}
        }
    }

    fn fill(&mut self, term: &Term) {
        match term {
            Term::Cell((row, column)) => self.needs.rows[*row].filled.push(*column),
            Term::Path(cell, path) => self.put(*cell, &path.clone(), Json::String("x".to_owned())),
            _ => {}
        }
    }

    /// Puts a value into a JSON document.
    fn put(&mut self, cell: Cell, path: &[String], value: Json) {
        let mut here = self.json.entry(cell).or_insert(Json::Null);
        for key in path {
            if !here.is_object() {
                *here = Json::Object(serde_json::Map::new());
            }
            here = &mut here[key.as_str()];
        }
        *here = value;
    }
}

/// The text whose length is asked.
fn length_of(expr: &Expr) -> Option<&Expr> {
    match &expr.bare().kind {
        Node::Call { schema: None, name, arguments } if matches!(name.as_str(), "length" | "char_length") => {
            arguments.first()
        }
        _ => None,
    }
}

fn text_of(json: &Json) -> Option<String> {
    match json {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// An array as PostgreSQL reads it.
fn array(parts: &[String]) -> String {
    let quoted = parts.iter().map(|part| format!("\"{}\"", part.replace('\\', "\\\\").replace('"', "\\\"")));
    format!("{{{}}}", quoted.collect::<Vec<_>>().join(","))
}

/// The parts of `{a,b}`; of anything else none.
fn elements(text: &str) -> Vec<String> {
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or_default();
    inner.split(',').map(|part| part.trim().trim_matches('"').to_owned()).filter(|part| !part.is_empty()).collect()
}
