//! Fills tables in the order of their keys.

use pg::ident;
use pg::tokio_postgres::Client;

use super::insert::{Inserter, Refusal};
use super::keys::{Key, Pool};
use super::order::{Order, Step, order};
use super::plan::{Filled, FilledTable, Plan, Rows, Users};
use super::rules::Cell;
use super::table::{NoRow, Table};
use super::{complete, knots, links, users};
use crate::schema::{Relation, is_platform};
use crate::{Error, Schema};

/// Rows of the first batches: few, so that mistakes are cheap and rows have others of their table to point to.
const BATCHES: &[usize] = &[20, 200, 1000];
/// Rows of all further batches.
const BATCH: usize = 2500;
/// After so many refusals in a row a table is given up.
const PATIENCE: u32 = 25;

/// The work on one database.
pub struct Filler<'c, 's> {
    pub schema: &'s Schema,
    pub plan: &'c Plan,
    pub seed: u64,
    pub insert: Inserter<'c>,
    /// Ids of `auth.users` that may own rows; `None`: all.
    owners: Option<Vec<String>>,
    pub filled: Filled,
}

/// Fills `plan` of a schema. See [`super::Generator::fill`].
pub async fn fill(client: &Client, schema: &Schema, seed: u64, plan: &Plan) -> Result<Filled, Error> {
    let mut settings = String::from(
        "set timezone = 'UTC'; set datestyle = 'ISO'; set intervalstyle = 'postgres'; set search_path = ''",
    );
    if let Some(role) = &plan.role {
        settings.push_str(&format!("; set role {}", ident(role)));
    }
    client.batch_execute(&settings).await?;
    let before = client.query_one("select pg_catalog.current_setting('statement_timeout')", &[]).await?;
    let before: String = before.get(0);
    if before == "0" {
        limit(client, &format!("{}ms", plan.longest.as_millis())).await?;
    }
    if plan.dry_run {
        client.batch_execute("begin").await?;
    }
    let insert = Inserter { client, nested: plan.dry_run };
    let mut filler = Filler { schema, plan, seed, insert, owners: None, filled: Filled::default() };
    let result = filler.run().await;
    if plan.dry_run {
        client.batch_execute("rollback").await?;
    }
    client.batch_execute("reset role; reset timezone; reset datestyle; reset intervalstyle; reset search_path").await?;
    limit(client, &before).await?;
    result?;
    Ok(filler.filled)
}

/// How long a statement may take.
async fn limit(client: &Client, longest: &str) -> Result<(), Error> {
    client.execute("select pg_catalog.set_config('statement_timeout', $1, false)", &[&longest]).await?;
    Ok(())
}

impl<'s> Filler<'_, 's> {
    async fn run(&mut self) -> Result<(), Error> {
        let tables = self.tables();
        self.users(&tables).await?;
        let Order { steps, later } = order(&tables);
        let mut left = match self.plan.rows {
            Rows::Total(all) => all.saturating_sub(self.filled.rows()),
            Rows::Each(_) => 0,
        };
        let mut weights: Vec<u64> = vec![0; tables.len()];
        for step in &steps {
            for at in step.tables() {
                weights[*at] = weight(tables[*at], &tables, &weights);
            }
        }
        let mut weight_left: u64 = weights.iter().sum();
        let mut open = Vec::new();
        for step in &steps {
            let share = |at: usize, left: u64, weight_left: u64| match self.plan.rows {
                Rows::Each(count) => count,
                Rows::Total(_) => (u128::from(left) * u128::from(weights[at]) / u128::from(weight_left.max(1))) as u64,
            };
            match step {
                Step::Table(at) => {
                    let postponed: Vec<&str> =
                        later.iter().filter(|(table, _)| table == at).map(|(_, key)| key.as_str()).collect();
                    let count = share(*at, left, weight_left);
                    let done = self.table(tables[*at], count, &postponed).await?;
                    left = left.saturating_sub(done.rows);
                    weight_left -= weights[*at];
                    if done.full.is_none() && done.missing() == 0 && weights[*at] > 1 {
                        open.push((*at, postponed.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()));
                    }
                    self.add(done);
                }
                Step::Knot(places) => {
                    let knot: Vec<&'s Relation> = places.iter().map(|at| tables[*at]).collect();
                    let count = share(places[0], left, weight_left);
                    for done in knots::fill(self, &knot, count).await? {
                        left = left.saturating_sub(done.rows);
                        self.add(done);
                    }
                    weight_left -= places.iter().map(|at| weights[*at]).sum::<u64>();
                }
            }
        }
        // What full tables left over goes to those that have room.
        if matches!(self.plan.rows, Rows::Total(_)) && !open.is_empty() {
            let many = open.len() as u64;
            for (n, (at, postponed)) in open.into_iter().enumerate() {
                let postponed: Vec<&str> = postponed.iter().map(String::as_str).collect();
                let count = left / (many - n as u64);
                if count > 0 {
                    let done = self.table(tables[at], count, &postponed).await?;
                    left = left.saturating_sub(done.rows);
                    self.add(done);
                }
            }
        }
        for (at, name) in &later {
            links::set(self, tables[*at], name).await?;
        }
        Ok(())
    }

    /// The tables to fill; partitions are reached through their parents.
    fn tables(&self) -> Vec<&'s Relation> {
        let own = |relation: &&Relation| {
            relation.is_table()
                && relation.extension.is_none()
                && relation.partition_of.is_none()
                && !is_platform(&relation.schema)
        };
        let named = |relation: &&Relation| {
            let tables = self.plan.tables.as_ref();
            tables.is_none_or(|tables| {
                tables.iter().any(|(schema, name)| *schema == relation.schema && *name == relation.name)
            })
        };
        self.schema.relations.iter().filter(own).filter(named).collect()
    }

    async fn users(&mut self, tables: &[&Relation]) -> Result<(), Error> {
        let Some(relation) = self.schema.relation("auth", "users") else { return Ok(()) };
        let count = match &self.plan.users {
            Users::Existing(ids) => {
                self.owners = Some(ids.clone());
                return Ok(());
            }
            Users::Create(count) => *count,
            Users::Fitting => {
                let owned = |table: &&Relation| table.foreign_keys.iter().any(|key| key.target == relation.oid);
                // Triggers on users are a sign-up that the project counts on.
                if !tables.iter().any(owned) && relation.triggers.is_empty() {
                    return Ok(());
                }
                match self.plan.rows {
                    Rows::Each(count) => usize::try_from(count).unwrap_or(usize::MAX).clamp(3, 50),
                    Rows::Total(count) => usize::try_from(count / 40).unwrap_or(usize::MAX).clamp(3, 5000),
                }
            }
        };
        let done = users::create(self, relation, count).await?;
        self.add(done);
        Ok(())
    }

    /// Fills one table. Whatever PostgreSQL says no to, also to a look at the table, is a reason and not an end.
    async fn table(&mut self, relation: &'s Relation, count: u64, postponed: &[&str]) -> Result<FilledTable, Error> {
        let mut done = FilledTable::new(relation, count);
        if self.insert.nested {
            self.insert.client.batch_execute("savepoint basalt_table").await?;
        }
        match self.table_or_error(relation, count, postponed, &mut done).await {
            Ok(()) if self.insert.nested => self.insert.client.batch_execute("release savepoint basalt_table").await?,
            Ok(()) => {}
            Err(Error::Database(pg::Error::Server(error))) => {
                done.refused(&Refusal::new(&error.message));
                if self.insert.nested {
                    self.insert.client.batch_execute("rollback to savepoint basalt_table").await?;
                    (done.rows, done.completed) = (0, 0);
                }
            }
            Err(other) => return Err(other),
        }
        Ok(done)
    }

    async fn table_or_error(
        &mut self,
        relation: &'s Relation,
        count: u64,
        postponed: &[&str],
        done: &mut FilledTable,
    ) -> Result<(), Error> {
        let mut table = self.open(relation).await?;
        for name in postponed {
            table.postpone(name);
        }
        let completed = complete::rows_of_triggers(self, &mut table).await?;
        done.rows += completed;
        done.completed = completed;
        let mut run = Run { wanted: count.saturating_sub(completed), plain: false, refusals: 0, slow: false };
        self.batches(&mut table, &mut run, done).await?;
        if done.rows == completed && run.refusals >= PATIENCE && !run.slow {
            // Once more with as little as can be: a trigger or check may not like what we made up.
            run = Run { wanted: count.saturating_sub(completed), plain: true, refusals: 0, slow: false };
            self.batches(&mut table, &mut run, done).await?;
        }
        Ok(())
    }

    /// Opens a table with the rows that its keys may point to.
    pub async fn open(&self, relation: &'s Relation) -> Result<Table<'s>, Error> {
        let mut table = Table::open(self.insert.client, self.schema, relation, self.seed, self.plan.today).await?;
        let mut pools: Vec<Pool> = Vec::new();
        for key in &table.keys {
            pools.push(self.pool(key).await?);
        }
        table.pools = pools;
        table.start();
        Ok(table)
    }

    async fn pool(&self, key: &Key) -> Result<Pool, Error> {
        let Some(target) = self.schema.relations.iter().find(|relation| relation.oid == key.target) else {
            return Ok(Pool::default());
        };
        let of_users = target.schema == "auth" && target.name == "users" && key.target_columns == ["id"];
        let only = self.owners.as_deref().filter(|_| of_users);
        Pool::read(self.insert.client, &target.sql(), key.columns.len(), &key.pool_columns(), only).await
    }

    async fn batches(&self, table: &mut Table<'s>, run: &mut Run, done: &mut FilledTable) -> Result<(), Error> {
        let mut sizes = BATCHES.iter().copied().chain(std::iter::repeat(BATCH));
        if table.room().is_some_and(|room| room == 0) {
            done.full = Some("all values of a unique key are taken".to_owned());
            return Ok(());
        }
        while run.wanted > 0 && run.refusals < PATIENCE {
            let size = sizes.next().unwrap_or(BATCH).min(usize::try_from(run.wanted).unwrap_or(BATCH));
            let numbers = self.numbers(table, size).await?;
            let mut rows = Vec::with_capacity(size);
            let mut full = None;
            for n in 0..size {
                let own: Vec<i64> = numbers.iter().filter_map(|numbers| numbers.get(n).copied()).collect();
                match table.row(&own, run.plain) {
                    Ok(row) => rows.push(row),
                    Err(NoRow::Full(why)) => {
                        full = Some(why);
                        break;
                    }
                    // One row that was not found is no end, unless none is found.
                    Err(NoRow::Reason(why)) => {
                        done.refused(&Refusal::new(&why));
                        run.refusals += 1;
                        if run.refusals >= PATIENCE {
                            break;
                        }
                    }
                }
            }
            if !rows.is_empty() {
                let (misses, before) = (std::mem::take(&mut run.refusals), done.rows);
                self.insert_all(table, rows, run, done).await?;
                if done.rows == before {
                    run.refusals += misses;
                }
            }
            if full.is_some() {
                done.full = full;
                return Ok(());
            }
        }
        Ok(())
    }

    /// Inserts what PostgreSQL takes of `rows`: what it refuses is left out, the rest is tried again.
    async fn insert_all(
        &self,
        table: &mut Table<'s>,
        rows: Vec<Vec<Cell>>,
        run: &mut Run,
        done: &mut FilledTable,
    ) -> Result<(), Error> {
        let columns = table.columns(run.plain);
        let mut parts = vec![rows];
        while let Some(mut rows) = parts.pop() {
            if rows.is_empty() || run.refusals >= PATIENCE {
                continue;
            }
            match self.insert.copy(table.rules.relation, &columns, &rows).await? {
                // What takes all the time that a statement has, the next one will take, too.
                Err(refusal) if refusal.slow => {
                    done.refused(&refusal.of_table(table.rules.relation));
                    run.refusals = PATIENCE;
                    run.slow = true;
                }
                Ok(count) => {
                    run.refusals = if count > 0 { 0 } else { run.refusals + 1 };
                    self.plan.tell(table.rules.relation, done.rows + count);
                    run.wanted = run.wanted.saturating_sub(count.max(1));
                    done.rows += count;
                    if count < rows.len() as u64 {
                        done.refused(&Refusal::new("a trigger left the row out without a word"));
                    }
                    table.made(&rows);
                }
                Err(refusal) if rows.len() == 1 || refusal.row.is_some() => {
                    let at = refusal.row.unwrap_or(0).min(rows.len() - 1);
                    let mut rest = rows.split_off(at + 1);
                    rows.pop();
                    done.refused(&refusal);
                    run.refusals += 1;
                    // The next that is refused is likely as near as this one: not all the rest is sent for it.
                    if rest.len() > 8 * (at + 1) {
                        parts.push(rest.split_off(8 * (at + 1)));
                    }
                    parts.push(rest);
                    // What stood before it is likely good.
                    parts.push(rows);
                }
                Err(_) => {
                    let rest = rows.split_off(rows.len() / 2);
                    parts.push(rest);
                    parts.push(rows);
                }
            }
        }
        Ok(())
    }

    /// The next `count` numbers of each sequence of the table.
    pub async fn numbers(&self, table: &Table<'s>, count: usize) -> Result<Vec<Vec<i64>>, Error> {
        let mut numbers = Vec::new();
        for (_, sequence) in &table.sequences {
            let sql = "select nextval($1::text::regclass) from generate_series(1, $2::bigint)";
            let rows = self.insert.client.query(sql, &[sequence, &i64::try_from(count).unwrap_or(0)]).await?;
            numbers.push(rows.iter().map(|row| row.get(0)).collect());
        }
        Ok(numbers)
    }

    /// Tells something about a table that is no refused row.
    pub fn note(&mut self, relation: &Relation, what: String) {
        let mut done = FilledTable::new(relation, 0);
        done.notes.push(what);
        self.add(done);
    }

    /// Adds to what is told of a table.
    fn add(&mut self, done: FilledTable) {
        let known = self.filled.tables.iter_mut().find(|table| table.schema == done.schema && table.name == done.name);
        match known {
            Some(known) => known.add(done),
            None => self.filled.tables.push(done),
        }
    }
}

/// The state of a table's batches.
struct Run {
    wanted: u64,
    plain: bool,
    /// Since the last success.
    refusals: u32,
    /// Did a statement run out of time?
    slow: bool,
}

impl Step {
    fn tables(&self) -> &[usize] {
        match self {
            Self::Table(at) => std::slice::from_ref(at),
            Self::Knot(places) => places,
        }
    }
}

/// A table's part of a total: what hangs from more has more rows, as lines have more than orders and orders than customers.
fn weight(table: &Relation, tables: &[&Relation], known: &[u64]) -> u64 {
    let targets = table.foreign_keys.iter().filter(|key| key.target != table.oid);
    let deepest = targets
        .filter_map(|key| tables.iter().position(|other| other.oid == key.target).map(|at| known[at]).or(Some(1)))
        .max();
    deepest.map_or(1, |weight| (weight + 4).min(24))
}
