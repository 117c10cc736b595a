//! One change is shown to those who may notice it, the quickest first.

use access::matrix;
use access::mutants::{By, Mutant, Noticed};
use access::tap::{self, Stop};
use anyhow::Context;
use pg::tokio_postgres::Client;

use super::bench::Bench;
use super::watch::{Watch, findings, key};

/// A test that hangs notices too, but not for ever.
const PATIENCE: &str = "set local statement_timeout = '30s'; set local lock_timeout = '5s'";

/// One worker with his connections.
pub struct Asker<'w> {
    watch: &'w Watch,
    bench: &'w Bench,
    tests: Option<Client>,
    matrix: Client,
    /// Places of the scripts; whoever noticed last is asked first.
    order: Vec<usize>,
}

impl<'w> Asker<'w> {
    /// Connects.
    pub async fn new(watch: &'w Watch, bench: &'w Bench) -> anyhow::Result<Self> {
        let tests = match &bench.tests {
            Some(scratch) => Some(scratch.admin.connect().await?),
            None => None,
        };
        let matrix = bench.matrix.admin.connect().await?;
        Ok(Self { watch, bench, tests, matrix, order: (0..watch.scripts.len()).collect() })
    }

    /// Who notices?
    pub async fn ask(&mut self, mutant: &Mutant) -> anyhow::Result<Noticed> {
        self.all(mutant).await.with_context(|| format!("while this was changed: {}", mutant.title()))
    }

    async fn all(&mut self, mutant: &Mutant) -> anyhow::Result<Noticed> {
        let changed = match self.changed_schema(mutant).await {
            Ok(changed) => changed,
            Err(access::Error::Database(error @ pg::Error::Server(_))) => {
                return Ok(Noticed::Untried(format!("PostgreSQL does not take such a change: {error}")));
            }
            Err(error) => return Err(error.into()),
        };
        let new = findings(&changed, &self.watch.context);
        if let Some(saying) = new.difference(&self.watch.found).next() {
            return Ok(Noticed::By { by: By::Lint, saying: saying.clone() });
        }
        if let Some(saying) = self.tests(Some(mutant)).await? {
            return Ok(Noticed::By { by: By::Tests, saying });
        }
        if let Some(saying) = self.matrix(mutant, &changed).await? {
            return Ok(Noticed::By { by: By::Matrix, saying });
        }
        Ok(Noticed::Nobody)
    }

    /// The schema as the change leaves it.
    async fn changed_schema(&self, mutant: &Mutant) -> Result<access::Schema, access::Error> {
        self.matrix.batch_execute("begin; set local search_path = ''").await?;
        let made = self.matrix.batch_execute(&mutant.sql).await;
        let read = match made {
            Ok(()) => self.watch.schema.with_relations_of(&self.matrix).await,
            Err(error) => Err(error.into()),
        };
        self.matrix.batch_execute("rollback").await?;
        read
    }

    /// Runs the tests with the change, each file in a transaction that is rolled back; the first thing that is wrong.
    pub async fn tests(&mut self, mutant: Option<&Mutant>) -> anyhow::Result<Option<String>> {
        let Some(client) = &self.tests else { return Ok(None) };
        for at in 0..self.order.len() {
            let script = &self.watch.scripts[self.order[at]];
            client.batch_execute(&format!("begin; {PATIENCE}")).await?;
            if let Some(mutant) = mutant {
                client.batch_execute(&format!("set local search_path = ''; {}; reset search_path", mutant.sql)).await?;
            }
            client.batch_execute("set session authorization postgres").await?;
            let outcome = tap::run(client, script, Stop::AtFailure, true).await;
            client.batch_execute("rollback").await?;
            client
                .batch_execute("reset session authorization; reset all; discard temp; select pg_advisory_unlock_all()")
                .await?;
            let name = script.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let failed = outcome.tests.iter().find(|test| test.failed()).map(|test| test.name.clone());
            if let Some(saying) = failed.or_else(|| outcome.problems().first().cloned()) {
                self.order[..=at].rotate_right(1);
                return Ok(Some(format!("{name}: {saying}")));
            }
        }
        Ok(None)
    }

    /// Tries what the change concerns, the table itself first; the first difference that was not there before.
    async fn matrix(&self, mutant: &Mutant, changed: &access::Schema) -> anyhow::Result<Option<String>> {
        let Some(prepared) = &self.watch.matrix else { return Ok(None) };
        let run = async |sql: &str| {
            self.matrix.batch_execute(&format!("begin; set local search_path = ''; {sql}; commit")).await
        };
        run(&mutant.sql).await?;
        let mut seen = Ok(None);
        for object in &mutant.concerns {
            let only = std::slice::from_ref(object);
            let report = match matrix::probe(&self.bench.matrix.admin, changed, prepared, Some(only)).await {
                Ok(report) => report,
                Err(error) => {
                    seen = Err(error);
                    break;
                }
            };
            let new = report.differences.iter().find(|difference| !self.watch.different.contains(&key(difference)));
            if let Some(new) = new {
                seen = Ok(Some(format!("{} {} on {}: {}", new.identity, new.operation.word(), new.object, new.seen)));
                break;
            }
        }
        run(&mutant.undo).await?;
        Ok(seen?)
    }
}
