//! Unique keys: no value twice, and pairs without repetition.

use std::collections::HashSet;

use pg::ident;
use pg::tokio_postgres::Client;

use super::expression::{Expr, parse};
use super::keys::{Key, Pool};
use super::random::Random;
use super::rules::{Cell, Rules};
use crate::Error;
use crate::schema::Index;

/// How many rows of a table are remembered from before.
const KNOWN: usize = 500_000;

/// A unique index.
#[derive(Debug)]
pub struct Unique {
    columns: Vec<usize>,
    /// Over an expression: then compared without regard to case, which asks too much rather than too little.
    fold: bool,
    nulls_equal: bool,
    /// Of a partial index; `Some(None)` where it could not be read: it is taken to hold.
    predicate: Option<Option<Expr>>,
    taken: HashSet<String>,
    /// Goes through all combinations of what its columns can be, where that is known.
    walk: Option<Walk>,
}

/// All combinations once each, in an order that looks like chance.
#[derive(Debug)]
struct Walk {
    dimensions: Vec<Dimension>,
    sizes: Vec<u128>,
    capacity: u128,
    step: u128,
    start: u128,
    seen: u128,
}

#[derive(Debug)]
enum Dimension {
    /// The rows of a key, by its place among the table's keys.
    Key(usize),
    /// A column of few values.
    Labels(usize, Vec<String>),
}

impl Unique {
    /// Reads what the index asks. Keys decide its columns where they can.
    pub fn new(rules: &Rules<'_>, index: &Index, keys: &[Key]) -> Option<Self> {
        let place = |name: &str| rules.relation.columns.iter().position(|column| column.name == name);
        let fold = index.columns.iter().any(String::is_empty);
        let columns: Vec<usize> = if fold {
            (0..rules.relation.columns.len())
                .filter(|at| mentions(&index.definition, &rules.relation.columns[*at].name))
                .collect()
        } else {
            index.columns.iter().map(|name| place(name)).collect::<Option<_>>()?
        };
        if columns.iter().any(|at| rules.relation.columns[*at].generated.is_some()) {
            return None;
        }
        let predicate = index.predicate.as_deref().map(parse);
        let walk = (!fold && predicate.is_none()).then(|| dimensions(rules, &columns, keys)).flatten();
        let walk =
            walk.map(|dimensions| Walk { dimensions, sizes: Vec::new(), capacity: 0, step: 1, start: 0, seen: 0 });
        Some(Self { columns, fold, nulls_equal: index.nulls_not_distinct, predicate, taken: HashSet::new(), walk })
    }

    /// Learns which values are taken already.
    pub async fn read(&mut self, client: &Client, rules: &Rules<'_>) -> Result<(), Error> {
        let names = self.columns.iter().map(|at| ident(&rules.relation.columns[*at].name));
        let list = names.map(|name| format!("{name}::text")).collect::<Vec<_>>().join(", ");
        let sql = format!("select {list} from {} limit {KNOWN}", rules.relation.sql());
        for row in client.query(&sql, &[]).await? {
            let values: Vec<Option<&str>> = (0..self.columns.len()).map(|at| row.get(at)).collect();
            if let Some(key) = self.key(&values) {
                self.taken.insert(key);
            }
        }
        Ok(())
    }

    /// Makes the walk ready, when the pools are.
    pub fn start(&mut self, pools: &[Pool], random: &mut Random) {
        let Some(walk) = &mut self.walk else { return };
        let size = |dimension: &Dimension| match dimension {
            Dimension::Key(key) => pools[*key].rows.len() as u128,
            Dimension::Labels(_, labels) => labels.len() as u128,
        };
        walk.sizes = walk.dimensions.iter().map(size).collect();
        walk.capacity = walk.sizes.iter().fold(1_u128, |all, size| all.saturating_mul(*size).min(1 << 60));
        // A step without a common divisor visits each combination once before the first comes again.
        let golden = (walk.capacity as f64 * 0.618) as u128;
        walk.step = (golden.max(1)..).find(|step| divisor(*step, walk.capacity.max(1)) == 1).unwrap_or(1);
        walk.start = random.between(0, 1 << 30) as u128;
        walk.seen = 0;
    }

    /// How many rows there can be, and how many of them there are.
    pub fn room(&self) -> Option<(u128, usize)> {
        self.walk.as_ref().map(|walk| (walk.capacity, self.taken.len()))
    }

    /// Sets its columns to a combination that no row has. `false`: there is none left.
    pub fn take_next(&mut self, keys: &[Key], pools: &[Pool], cells: &mut [Cell]) -> bool {
        let Some(walk) = &mut self.walk else { return true };
        // Without rows to point to, NULL may still do: that is decided key by key.
        if walk.capacity == 0 || self.columns.iter().any(|at| cells[*at] != Cell::Free) {
            return true;
        }
        while walk.seen < walk.capacity {
            let mut rest = ((walk.start + walk.seen) % walk.capacity * walk.step) % walk.capacity;
            walk.seen += 1;
            let mut tried = cells.to_vec();
            for (dimension, size) in walk.dimensions.iter().zip(&walk.sizes) {
                let at = usize::try_from(rest % size).unwrap_or(0);
                rest /= size;
                match dimension {
                    Dimension::Key(key) => keys[*key].take(&pools[*key].rows[at], &mut tried),
                    Dimension::Labels(column, labels) => tried[*column] = Cell::Value(Some(labels[at].clone())),
                }
            }
            let values: Vec<Option<&str>> = self.columns.iter().map(|at| tried[*at].text()).collect();
            if key_of(&values, self.fold, self.nulls_equal).is_none_or(|key| !self.taken.contains(&key)) {
                cells.clone_from_slice(&tried);
                return true;
            }
        }
        false
    }

    /// Would this row be the second of its kind?
    pub fn is_taken(&self, rules: &Rules<'_>, cells: &[Cell], today: i64) -> bool {
        self.key_of_row(rules, cells, today).is_some_and(|key| self.taken.contains(&key))
    }

    /// Remembers a row.
    pub fn remember(&mut self, rules: &Rules<'_>, cells: &[Cell], today: i64) {
        if let Some(key) = self.key_of_row(rules, cells, today) {
            self.taken.insert(key);
        }
    }

    fn key_of_row(&self, rules: &Rules<'_>, cells: &[Cell], today: i64) -> Option<String> {
        if let Some(Some(predicate)) = &self.predicate
            && rules.holds(predicate, cells, today) == Some(false)
        {
            return None;
        }
        // A default is not known to us; PostgreSQL judges.
        if self.columns.iter().any(|at| matches!(cells[*at], Cell::Default | Cell::Free)) {
            return None;
        }
        let values: Vec<Option<&str>> = self.columns.iter().map(|at| cells[*at].text()).collect();
        self.key(&values)
    }

    fn key(&self, values: &[Option<&str>]) -> Option<String> {
        key_of(values, self.fold, self.nulls_equal)
    }

    /// Is one of these its own?
    pub fn covers(&self, columns: &[usize]) -> bool {
        columns.iter().any(|at| self.columns.contains(at))
    }

    /// Its columns, for people.
    pub fn names(&self, rules: &Rules<'_>) -> String {
        self.columns.iter().map(|at| rules.relation.columns[*at].name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// `None` where NULLs make the row unlike any other.
fn key_of(values: &[Option<&str>], fold: bool, nulls_equal: bool) -> Option<String> {
    let mut key = String::new();
    for value in values {
        match value {
            Some(value) if fold => key.push_str(&value.to_lowercase()),
            Some(value) => key.push_str(value),
            None if nulls_equal => key.push('\0'),
            None => return None,
        }
        key.push('\u{1f}');
    }
    Some(key)
}

/// Keys and columns of few values that together make up `columns`, or `None`.
fn dimensions(rules: &Rules<'_>, columns: &[usize], keys: &[Key]) -> Option<Vec<Dimension>> {
    let mut found = Vec::new();
    let mut open: Vec<usize> = columns.to_vec();
    for (at, key) in keys.iter().enumerate() {
        if !key.own && key.columns.iter().all(|column| open.contains(column)) {
            open.retain(|column| !key.columns.contains(column));
            found.push(Dimension::Key(at));
        }
    }
    for column in open {
        // A key that reaches beyond this index is not ours to decide.
        if keys.iter().any(|key| key.columns.contains(&column)) {
            return None;
        }
        found.push(Dimension::Labels(column, rules.labels(column)?));
    }
    Some(found)
}

/// Is the column's name a word of the definition?
fn mentions(definition: &str, name: &str) -> bool {
    let expressions = definition.split_once('(').map_or("", |(_, rest)| rest);
    expressions.match_indices(name).any(|(at, _)| {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        !expressions[..at].ends_with(word) && !expressions[at + name.len()..].starts_with(word)
    })
}

fn divisor(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { divisor(b, a % b) }
}
