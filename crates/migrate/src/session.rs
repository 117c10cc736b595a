use pg::ident;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::Error;

/// As whom the user's SQL runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunAs {
    /// The connection is the superuser's; SQL runs as `postgres`, and an allow-list of statements as the superuser.
    Postgres,
    /// The connection's own role (a `--database-url`); nothing is lifted.
    Connection,
}

/// A connection that runs the user's SQL, and is left as it was found.
pub struct Session<'a> {
    pub(crate) client: &'a Client,
    run_as: RunAs,
    /// PostgreSQL's major version.
    pub(crate) major: u32,
    /// Statements of platform roles get this search path; a migration starts with the one of the database.
    lowered: bool,
}

impl<'a> Session<'a> {
    /// Takes a connection for the user's SQL.
    ///
    /// # Errors
    /// The connection is lost, or its role cannot become `postgres`.
    pub async fn open(client: &'a Client, run_as: RunAs) -> Result<Self, Error> {
        let row = client.query_one("select current_setting('server_version_num')::int4", &[]).await?;
        let version: i32 = row.get(0);
        let mut session =
            Self { client, run_as, major: u32::try_from(version / 10_000).unwrap_or_default(), lowered: false };
        session.lower().await?;
        Ok(session)
    }

    /// Gives the connection back: its own role, its own settings.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn close(mut self) -> Result<(), Error> {
        self.raise().await?;
        self.client.batch_execute("reset all").await?;
        Ok(())
    }

    /// What a file left in the session does not reach the next: role, settings, temporary tables, locks.
    pub(crate) async fn reset(&mut self) -> Result<(), Error> {
        self.raise().await?;
        self.client
            .batch_execute(
                "reset role; reset all; select pg_advisory_unlock_all(); unlisten *; discard temp; discard sequences",
            )
            .await?;
        self.lower().await
    }

    async fn lower(&mut self) -> Result<(), Error> {
        if self.run_as == RunAs::Postgres {
            self.client.batch_execute("set session authorization postgres").await?;
            self.lowered = true;
        }
        Ok(())
    }

    async fn raise(&mut self) -> Result<(), Error> {
        if self.lowered {
            self.client.batch_execute("reset session authorization").await?;
            self.lowered = false;
        }
        Ok(())
    }

    /// Runs one statement; the superuser does it where that is allowed.
    pub(crate) async fn execute(&self, sql: &str, elevate: bool) -> Result<(), tokio_postgres::Error> {
        if !elevate || self.run_as == RunAs::Connection {
            return self.client.simple_query(sql).await.map(|_: Vec<SimpleQueryMessage>| ());
        }
        self.client.batch_execute("reset session authorization").await?;
        let done = self.client.simple_query(sql).await;
        // In a failed transaction nothing can be set; its rollback restores the role.
        let lowered = self.client.batch_execute("set session authorization postgres").await;
        done?;
        lowered
    }

    /// Gives `postgres` the administration of a role that the superuser created for it (from PostgreSQL 16 on the creator has it).
    pub(crate) async fn adopt_role(&self, role: &str) -> Result<(), tokio_postgres::Error> {
        if self.run_as == RunAs::Connection {
            return Ok(());
        }
        self.execute(&format!("grant {} to postgres with admin option", ident(role)), true).await
    }

    /// After a failure: ends the transaction and becomes `postgres` again.
    pub(crate) async fn recover(&mut self) -> Result<(), Error> {
        self.client.batch_execute("rollback").await?;
        self.reset().await
    }
}
