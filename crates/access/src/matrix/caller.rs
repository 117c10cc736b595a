//! A connection as `authenticator`, on which a transaction is made somebody's exactly as REST makes it.

use std::sync::atomic::{AtomicUsize, Ordering};

use pg::tokio_postgres::Client;
use pg::{Target, ident};

use super::Options;
use crate::Error;
use crate::identities::Person;

/// How long one statement may take.
pub const PATIENCE: &str = "5s";
/// After so many that took longer, the rest of a transaction is not tried.
const MOST_SLOW: usize = 2;
/// SQLSTATE of a statement that took too long.
pub const TOO_LONG: &str = "57014";

/// A login as `authenticator`.
pub struct Caller {
    client: Client,
    search_path: String,
    /// Statements of this transaction that took too long.
    slow: AtomicUsize,
}

/// What became of one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It touched so many rows.
    Touched(u64),
    /// It touched a row, whose column is as it was.
    TakenBack,
    /// It failed.
    Failed(Failure),
}

/// PostgreSQL's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// SQLSTATE.
    pub code: String,
    /// The message.
    pub message: String,
    /// The function of the project's that raised it.
    pub function: Option<String>,
}

impl Caller {
    /// Logs in; without a login of its own, a superuser's session is given up for it.
    ///
    /// # Errors
    /// No connection, or there is no `authenticator`.
    pub async fn login(shadow: &Target, options: &Options) -> Result<Self, Error> {
        let client = match &options.authenticator {
            Some(target) => target.with_database(&shadow.database).connect().await?,
            None => {
                let client = shadow.connect().await?;
                client.batch_execute("set session authorization authenticator").await?;
                client
            }
        };
        let path: Vec<String> =
            options.exposed.iter().take(1).chain(&options.search_path).map(|name| ident(name)).collect();
        Ok(Self { client, search_path: path.join(", "), slow: AtomicUsize::new(0) })
    }

    /// Starts a transaction of that person's.
    ///
    /// # Errors
    /// The role is not granted to `authenticator`.
    pub async fn begin(&self, person: &Person) -> Result<(), Error> {
        self.slow.store(0, Ordering::Relaxed);
        self.client.batch_execute("begin").await?;
        let context = "select set_config('search_path', $1, true), set_config('statement_timeout', $2, true), \
                       set_config('standard_conforming_strings', 'on', true), set_config('storage.allow_delete_query', 'true', true), \
                       set_config('role', $3, true), set_config('request.jwt.claims', $4, true)";
        self.client.query_one(context, &[&self.search_path, &PATIENCE, &person.role, &person.claims]).await?;
        Ok(())
    }

    /// Ends it without a trace.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn rollback(&self) -> Result<(), Error> {
        Ok(self.client.batch_execute("rollback; discard temp").await?)
    }

    /// Tries each statement by itself; all are undone.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn try_all(&self, statements: &[String]) -> Result<Vec<Outcome>, Error> {
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(statements.len());
        while outcomes.len() < statements.len() {
            let left = &statements[outcomes.len()..];
            if self.slow.load(Ordering::Relaxed) >= MOST_SLOW {
                outcomes.extend(left.iter().map(|_| Outcome::Failed(too_long())));
                break;
            }
            let round = self.round(left).await?;
            // Whoever is interrupted as the first had all the time there is; a later one comes first in the next round.
            let late = |outcome: &Outcome| matches!(outcome, Outcome::Failed(failure) if failure.code == TOO_LONG);
            let done = round.iter().position(late).filter(|at| *at > 0).unwrap_or(round.len());
            if done == round.len() && round.first().is_some_and(late) {
                self.slow.fetch_add(1, Ordering::Relaxed);
            }
            if round.is_empty() {
                break;
            }
            outcomes.extend(round.into_iter().take(done));
        }
        Ok(outcomes)
    }

    /// As many of the statements as there is time for, at least one.
    async fn round(&self, statements: &[String]) -> Result<Vec<Outcome>, Error> {
        self.client.batch_execute("savepoint tries").await?;
        let sql = "select touched, code, message, stack from _basalt_matrix.try($1)";
        let rows = match self.client.query(sql, &[&statements]).await {
            Ok(rows) => rows,
            Err(error) if error.is_closed() => return Err(error.into()),
            Err(error) => {
                // Not one of the statements' own errors: whoever brings it about is found alone.
                self.client.batch_execute("rollback to savepoint tries").await?;
                if statements.len() == 1 {
                    return Ok(vec![Outcome::Failed(failure(error))]);
                }
                return Box::pin(self.round(&statements[..statements.len() / 2])).await;
            }
        };
        let read = |row: &pg::tokio_postgres::Row| match row.get::<_, Option<i64>>(0) {
            Some(touched) => Outcome::Touched(u64::try_from(touched).unwrap_or(0)),
            None => Outcome::Failed(
                Failure {
                    code: row.get::<_, Option<String>>(1).unwrap_or_default(),
                    message: row.get::<_, Option<String>>(2).unwrap_or_default(),
                    function: row.get::<_, Option<String>>(3).and_then(|stack| function(&stack)),
                }
                .plainly(),
            ),
        };
        Ok(rows.iter().map(read).collect())
    }

    /// The rows of a query, or why there are none.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn read(&self, sql: &str) -> Result<Result<Vec<pg::tokio_postgres::Row>, Failure>, Error> {
        if self.slow.load(Ordering::Relaxed) >= MOST_SLOW {
            return Ok(Err(too_long()));
        }
        self.client.batch_execute("savepoint reading").await?;
        match self.client.query(sql, &[]).await {
            Ok(rows) => Ok(Ok(rows)),
            Err(error) if error.is_closed() => Err(error.into()),
            Err(error) => {
                self.client.batch_execute("rollback to savepoint reading").await?;
                let failure = failure(error);
                if failure.code == TOO_LONG {
                    self.slow.fetch_add(1, Ordering::Relaxed);
                }
                Ok(Err(failure))
            }
        }
    }
}

impl Failure {
    /// A time that is up in words that say which.
    fn plainly(mut self) -> Self {
        if self.code == TOO_LONG {
            self.message = format!("took longer than {PATIENCE}");
        }
        self
    }
}

fn too_long() -> Failure {
    Failure {
        code: TOO_LONG.to_owned(),
        message: format!("not tried after {MOST_SLOW} statements that took longer than {PATIENCE}"),
        function: None,
    }
}

fn failure(error: pg::tokio_postgres::Error) -> Failure {
    match pg::Error::from(error) {
        pg::Error::Server(server) => Failure {
            function: server.context.as_deref().and_then(function),
            code: server.code,
            message: server.message,
        }
        .plainly(),
        other => Failure { code: String::new(), message: other.to_string(), function: None },
    }
}

/// The innermost function of a stack that is not ours.
fn function(stack: &str) -> Option<String> {
    let named = stack
        .lines()
        .filter_map(|line| line.strip_prefix("PL/pgSQL function ").or_else(|| line.strip_prefix("SQL function ")));
    let name =
        named.map(|rest| rest.split(" line ").next().unwrap_or(rest)).find(|name| !name.contains("_basalt_matrix"))?;
    Some(name.trim_matches('"').split('"').next().unwrap_or(name).to_owned())
}

impl Outcome {
    /// Was a right missing, as opposed to anything else going wrong? (SQLSTATE 42501; 55000 and 0A000: a view that takes no writes.)
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Failed(failure) if failure.function.is_none() && matches!(failure.code.as_str(), "42501" | "55000" | "0A000"))
    }
}
