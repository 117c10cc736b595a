use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::QualifiedName;

/// A function that can be called by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routine {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// `COMMENT ON FUNCTION`.
    pub description: Option<String>,
    /// Input parameters in order.
    pub parameters: Vec<Parameter>,
    /// What it returns.
    pub returns: Returns,
    /// Decides whether its transaction is read-only.
    pub volatility: Volatility,
    /// Of an extension, or in a language that is not read: nobody knows what it looks at and leaves behind.
    #[serde(default)]
    pub opaque: bool,
    /// Has it a VARIADIC parameter?
    pub variadic: bool,
    /// `SET default_transaction_isolation` of the function, in lower case.
    pub isolation: Option<String>,
    /// Settings of the function (`SET name = value`), all of them; which apply to the transaction is configuration.
    pub settings: Vec<(String, String)>,
}

/// An input parameter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name; empty where it has none.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The type that takes any length: `character varying` for `character`.
    pub type_any_length: String,
    /// It has no default.
    pub required: bool,
    /// It is VARIADIC.
    pub variadic: bool,
}

/// The result of a function.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Returns {
    /// `SETOF` or `TABLE`.
    pub set: bool,
    /// A row type, or columns by OUT, INOUT or TABLE.
    pub composite: bool,
    /// The type, domains resolved; the relation's name for a row type.
    #[serde(flatten)]
    pub type_name: QualifiedName,
}

/// Of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Volatility {
    /// May write.
    #[serde(rename = "v")]
    Volatile,
    /// Reads.
    #[serde(rename = "s")]
    Stable,
    /// Does not even read.
    #[serde(rename = "i")]
    Immutable,
}

impl Routine {
    /// One value, not a row.
    pub fn returns_scalar(&self) -> bool {
        !self.returns.set && !self.returns.composite
    }

    /// A set of values.
    pub fn returns_set_of_scalar(&self) -> bool {
        self.returns.set && !self.returns.composite
    }

    /// One row.
    pub fn returns_single_composite(&self) -> bool {
        !self.returns.set && self.returns.composite
    }

    /// One value or one row.
    pub fn returns_single(&self) -> bool {
        !self.returns.set
    }

    /// Nothing.
    pub fn returns_void(&self) -> bool {
        self.returns_scalar() && self.returns.type_name.schema == "pg_catalog" && self.returns.type_name.name == "void"
    }

    /// The relation whose rows it returns, by which its result can embed others.
    pub fn relation_name(&self) -> Option<&str> {
        self.returns.composite.then_some(self.returns.type_name.name.as_str())
    }
}

impl PartialOrd for Routine {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Routine {
    /// Overloads with fewer parameters come first; errors list them in this order.
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |r: &Self| (r.schema.clone(), r.name.clone());
        key(self)
            .cmp(&key(other))
            .then_with(|| self.parameters.len().cmp(&other.parameters.len()))
            .then_with(|| self.description.cmp(&other.description))
            .then_with(|| self.parameters.cmp(&other.parameters))
            .then_with(|| self.returns.cmp(&other.returns))
            .then_with(|| self.volatility.cmp(&other.volatility))
    }
}
