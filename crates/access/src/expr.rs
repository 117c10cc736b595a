//! Conditions of policies as trees.
//!
//! PostgreSQL prints an expression with every operator in parentheses and every name qualified (`search_path = ''`), so a small parser
//! reads all of it; what it does not know becomes [`Kind::Other`] with the parts that it does. Nodes know their bytes of the source, so
//! that a change of one part keeps the rest as it is.

mod parse;
mod plain;
mod select;
#[cfg(test)]
mod tests;
mod token;

pub use plain::unwrapped;
pub use token::{Token, TokenKind, tokens};

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expr {
    /// What it is.
    pub kind: Kind,
    /// First byte of the source, with the parentheses around it.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// All hold. Nested ones are flattened; at least two.
    And(Vec<Expr>),
    /// Any holds. Nested ones are flattened; at least two.
    Or(Vec<Expr>),
    /// `NOT`.
    Not(Box<Expr>),
    /// `left operator right`; the operator without its schema, in lower case (`=`, `->>`, `like`, `is distinct from`).
    Binary {
        /// The operator.
        operator: String,
        /// Left side.
        left: Box<Expr>,
        /// Right side.
        right: Box<Expr>,
    },
    /// `left operator ANY (right)`, also `IN`; `ALL` with `every`.
    Quantified {
        /// The operator; `=` for `IN`.
        operator: String,
        /// `ALL`?
        every: bool,
        /// Left side.
        left: Box<Expr>,
        /// A sub-select, an array, or the list of `IN` as [`Kind::Other`].
        right: Box<Expr>,
    },
    /// `expression IS [NOT] …`: the words after `IS` in lower case.
    Is {
        /// What is tested.
        expression: Box<Expr>,
        /// `null`, `not null`, `true`, `not true`, …
        test: String,
    },
    /// A column; in a sub-select with the name or alias of its relation.
    Column {
        /// The relation's name or alias.
        relation: Option<String>,
        /// The column's name.
        name: String,
    },
    /// A string or number, as its value; `None` for NULL.
    Literal(Option<String>),
    /// `true` or `false`.
    Boolean(bool),
    /// `expression::type`.
    Cast {
        /// What is cast.
        expression: Box<Expr>,
        /// The type, as written.
        type_name: String,
    },
    /// A call.
    Call {
        /// The function's schema; PostgreSQL's own have none.
        schema: Option<String>,
        /// The function's name.
        name: String,
        /// Its arguments.
        arguments: Vec<Expr>,
    },
    /// `CASE`.
    Case {
        /// What each `WHEN` is held against; without it each is a condition.
        operand: Option<Box<Expr>>,
        /// `WHEN`, `THEN`.
        whens: Vec<(Expr, Expr)>,
        /// `ELSE`; without it NULL.
        otherwise: Option<Box<Expr>>,
    },
    /// A scalar sub-select.
    Select(Box<Select>),
    /// `EXISTS (…)`.
    Exists(Box<Select>),
    /// Anything else, with what is readable within it.
    Other(Vec<Expr>),
}

/// A sub-select.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Select {
    /// What it answers.
    pub outputs: Vec<Expr>,
    /// What it reads, joins flattened.
    pub from: Vec<Source>,
    /// Of `WHERE` and `ON`.
    pub conditions: Vec<Expr>,
    /// Of the clauses after `WHERE`.
    pub others: Vec<Expr>,
    /// Common table expressions, and the sides of `UNION` and the like after the first.
    pub selects: Vec<Select>,
}

/// A relation, sub-select or call in `FROM`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Schema, where one is written.
    pub schema: Option<String>,
    /// The relation's name; empty for a sub-select or call.
    pub name: String,
    /// Its alias.
    pub alias: Option<String>,
    /// The sub-select or call.
    pub expression: Option<Expr>,
}

impl Source {
    /// By what its columns are named.
    pub fn handle(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.name)
    }
}

impl Expr {
    /// Reads a condition as PostgreSQL prints it. Never fails: see [`Kind::Other`].
    pub fn parse(sql: &str) -> Self {
        parse::Parser::new(sql).whole()
    }

    /// Its bytes of the text that it was read from.
    pub fn text<'a>(&self, source: &'a str) -> &'a str {
        source.get(self.start..self.end).unwrap_or_default()
    }

    /// What must all hold; itself, where it is not an `AND`.
    pub fn conjuncts(&self) -> &[Self] {
        match &self.kind {
            Kind::And(parts) => parts,
            _ => std::slice::from_ref(self),
        }
    }

    /// Of what any is enough; itself, where it is not an `OR`.
    pub fn disjuncts(&self) -> &[Self] {
        match &self.kind {
            Kind::Or(parts) => parts,
            _ => std::slice::from_ref(self),
        }
    }

    /// The ways in which it can hold: each is a list of conditions that must all hold (disjunctive form). What would become more than
    /// a thousand is left as one condition.
    pub fn branches(&self) -> Vec<Vec<&Self>> {
        const MOST: usize = 1000;
        match &self.kind {
            Kind::Or(parts) => parts.iter().flat_map(Self::branches).collect(),
            Kind::And(parts) => {
                let mut found: Vec<Vec<&Self>> = vec![Vec::new()];
                for part in parts {
                    let ways = part.branches();
                    let ways = if ways.len() * found.len() > MOST { vec![vec![part]] } else { ways };
                    found = found
                        .iter()
                        .flat_map(|before| ways.iter().map(move |way| [before.as_slice(), way.as_slice()].concat()))
                        .collect();
                }
                found
            }
            _ => vec![vec![self]],
        }
    }

    /// Without casts, and without `( SELECT x )` around a value that reads no relation.
    pub fn bare(&self) -> &Self {
        match &self.kind {
            Kind::Cast { expression, .. } => expression.bare(),
            Kind::Select(select) if select.from.is_empty() && select.outputs.len() == 1 => select.outputs[0].bare(),
            _ => self,
        }
    }

    /// The nodes directly below; those of a sub-select are its expressions.
    pub fn children(&self) -> Vec<&Self> {
        match &self.kind {
            Kind::And(parts) | Kind::Or(parts) | Kind::Other(parts) | Kind::Call { arguments: parts, .. } => {
                parts.iter().collect()
            }
            Kind::Not(inner) | Kind::Is { expression: inner, .. } | Kind::Cast { expression: inner, .. } => vec![inner],
            Kind::Binary { left, right, .. } | Kind::Quantified { left, right, .. } => vec![left, right],
            Kind::Case { operand, whens, otherwise } => {
                let whens = whens.iter().flat_map(|(when, then)| [when, then]);
                operand.as_deref().into_iter().chain(whens).chain(otherwise.as_deref()).collect()
            }
            Kind::Select(select) | Kind::Exists(select) => {
                let mut all = Vec::new();
                select.collect(&mut all);
                all.into_iter().flat_map(Select::expressions).collect()
            }
            Kind::Column { .. } | Kind::Literal(_) | Kind::Boolean(_) => Vec::new(),
        }
    }

    /// Calls `visit` for every node, outer ones first.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        visit(self);
        self.children().into_iter().for_each(|child| child.walk(visit));
    }

    /// Does `test` hold of any node?
    pub fn any(&self, test: &dyn Fn(&Self) -> bool) -> bool {
        test(self) || self.children().into_iter().any(|child| child.any(test))
    }

    /// All sub-selects, outer ones first.
    pub fn selects(&self) -> Vec<&Select> {
        let mut found = Vec::new();
        self.walk(&mut |node| {
            if let Kind::Select(select) | Kind::Exists(select) = &node.kind {
                select.collect(&mut found);
            }
        });
        found
    }
}

impl Select {
    /// Reads the first `SELECT` of a statement, with everything after it.
    pub fn parse(sql: &str) -> Option<Self> {
        parse::Parser::new(sql).statement()
    }

    fn collect<'a>(&'a self, found: &mut Vec<&'a Self>) {
        found.push(self);
        self.selects.iter().for_each(|select| select.collect(found));
    }

    /// Itself and all sub-selects, outer ones first.
    pub fn all(&self) -> Vec<&Self> {
        let mut found = Vec::new();
        self.collect(&mut found);
        let inner: Vec<_> = found.iter().flat_map(|s| s.expressions()).flat_map(Expr::selects).collect();
        found.extend(inner);
        found
    }

    /// Its own expressions, without those of [`Select::selects`].
    pub fn expressions(&self) -> impl Iterator<Item = &Expr> {
        let sources = self.from.iter().filter_map(|source| source.expression.as_ref());
        self.outputs.iter().chain(sources).chain(&self.conditions).chain(&self.others)
    }
}
