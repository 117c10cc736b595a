//! One table being filled: makes rows that its keys, unique keys and checks allow.

use pg::tokio_postgres::Client;

use super::keys::{Key, Pool};
use super::random::Random;
use super::rules::{Cell, Rules};
use super::unique::Unique;
use crate::schema::Relation;
use crate::{Error, Schema};

/// How often one row is tried, each time more unlike the others.
const TRIES: u64 = 40;

/// Why there is no row.
#[derive(Debug)]
pub enum NoRow {
    /// All values of a key are taken; there can be no more.
    Full(String),
    /// There can be none at all, or none was found.
    Reason(String),
}

/// A table in the making.
pub struct Table<'s> {
    /// What it asks.
    pub rules: Rules<'s>,
    /// Its foreign keys.
    pub keys: Vec<Key>,
    /// The rows that these may point to, in the same order.
    pub pools: Vec<Pool>,
    /// Its unique keys.
    uniques: Vec<Unique>,
    /// Columns that take the next number of a sequence.
    pub sequences: Vec<(usize, String)>,
    /// Keys that are left NULL for now.
    later: Vec<usize>,
    /// Keys that the caller sets.
    promised: Vec<usize>,
    /// How many rows it had, and got.
    pub ordinal: u64,
    random: Random,
    today: i64,
}

impl<'s> Table<'s> {
    /// Reads what is there. Pools are filled by the caller.
    pub async fn open(
        client: &Client,
        schema: &Schema,
        relation: &'s Relation,
        seed: u64,
        today: i64,
    ) -> Result<Self, Error> {
        let rules = Rules::new(schema, relation, today);
        let count: i64 = client.query_one(&format!("select count(*) from {}", relation.sql()), &[]).await?.get(0);
        let keys = Key::of(schema, relation);
        let mut uniques: Vec<Unique> = relation
            .indexes
            .iter()
            .filter(|index| index.unique)
            .filter_map(|index| Unique::new(&rules, index, &keys))
            .collect();
        if count > 0 {
            for unique in &mut uniques {
                unique.read(client, &rules).await?;
            }
        }
        let sql = "select pg_catalog.pg_get_serial_sequence($1, $2)";
        let mut sequences = Vec::new();
        for (at, column) in relation.columns.iter().enumerate() {
            let counted = column.default.as_deref().is_some_and(|default| default.starts_with("nextval("));
            if column.identity.is_some() || counted {
                let name: Option<String> = client.query_one(sql, &[&relation.sql(), &column.name]).await?.get(0);
                if let Some(name) = name.or_else(|| column.default.as_deref().and_then(sequence_of)) {
                    sequences.push((at, name));
                }
            }
        }
        // Other rows than last time, where some are there already.
        let random = Random::new(seed, &format!("{}#{count}", relation.sql()));
        let ordinal = u64::try_from(count).unwrap_or(0);
        Ok(Self {
            rules,
            pools: Vec::new(),
            keys,
            uniques,
            sequences,
            later: Vec::new(),
            promised: Vec::new(),
            ordinal,
            random,
            today,
        })
    }

    /// Leaves a key NULL for now.
    pub fn postpone(&mut self, name: &str) {
        self.later.extend(self.keys.iter().position(|key| key.name == name));
    }

    /// Leaves a key to be set by the caller, who also sees to its columns that cannot be NULL.
    pub fn promise(&mut self, name: &str) {
        self.promised.extend(self.keys.iter().position(|key| key.name == name));
    }

    /// Call when the pools are there.
    pub fn start(&mut self) {
        for unique in &mut self.uniques {
            unique.start(&self.pools, &mut self.random);
        }
    }

    /// How many more rows its unique keys leave room for, if they limit it.
    pub fn room(&self) -> Option<u64> {
        let room =
            |(capacity, taken): (u128, usize)| u64::try_from(capacity).unwrap_or(u64::MAX).saturating_sub(taken as u64);
        self.uniques.iter().filter_map(Unique::room).filter(|(capacity, _)| *capacity > 0).map(room).min()
    }

    /// The columns that rows give, the others being left to PostgreSQL. `plain`: only what must be given.
    pub fn columns(&self, plain: bool) -> Vec<usize> {
        let relation = self.rules.relation;
        (0..relation.columns.len())
            .filter(|at| {
                let column = &relation.columns[*at];
                let key = self.keys.iter().any(|key| key.columns.contains(at));
                column.generated.is_none()
                    && (!plain || key || (column.not_null && column.default.is_none()) || column.identity.is_some())
            })
            .collect()
    }

    /// Makes a row. `numbers` are the values of its sequences; `plain` leaves what has a default to it.
    pub fn row(&mut self, numbers: &[i64], plain: bool) -> Result<Vec<Cell>, NoRow> {
        let columns = self.columns(plain);
        let mut reason = String::new();
        for attempt in 0..TRIES {
            let mut cells: Vec<Cell> = (0..self.rules.shapes.len())
                .map(|at| if columns.contains(&at) { Cell::Free } else { Cell::Default })
                .collect();
            for ((at, _), number) in self.sequences.iter().zip(numbers) {
                cells[*at] = Cell::Value(Some(number.to_string()));
            }
            for key in &self.later {
                for at in &self.keys[*key].optional {
                    cells[*at] = Cell::Value(None);
                }
            }
            for key in &self.promised {
                for at in &self.keys[*key].columns {
                    if cells[*at] == Cell::Free {
                        cells[*at] = Cell::Value(Some(String::new()));
                    }
                }
            }
            // The index that leaves least choice first.
            let mut order: Vec<usize> =
                (0..self.uniques.len()).filter(|at| self.uniques[*at].room().is_some()).collect();
            order.sort_by_key(|at| self.uniques[*at].room());
            for at in order {
                if !self.uniques[at].take_next(&self.keys, &self.pools, &mut cells) {
                    return Err(NoRow::Full(format!("every ({}) is taken", self.uniques[at].names(&self.rules))));
                }
            }
            let own = self.choose_keys(&mut cells)?;
            let outcome =
                self.rules.fill(&mut cells, self.ordinal, attempt.saturating_sub(2), self.today, &mut self.random);
            for key in own {
                // The first row of a table that requires a parent in itself is its own.
                let key = &self.keys[key];
                for (from, name) in key.columns.iter().zip(&key.target_columns) {
                    if let Some(to) = self.rules.relation.columns.iter().position(|column| column.name == *name) {
                        cells[*from] = cells[to].clone();
                    }
                }
            }
            if let Err(why) = outcome {
                reason = why;
                continue;
            }
            let known = |unique: &&Unique| !self.promised.iter().any(|key| unique.covers(&self.keys[*key].columns));
            let taken = |unique: &&Unique| unique.is_taken(&self.rules, &cells, self.today);
            if let Some(unique) = self.uniques.iter().filter(known).find(taken) {
                reason = format!("no further value was found for the unique ({})", unique.names(&self.rules));
                continue;
            }
            for unique in &mut self.uniques {
                unique.remember(&self.rules, &cells, self.today);
            }
            self.ordinal += 1;
            return Ok(cells);
        }
        Err(NoRow::Reason(reason))
    }

    /// Chooses rows for all keys; answers the keys to its own table that must point to the new row itself.
    fn choose_keys(&mut self, cells: &mut [Cell]) -> Result<Vec<usize>, NoRow> {
        let mut own = Vec::new();
        for at in 0..self.keys.len() {
            let key = &self.keys[at];
            if key.choose(&mut self.pools[at], cells, &mut self.random) {
                continue;
            }
            if !key.own {
                let columns = key
                    .columns
                    .iter()
                    .map(|at| self.rules.relation.columns[*at].name.as_str())
                    .collect::<Vec<_>>()
                    .join(", ");
                return Err(NoRow::Reason(format!(
                    "needs a row for its key \"{}\" ({columns}), and there is none that fits",
                    key.name
                )));
            }
            // Set when the row's own key is known; a column of that key itself is made like any other.
            let relation = self.rules.relation;
            for column in key.columns.iter().filter(|at| !key.target_columns.contains(&relation.columns[**at].name)) {
                cells[*column] = Cell::Value(Some(String::new()));
            }
            own.push(at);
        }
        Ok(own)
    }

    /// Tells the pools of keys to its own table about rows that are there now.
    pub fn made(&mut self, rows: &[Vec<Cell>]) {
        for (key, pool) in self.keys.iter().zip(&mut self.pools).filter(|(key, _)| key.own) {
            let place = |name: &String| self.rules.relation.columns.iter().position(|column| column.name == *name);
            let Some(places) = key.pool_columns().iter().map(place).collect::<Option<Vec<_>>>() else { continue };
            for row in rows {
                let values: Vec<Option<String>> = places.iter().map(|at| row[*at].text().map(str::to_owned)).collect();
                if values[..key.columns.len()].iter().all(Option::is_some) {
                    pool.push(values);
                }
            }
        }
    }
}

/// The sequence in `nextval('public.things_id_seq'::regclass)`.
fn sequence_of(default: &str) -> Option<String> {
    let (name, _) = default.strip_prefix("nextval('")?.split_once("'::regclass")?;
    Some(name.replace("''", "'"))
}
