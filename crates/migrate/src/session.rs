use pg::{Target, tokio_postgres};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::Error;
use crate::adapt::Place;

/// As whom the user's SQL runs.
#[derive(Debug, Clone)]
pub enum RunAs {
    /// Over a login of its own as `postgres`, who is no superuser: a session that began as the superuser could be led back to it by
    /// `RESET SESSION AUTHORIZATION`, `SET ROLE` or `set_config`. The connection given beside it is the superuser's; it allows the
    /// statements of [`crate::rights`].
    Postgres(Target),
    /// The connection's own role (a `--database-url`); nothing is lifted.
    Connection,
}

impl RunAs {
    /// As `postgres` of the cluster whose superuser is `admin`; on its private socket no password is asked for.
    pub fn postgres(admin: &Target) -> Self {
        Self::Postgres(admin.as_role("postgres", &base::Secret::default()))
    }
}

/// A connection that runs the user's SQL, and is left as it was found.
pub struct Session<'a> {
    /// The superuser's, or the only one.
    given: &'a Client,
    /// Logged in as `postgres`, with its process id in the server.
    own: Option<(Client, i32)>,
    /// PostgreSQL's major version.
    pub(crate) major: u32,
}

impl<'a> Session<'a> {
    /// Takes a connection for the user's SQL.
    ///
    /// # Errors
    /// The connection is lost, or `postgres` may not log in.
    pub async fn open(given: &'a Client, run_as: &RunAs) -> Result<Self, Error> {
        const WHERE: &str = "select pg_catalog.current_setting('server_version_num')::pg_catalog.int4, \
                             pg_catalog.current_database()::pg_catalog.text";
        let row = given.query_one(WHERE, &[]).await?;
        let (version, database): (i32, String) = (row.get(0), row.get(1));
        let own = match run_as {
            RunAs::Postgres(target) => {
                // The shadow of a diff is another database of the same cluster.
                let client = target.with_database(&database).connect().await?;
                let pid = client.query_one("select pg_catalog.pg_backend_pid()", &[]).await?.get(0);
                Some((client, pid))
            }
            RunAs::Connection => None,
        };
        Ok(Self { given, own, major: u32::try_from(version / 10_000).unwrap_or_default() })
    }

    /// Gives the connection back: its own settings, and nothing allowed any more.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn close(self) -> Result<(), Error> {
        if self.own.is_some() {
            return self.allow(&[]).await;
        }
        Ok(self.given.batch_execute("reset role; reset all").await?)
    }

    /// What a file must know of where it runs; the versions of extensions only where it names some.
    pub(crate) async fn place(&self, with_extensions: bool) -> Result<Place, Error> {
        const VERSIONS: &str = "select v.name::pg_catalog.text, pg_catalog.array_agg(v.version order by v.version <> e.default_version) \
                                from pg_catalog.pg_available_extension_versions v join pg_catalog.pg_available_extensions e using (name) group by v.name";
        const PGSODIUM: &str = "select pg_catalog.to_regclass('pgsodium.key') is not null";
        let mut place = Place { major: self.major, can_elevate: self.own.is_some(), ..Place::default() };
        place.has_pgsodium = self.given.query_one(PGSODIUM, &[]).await?.get(0);
        if with_extensions {
            let rows = self.given.query(VERSIONS, &[]).await?;
            place.extensions = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        }
        Ok(place)
    }

    /// The connection that runs the user's SQL.
    pub(crate) fn client(&self) -> &Client {
        self.own.as_ref().map_or(self.given, |(client, _)| client)
    }

    /// What a file left in the session does not reach the next: role, settings, temporary tables, locks.
    pub(crate) async fn reset(&self) -> Result<(), Error> {
        self.client()
            .batch_execute(
                "reset session authorization; reset role; reset all; select pg_catalog.pg_advisory_unlock_all(); unlisten *; \
                 discard temp; discard sequences",
            )
            .await?;
        Ok(())
    }

    /// Lets exactly these statements run with more rights in this session, in place of those before. Called before a transaction is
    /// begun: one of another isolation level would not see the rows later.
    pub(crate) async fn allow(&self, statements: &[String]) -> Result<(), Error> {
        const FORGET: &str = "delete from _basalt.elevations where pid = $1";
        const ALLOW: &str = "insert into _basalt.elevations (pid, statement) select $1, s from pg_catalog.unnest($2::pg_catalog.text[]) s";
        let Some((_, pid)) = &self.own else { return Ok(()) };
        self.given.execute(FORGET, &[pid]).await?;
        if !statements.is_empty() {
            self.given.execute(ALLOW, &[pid, &statements]).await?;
        }
        Ok(())
    }

    /// Runs one statement; with more rights where it was allowed to.
    pub(crate) async fn execute(&self, sql: &str, elevate: bool) -> Result<(), tokio_postgres::Error> {
        if elevate && let Some((client, _)) = &self.own {
            let elevated = "select _basalt.elevated($1, pg_catalog.current_setting('search_path'))";
            return client.execute(elevated, &[&sql]).await.map(|_| ());
        }
        self.client().simple_query(sql).await.map(|_: Vec<SimpleQueryMessage>| ())
    }

    /// After a failure: ends the transaction, and leaves the session as it was.
    pub(crate) async fn recover(&self) -> Result<(), Error> {
        self.client().batch_execute("rollback").await?;
        self.reset().await
    }
}
