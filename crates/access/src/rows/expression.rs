//! Conditions as PostgreSQL prints them (`pg_get_expr`), read well enough to aim at them and to judge rows before PostgreSQL does.
//!
//! What is not understood is `None`, never a wrong answer: then PostgreSQL judges alone.

mod eval;
mod functions;
mod json;
mod lexer;
mod parse;
mod times;

pub use eval::{Value, array_items, eval, same};
pub use json::{key, keys};
pub use parse::parse;
pub use times::{interval, parts_of, start_of, time_of, time_of_day};

use std::collections::BTreeSet;

use regex::Regex;

/// A condition or a part of one.
#[derive(Debug, Clone)]
pub enum Expr {
    /// A literal.
    Constant(Value),
    /// A column; `VALUE` in a domain's check.
    Column(String),
    /// `expr::type`.
    Cast(Box<Self>, String),
    /// `NOT`.
    Not(Box<Self>),
    /// `AND` of them all.
    And(Vec<Self>),
    /// `OR` of them all.
    Or(Vec<Self>),
    /// `IS NULL`.
    IsNull(Box<Self>),
    /// `IS TRUE` or `IS FALSE`.
    Is(Box<Self>, bool),
    /// `IS DISTINCT FROM`.
    Distinct(Box<Self>, Box<Self>),
    /// Any other operator between two operands.
    Binary(String, Box<Self>, Box<Self>),
    /// `left op ANY (array)`.
    Any(String, Box<Self>, Box<Self>),
    /// `left op ALL (array)`.
    All(String, Box<Self>, Box<Self>),
    /// `ARRAY[…]`.
    Array(Vec<Self>),
    /// A regular expression that is constant.
    Matches(Box<Self>, Box<Pattern>),
    /// A function, without its schema.
    Call(String, Vec<Self>),
    /// `CASE WHEN … THEN … ELSE … END`.
    Case(Vec<(Self, Self)>, Box<Self>),
}

/// A regular expression.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// As in the condition, in Rust's dialect.
    pub source: String,
    /// Compiled; `None` where Rust's dialect has no such thing.
    pub regex: Option<Regex>,
}

impl Pattern {
    /// Compiles it.
    pub fn new(source: String) -> Self {
        Self { regex: Regex::new(&source).ok(), source }
    }
}

impl Expr {
    /// The column below any casts.
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::Column(name) => Some(name),
            Self::Cast(inner, _) => inner.column(),
            _ => None,
        }
    }

    /// The parts of which it is made.
    pub fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Constant(_) | Self::Column(_) => Vec::new(),
            Self::Cast(inner, _) | Self::Not(inner) | Self::IsNull(inner) | Self::Is(inner, _) => vec![inner],
            Self::Matches(inner, _) => vec![inner],
            Self::And(parts) | Self::Or(parts) | Self::Array(parts) | Self::Call(_, parts) => parts.iter().collect(),
            Self::Distinct(left, right)
            | Self::Binary(_, left, right)
            | Self::Any(_, left, right)
            | Self::All(_, left, right) => vec![left, right],
            Self::Case(arms, otherwise) => {
                let arms = arms.iter().flat_map(|(condition, value)| [condition, value]);
                arms.chain([&**otherwise]).collect()
            }
        }
    }

    /// The names of its columns.
    pub fn columns(&self) -> BTreeSet<&str> {
        match self {
            Self::Column(name) => BTreeSet::from([name.as_str()]),
            other => other.parts().into_iter().flat_map(Self::columns).collect(),
        }
    }

    /// Its value, if it depends on no row.
    pub fn constant(&self, now: i64) -> Option<Value> {
        eval(self, now, &|_| None)
    }
}
