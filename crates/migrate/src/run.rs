//! Runs one file: in one transaction where PostgreSQL allows it, else piece by piece.

use bytes::Bytes;
use futures_util::SinkExt as _;

use crate::adapt::{Place, adapt, is_of_pgsodium, names_versions};
use crate::classify::{Transaction, transaction};
use crate::failure::{Failure, Stayed, summary};
use crate::files::SqlFile;
use crate::session::Session;
use crate::split::{Kind, Statement, split};
use crate::{Error, history::Record};

/// What a file needs of transactions.
struct Shape<'a> {
    statements: Vec<(Statement<'a>, Transaction)>,
}

impl<'a> Shape<'a> {
    fn of(sql: &'a str) -> Self {
        let mut statements: Vec<(Statement<'a>, Transaction)> = split(sql)
            .into_iter()
            .map(|statement| {
                let kind = if statement.kind == Kind::Sql { transaction(statement.text) } else { Transaction::Fits };
                (statement, kind)
            })
            .collect();
        // A file that only wraps itself in BEGIN … COMMIT asks for what it gets anyway.
        let inner_is_plain = statements.len() >= 2
            && statements[1..statements.len() - 1].iter().all(|(_, kind)| *kind == Transaction::Fits);
        let wrapped = matches!(statements.first(), Some((_, Transaction::Begin)))
            && matches!(statements.last(), Some((_, Transaction::Commit)));
        if inner_is_plain && wrapped {
            statements.pop();
            statements.remove(0);
        }
        Self { statements }
    }

    fn sql(&self) -> impl Iterator<Item = &'a str> {
        self.statements.iter().filter(|(statement, _)| statement.kind == Kind::Sql).map(|(statement, _)| statement.text)
    }

    /// What of the file may run with more rights.
    fn allowed(&self, place: &Place) -> Vec<String> {
        self.sql().flat_map(|sql| adapt(sql, place).allowed).collect()
    }
}

/// Where a run stands.
struct Run<'a, 's> {
    session: &'a Session<'s>,
    file: &'a SqlFile,
    place: &'a Place,
    /// What the owner of the file should know.
    notes: Vec<String>,
    open: bool,
    /// Done in the open transaction.
    pending: Vec<Stayed>,
    /// Done for good.
    stayed: Vec<Stayed>,
}

/// How often a file that met a deadlock is tried again.
const MOST_DEADLOCKS: usize = 3;

/// Runs `file` and writes `record` in the same transaction as its last part. On failure what can be undone is undone. Gives what its
/// owner should know.
///
/// # Errors
/// [`Error::Failed`] with the statement, or a lost connection.
pub(crate) async fn run(session: &Session<'_>, file: &SqlFile, record: &Record<'_>) -> Result<Vec<String>, Error> {
    let shape = Shape::of(&file.text);
    let place = session.place(shape.sql().any(names_versions)).await?;
    let mut deadlocks = 0;
    loop {
        session.allow(&shape.allowed(&place)).await?;
        let mut run = Run {
            session,
            file,
            place: &place,
            notes: Vec::new(),
            open: false,
            pending: Vec::new(),
            stayed: Vec::new(),
        };
        let Err(error) = run.all(&shape, record).await else {
            run.session.reset().await?;
            return Ok(run.notes);
        };
        // Where the connection is gone the server has rolled back; the first error is the one to tell.
        let recovered = run.session.recover().await;
        let _ = run.session.allow(&[]).await;
        // Requests and jobs hold locks for a moment: the next time they are elsewhere.
        if deadlocks < MOST_DEADLOCKS && recovered.is_ok() && is_deadlock_of_all(&error) {
            deadlocks += 1;
            tracing::debug!(file = %file.path.display(), "a deadlock with somebody else; once more");
            continue;
        }
        return Err(error);
    }
}

/// Was the whole file taken back because of a deadlock?
fn is_deadlock_of_all(error: &Error) -> bool {
    matches!(error, Error::Failed(failure) if failure.code == "40P01" && failure.stayed.is_empty())
}

impl<'a> Run<'a, '_> {
    async fn all(&mut self, shape: &Shape<'a>, record: &Record<'_>) -> Result<(), Error> {
        for (statement, kind) in &shape.statements {
            match kind {
                Transaction::Fits => {
                    self.begin().await?;
                    self.one(statement).await?;
                    self.note(statement, false);
                }
                Transaction::Outside => {
                    self.commit(statement).await?;
                    self.one(statement).await?;
                    self.note(statement, true);
                }
                Transaction::Begin => {
                    // What came before it was not meant to share its fate.
                    self.commit(statement).await?;
                    self.one(statement).await?;
                    self.open = true;
                }
                Transaction::Commit => {
                    self.begin().await?;
                    self.one(statement).await?;
                    self.open = false;
                    self.stayed.append(&mut self.pending);
                }
                Transaction::Rollback => {
                    self.begin().await?;
                    self.one(statement).await?;
                    self.open = false;
                    self.pending.clear();
                }
            }
        }
        self.begin().await?;
        record.write(self.session).await?;
        match shape.statements.last() {
            Some((last, _)) => self.commit(last).await,
            None => Ok(self.session.client().batch_execute("commit").await?),
        }
    }

    fn note(&mut self, statement: &Statement<'_>, for_good: bool) {
        let stayed = Stayed { line: statement.line, statement: summary(statement.text) };
        if for_good { self.stayed.push(stayed) } else { self.pending.push(stayed) }
    }

    async fn begin(&mut self) -> Result<(), Error> {
        if !self.open {
            self.session.client().batch_execute("begin").await?;
            self.open = true;
        }
        Ok(())
    }

    /// A deferred constraint may fail here: `statement` is the one to name.
    async fn commit(&mut self, statement: &Statement<'_>) -> Result<(), Error> {
        if self.open {
            let done = self.session.client().batch_execute("commit").await;
            self.open = false;
            done.map_err(|error| self.failure(statement, &error))?;
            self.stayed.append(&mut self.pending);
        }
        Ok(())
    }

    async fn one(&mut self, statement: &Statement<'_>) -> Result<(), Error> {
        let done = match statement.kind {
            Kind::Meta => return self.meta(statement),
            Kind::Copy(_) if !self.place.has_pgsodium && is_of_pgsodium(statement.text) => return Ok(()),
            Kind::Copy(rows) => self.copy(statement.text, rows).await,
            Kind::Sql => self.sql(statement.text).await,
        };
        done.map_err(|error| self.failure(statement, &error))
    }

    async fn sql(&mut self, text: &str) -> Result<(), tokio_postgres::Error> {
        let adapted = adapt(text, self.place);
        for sent in &adapted.sent {
            self.session.execute(&sent.sql, sent.elevated).await?;
        }
        self.notes.extend(adapted.note);
        Ok(())
    }

    async fn copy(&self, text: &str, rows: &str) -> Result<(), tokio_postgres::Error> {
        let sink = self.session.client().copy_in(text).await?;
        futures_util::pin_mut!(sink);
        for chunk in rows.as_bytes().chunks(1 << 16) {
            sink.send(Bytes::copy_from_slice(chunk)).await?;
        }
        sink.finish().await.map(|_| ())
    }

    /// psql's commands: those that only change its own looks are passed over.
    fn meta(&self, statement: &Statement<'_>) -> Result<(), Error> {
        const PASSED_OVER: &[&str] = &[
            "restrict",
            "unrestrict",
            "set",
            "unset",
            "echo",
            "qecho",
            "warn",
            "timing",
            "pset",
            "encoding",
            "x",
            "a",
            "t",
        ];
        let name = statement.text.trim_start_matches('\\').split_whitespace().next().unwrap_or_default();
        if PASSED_OVER.contains(&name) {
            return Ok(());
        }
        let message = format!("\\{name} is a command of psql, not SQL: remove it, or run this file with psql");
        Err(Error::Failed(Box::new(Failure::of_us(self.file.path.clone(), statement, message, &self.stayed))))
    }

    fn failure(&self, statement: &Statement<'_>, error: &tokio_postgres::Error) -> Error {
        Error::Failed(Box::new(Failure::of_server(
            self.file.path.clone(),
            statement,
            error,
            &self.stayed,
            self.session.major,
        )))
    }
}
