//! What to fill, and what came of it.

use std::collections::BTreeMap;
use std::fmt;

use super::day::TODAY;

/// What to fill and with how much.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Schema and name of the tables; `None` for all of the project's.
    pub tables: Option<Vec<(String, String)>>,
    /// How much.
    pub rows: Rows,
    /// Whose rows they are.
    pub users: Users,
    /// Take it all back at the end: what would have been made is still said.
    pub dry_run: bool,
    /// The role that inserts, if not the one that is connected.
    pub role: Option<String>,
    /// The day that times are relative to, in seconds since 1970.
    pub today: i64,
}

/// How many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// So many in each table.
    Each(u64),
    /// So many in all, more in tables that hang from others.
    Total(u64),
}

/// Rows of `auth.users`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Users {
    /// These ids own the rows; none is made.
    Existing(Vec<String>),
    /// So many are made; others that are there may own rows too.
    Create(usize),
    /// As many as suit the rows.
    Fitting,
}

impl Plan {
    /// All tables of the project, as role `postgres`.
    pub fn new(rows: Rows) -> Self {
        Self {
            tables: None,
            rows,
            users: Users::Fitting,
            dry_run: false,
            role: Some("postgres".to_owned()),
            today: TODAY,
        }
    }
}

/// What was made, and what could not be.
#[derive(Debug, Clone, Default)]
pub struct Filled {
    /// In the order in which they were filled.
    pub tables: Vec<FilledTable>,
    /// Ids of the users that were made.
    pub users: Vec<String>,
}

/// One table.
#[derive(Debug, Clone, Default)]
pub struct FilledTable {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Rows that were made.
    pub rows: u64,
    /// Of these, rows that a trigger made and that were only completed.
    pub completed: u64,
    /// Why others were not made, with how often: PostgreSQL's words where it refused.
    pub reasons: BTreeMap<String, u64>,
    /// No more fit in: all values that a key may have are taken. No fault.
    pub full: Option<String>,
}

impl Filled {
    /// All rows.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    /// One table's part.
    pub fn table(&self, schema: &str, name: &str) -> Option<&FilledTable> {
        self.tables.iter().find(|table| table.schema == schema && table.name == name)
    }
}

impl FilledTable {
    /// Counts one more row that was not made.
    pub fn refused(&mut self, reason: &str) {
        *self.reasons.entry(reason.to_owned()).or_default() += 1;
    }
}

impl fmt::Display for FilledTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}: {} rows", self.schema, self.name, self.rows)
    }
}
