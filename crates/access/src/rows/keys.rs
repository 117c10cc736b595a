//! Foreign keys: where the referenced rows are, and which one a new row takes.

use std::collections::HashMap;

use pg::ident;
use pg::tokio_postgres::Client;

use super::random::Random;
use super::rules::Cell;
use crate::schema::{ForeignKey, Relation};
use crate::{Error, Schema};

/// How many rows of a target are looked at: more do not make rows more lifelike.
const POOL: usize = 20_000;

/// A foreign key of a table that is being filled.
#[derive(Debug, Clone)]
pub struct Key {
    /// The constraint's name.
    pub name: String,
    /// The referencing columns, by place.
    pub columns: Vec<usize>,
    /// Those of them that can be NULL.
    pub optional: Vec<usize>,
    /// The referenced table.
    pub target: u32,
    /// The referenced columns.
    pub target_columns: Vec<String>,
    /// Columns that both rows have for the same third row, which should agree: a lesson's homework is of the lesson's course.
    pub agreeing: Vec<(usize, String)>,
    /// Does it point to its own table?
    pub own: bool,
}

impl Key {
    /// The keys of a table, those that decide most columns first.
    pub fn of(schema: &Schema, relation: &Relation) -> Vec<Self> {
        let mut keys: Vec<Self> =
            relation.foreign_keys.iter().filter_map(|key| Self::new(schema, relation, key)).collect();
        keys.sort_by_key(|key| std::cmp::Reverse(key.columns.len() + key.agreeing.len()));
        keys
    }

    fn new(schema: &Schema, relation: &Relation, key: &ForeignKey) -> Option<Self> {
        let place = |name: &String| relation.columns.iter().position(|column| column.name == *name);
        let columns: Vec<usize> = key.columns.iter().map(place).collect::<Option<_>>()?;
        if columns.iter().any(|at| relation.columns[*at].generated.is_some()) {
            return None;
        }
        let target = schema.relations.iter().find(|relation| relation.oid == key.target);
        // Same name, same target: two roads to one row.
        let agreeing = |theirs: &ForeignKey| {
            let [name] = theirs.columns.as_slice() else { return None };
            let ours = relation
                .foreign_keys
                .iter()
                .find(|ours| ours.columns == theirs.columns && ours.target == theirs.target)?;
            let at = place(name)?;
            (ours.name != key.name && !columns.contains(&at) && !key.target_columns.contains(name))
                .then(|| (at, name.clone()))
        };
        Some(Self {
            name: key.name.clone(),
            optional: columns.iter().copied().filter(|at| !relation.columns[*at].not_null).collect(),
            agreeing: target.map_or_else(Vec::new, |target| target.foreign_keys.iter().filter_map(agreeing).collect()),
            columns,
            target: key.target,
            target_columns: key.target_columns.clone(),
            own: key.target == relation.oid,
        })
    }

    /// The columns that its pool is read with.
    pub fn pool_columns(&self) -> Vec<String> {
        self.target_columns.iter().cloned().chain(self.agreeing.iter().map(|(_, name)| name.clone())).collect()
    }

    /// Writes a row of the pool into `cells`; a column that is set already stays.
    pub fn take(&self, row: &[Option<String>], cells: &mut [Cell]) {
        let places = self.columns.iter().copied().chain(self.agreeing.iter().map(|(at, _)| *at));
        for (at, value) in places.zip(row) {
            if cells[at] == Cell::Free && value.is_some() {
                cells[at] = Cell::Value(value.clone());
            }
        }
    }

    /// Chooses a row for the new one. `false`: there is none, and the key cannot be NULL.
    pub fn choose(&self, pool: &mut Pool, cells: &mut [Cell], random: &mut Random) -> bool {
        if self.columns.iter().all(|at| cells[*at] != Cell::Free) {
            return true;
        }
        let set = |at: usize| matches!(cells[at], Cell::Value(Some(_)));
        let null = self.columns.iter().any(|at| cells[*at] == Cell::Value(None));
        let optional: Vec<usize> = self.optional.iter().copied().filter(|at| !set(*at)).collect();
        let places: Vec<usize> = self.columns.iter().copied().chain(self.agreeing.iter().map(|(at, _)| *at)).collect();
        let given = |most: usize| -> Vec<(usize, String)> {
            let given = places.iter().take(most).enumerate();
            given.filter_map(|(n, at)| Some((n, cells[*at].text()?.to_owned()))).collect()
        };
        let percent = if self.own { 35 } else { 12 };
        if !null && (optional.is_empty() || !random.percent(percent)) {
            let strict = given(places.len());
            let found = pool.pick(&strict, random);
            // A road that does not meet the other is better than none, where there must be one.
            let found = found
                .or_else(|| if optional.is_empty() { pool.pick(&given(self.columns.len()), random) } else { None });
            if let Some(at) = found {
                let row = pool.rows[at].clone();
                self.take(&row, cells);
                return true;
            }
        }
        for at in &optional {
            cells[*at] = Cell::Value(None);
        }
        null || !optional.is_empty()
    }
}

/// Rows that a key may point to.
#[derive(Debug, Default)]
pub struct Pool {
    /// The values of the columns that were asked for; NULL only beyond the key itself.
    pub rows: Vec<Vec<Option<String>>>,
    index: HashMap<Vec<usize>, HashMap<Vec<String>, Vec<usize>>>,
}

impl Pool {
    /// Reads it. `only`: no other values of the first column.
    pub async fn read(
        client: &Client,
        target: &str,
        key: usize,
        columns: &[String],
        only: Option<&[String]>,
    ) -> Result<Self, Error> {
        let list = columns.iter().map(|name| format!("{}::text", ident(name))).collect::<Vec<_>>().join(", ");
        let present =
            columns[..key].iter().map(|name| format!("{} is not null", ident(name))).collect::<Vec<_>>().join(" and ");
        let chosen = columns
            .first()
            .map_or_else(String::new, |name| format!(" and ($1::text[] is null or {}::text = any ($1))", ident(name)));
        let order = (1..=key).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
        let sql = format!("select {list} from {target} where {present}{chosen} order by {order} limit {POOL}");
        let rows = client.query(&sql, &[&only]).await?;
        let row = |row: &pg::tokio_postgres::Row| (0..columns.len()).map(|at| row.get(at)).collect();
        Ok(Self { rows: rows.iter().map(row).collect(), index: HashMap::new() })
    }

    /// Adds a row that was just made.
    pub fn push(&mut self, row: Vec<Option<String>>) {
        self.index.clear();
        self.rows.push(row);
    }

    /// Any row that has these values at these places.
    pub fn pick(&mut self, given: &[(usize, String)], random: &mut Random) -> Option<usize> {
        if self.rows.is_empty() {
            return None;
        }
        if given.is_empty() {
            return Some(random.below(self.rows.len()));
        }
        let places: Vec<usize> = given.iter().map(|(at, _)| *at).collect();
        let rows = &self.rows;
        let index = self.index.entry(places).or_insert_with_key(|places| {
            let mut index: HashMap<Vec<String>, Vec<usize>> = HashMap::new();
            for (at, row) in rows.iter().enumerate() {
                if let Some(values) = places.iter().map(|place| row[*place].clone()).collect::<Option<Vec<_>>>() {
                    index.entry(values).or_default().push(at);
                }
            }
            index
        });
        let values: Vec<String> = given.iter().map(|(_, value)| value.clone()).collect();
        let found = index.get(&values)?;
        found.get(random.below(found.len())).copied()
    }
}
