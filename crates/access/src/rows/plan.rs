//! What to fill, and what came of it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::mpsc::Sender;
use std::time::Duration;

use super::day::TODAY;
use super::insert::Refusal;
use crate::schema::Relation;

/// So many kinds of reasons are told apart.
const KINDS: usize = 20;

/// A batch of 2,500 rows takes less than a second where nothing is wrong.
const LONGEST: Duration = Duration::from_secs(30);

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
    /// How long a statement may take, where the session does not say: a trigger may sleep or loop.
    pub longest: Duration,
    /// Who hears how far it is.
    pub told: Option<Sender<String>>,
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
            longest: LONGEST,
            told: None,
        }
    }

    /// Says how many rows of a table there are by now.
    pub(super) fn tell(&self, relation: &Relation, rows: u64) {
        if let Some(told) = &self.told {
            // Nobody listens any more: then nobody wants to know.
            let _ = told.send(format!("{}.{}: {rows} rows", relation.schema, relation.name));
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
    /// How many there were to be.
    pub wanted: u64,
    /// What stood in the way, with how many rows were tried in vain: PostgreSQL's words where it refused. Where all rows were made in
    /// the end it is of no interest.
    pub reasons: BTreeMap<String, u64>,
    /// Which words tell a kind of reason: a trigger's may name each row.
    kinds: BTreeMap<String, String>,
    /// What was left undone in rows that were made.
    pub notes: Vec<String>,
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
    /// Nothing of a table yet.
    pub fn new(relation: &Relation, wanted: u64) -> Self {
        Self { schema: relation.schema.clone(), name: relation.name.clone(), wanted, ..Self::default() }
    }

    /// How many rows are missing, though there is room for them.
    pub fn missing(&self) -> u64 {
        if self.full.is_some() { 0 } else { self.wanted.saturating_sub(self.rows) }
    }

    /// Counts one more row that was tried in vain. Reasons of one kind are told once, in the words of the first.
    pub fn refused(&mut self, refusal: &Refusal) {
        self.count(&refusal.kind, &refusal.message, 1);
    }

    fn count(&mut self, kind: &str, message: &str, times: u64) {
        if !self.kinds.contains_key(kind) && self.kinds.len() >= KINDS {
            *self.reasons.entry("other reasons".to_owned()).or_default() += times;
            return;
        }
        let words = self.kinds.entry(kind.to_owned()).or_insert_with(|| message.to_owned());
        *self.reasons.entry(words.clone()).or_default() += times;
    }

    /// Adds what was done for the same table at another time.
    pub fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.completed += other.completed;
        self.wanted += other.wanted;
        self.full = other.full.or(self.full.take());
        self.notes.extend(other.notes);
        let kind_of = |message: &str| other.kinds.iter().find(|(_, words)| *words == message).map(|(kind, _)| kind);
        for (message, times) in &other.reasons {
            self.count(kind_of(message).map_or(message, |kind| kind), message, *times);
        }
    }
}

impl fmt::Display for FilledTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}: {} rows", self.schema, self.name, self.rows)
    }
}
