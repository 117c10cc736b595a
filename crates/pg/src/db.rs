//! The pool for everything that is not the hot path, and its two doors.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use tokio_postgres::types::ToSql;
use tokio_postgres::{NoTls, Row};

use base::Secret;

use crate::idle::close_idle;
use crate::tls::MakeTls;
use crate::{Address, Error, Target, Tls};

/// How long a caller waits for a free connection before he gets a 503.
const POOL_WAIT: Duration = Duration::from_secs(10);

/// A database: the pools behind it are private, the doors are the only way in.
#[derive(Clone)]
pub struct Db {
    target: Target,
    callers: Pool,
    platform: Pool,
    /// Logged in as the owners of `auth` and `storage`, whose tables have triggers of the project: a session that began as the
    /// superuser could be led back to it. `None` where the login role may not become them.
    owners: Option<Owners>,
}

#[derive(Clone)]
struct Owners {
    auth: Pool,
    storage: Pool,
}

/// On whose behalf a statement on user data runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The PostgreSQL role, e.g. `anon`; it must be granted to the login role `authenticator`.
    pub role: String,
    /// The verified claims of the token, JSON as received: `request.jwt.claims`.
    pub claims: String,
}

/// What a caller's transaction may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Writes fail with SQLSTATE 25006.
    ReadOnly,
    /// Writes are allowed.
    ReadWrite,
}

/// Which of our own schemas a platform transaction works on; it is logged, and decides the role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Schema `auth`, as `supabase_auth_admin`: triggers on `auth.users` run as that role, as upstream.
    Auth,
    /// Schema `storage`, as `supabase_storage_admin`.
    Storage,
    /// Cron, outgoing HTTP, queues, mail: as the login role.
    Jobs,
    /// Reading the catalog, health checks and our own schema `_basalt`: as the login role.
    System,
}

impl Purpose {
    const fn role(self) -> Option<&'static str> {
        match self {
            Self::Auth => Some("supabase_auth_admin"),
            Self::Storage => Some("supabase_storage_admin"),
            Self::Jobs | Self::System => None,
        }
    }
}

impl Db {
    /// Makes the pools; nothing is connected yet.
    ///
    /// `callers` logs in as `authenticator`, `platform` as the role that owns or may become the owner of our schemas.
    /// `owner_roles`: may we log in as those owners, as on the private socket of a cluster of our own? Not on a managed PostgreSQL.
    ///
    /// # Errors
    /// [`Error::Connect`] where the settings cannot make a pool.
    pub fn new(callers: &Target, platform: &Target, owner_roles: bool, connections: usize) -> Result<Self, Error> {
        Ok(Self {
            target: platform.clone(),
            callers: pool(callers, connections)?,
            platform: pool(platform, connections)?,
            owners: if owner_roles { Some(Owners::new(platform, connections)?) } else { None },
        })
    }

    /// Where the platform's connections go; for LISTEN and for tools that need a connection of their own.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The role that platform transactions of this purpose run as, where it is not the login role of the platform.
    pub fn role_of(&self, purpose: Purpose) -> Option<&'static str> {
        purpose.role().filter(|_| self.owners.is_some())
    }

    /// The door for user data: role and claims are set, row-level security decides.
    ///
    /// # Errors
    /// No connection, or the role does not exist or is not granted.
    pub async fn as_caller(&self, caller: &Caller, mode: Mode) -> Result<CallerTx, Error> {
        let client = self.callers.get().await?;
        let tx = Tx { client: Some(client) };
        let begin = match mode {
            Mode::ReadOnly => "begin read only",
            Mode::ReadWrite => "begin",
        };
        let client = tx.client()?;
        let set = client
            .prepare_cached("select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)")
            .await?;
        // Both leave in one flight: the connection pipelines what is sent before the first answer is awaited.
        let params: [&(dyn ToSql + Sync); 2] = [&caller.role, &caller.claims];
        let (began, identity) = tokio::join!(client.batch_execute(begin), client.execute(&set, &params));
        began?;
        identity?;
        Ok(CallerTx(tx))
    }

    /// The door for our own schemas. Never for a request on user data.
    ///
    /// # Errors
    /// No connection.
    pub async fn as_platform(&self, purpose: Purpose) -> Result<PlatformTx, Error> {
        let (pool, begin) = match (&self.owners, purpose) {
            (Some(owners), Purpose::Auth) => (&owners.auth, "begin; set local search_path = ''"),
            (Some(owners), Purpose::Storage) => (&owners.storage, "begin; set local search_path = ''"),
            // With rights above the project's: nothing of its schemas stands in for PostgreSQL's own functions.
            (Some(_), Purpose::Jobs | Purpose::System) => {
                (&self.platform, "begin; set local search_path = pg_catalog, pg_temp")
            }
            (None, _) => (&self.platform, "begin"),
        };
        let client = pool.get().await?;
        tracing::trace!(target: "pg", ?purpose, "platform transaction");
        let tx = Tx { client: Some(client) };
        tx.client()?.batch_execute(begin).await?;
        Ok(PlatformTx(tx))
    }

    /// Closes all connections, for a shutdown or before a restore.
    pub fn close(&self) {
        self.callers.close();
        self.platform.close();
        if let Some(owners) = &self.owners {
            owners.auth.close();
            owners.storage.close();
        }
    }
}

impl Owners {
    fn new(platform: &Target, connections: usize) -> Result<Self, Error> {
        let of = |purpose: Purpose| {
            let target =
                purpose.role().map_or_else(|| platform.clone(), |role| platform.as_role(role, &Secret::default()));
            pool(&target, connections)
        };
        Ok(Self { auth: of(Purpose::Auth)?, storage: of(Purpose::Storage)? })
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").field("target", &self.target).finish_non_exhaustive()
    }
}

fn pool(target: &Target, connections: usize) -> Result<Pool, Error> {
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = match target.address {
        Address::Tcp { tls, .. } if tls != Tls::Disable => {
            Manager::from_config(target.to_config(), MakeTls(tls), recycling)
        }
        _ => Manager::from_config(target.to_config(), NoTls, recycling),
    };
    let pool = Pool::builder(manager)
        .max_size(connections)
        .wait_timeout(Some(POOL_WAIT))
        .create_timeout(Some(POOL_WAIT))
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|e| Error::Connect(e.to_string()))?;
    close_idle(&pool);
    Ok(pool)
}

/// A transaction that rolls back unless it is committed, also when its future is dropped half-way.
struct Tx {
    client: Option<Object>,
}

impl Tx {
    fn client(&self) -> Result<&Object, Error> {
        self.client.as_ref().ok_or_else(|| Error::Unexpected("the transaction has ended".into()))
    }

    async fn end(mut self, how: &str) -> Result<(), Error> {
        let result = self.client()?.batch_execute(how).await;
        if result.is_ok() {
            self.client = None;
        }
        Ok(result?)
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if let Some(client) = self.client.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            // The pool gets the connection back only after the rollback; a broken one is thrown away by the pool.
            runtime.spawn(async move {
                let _ = client.batch_execute("rollback; discard temp").await;
            });
        }
    }
}

macro_rules! transaction {
    ($name:ident) => {
        impl $name {
            /// Runs a statement (prepared once per connection) and returns its rows.
            ///
            /// # Errors
            /// What PostgreSQL said.
            pub async fn rows(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Error> {
                let client = self.0.client()?;
                let statement = client.prepare_cached(sql).await?;
                Ok(client.query(&statement, params).await?)
            }

            /// Runs a statement that returns at most one row.
            ///
            /// # Errors
            /// What PostgreSQL said, or more than one row.
            pub async fn row(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<Option<Row>, Error> {
                let client = self.0.client()?;
                let statement = client.prepare_cached(sql).await?;
                Ok(client.query_opt(&statement, params).await?)
            }

            /// Runs a statement and returns how many rows it touched.
            ///
            /// # Errors
            /// What PostgreSQL said.
            pub async fn execute(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<u64, Error> {
                let client = self.0.client()?;
                let statement = client.prepare_cached(sql).await?;
                Ok(client.execute(&statement, params).await?)
            }

            /// Keeps what was done.
            ///
            /// # Errors
            /// A deferred constraint, a serialization failure, or a lost connection: then it is not known.
            pub async fn commit(self) -> Result<(), Error> {
                self.0.end("commit").await
            }

            /// Undoes what was done; the same as dropping it, but awaited.
            ///
            /// # Errors
            /// A lost connection.
            pub async fn rollback(self) -> Result<(), Error> {
                self.0.end("rollback").await
            }
        }

        impl Deref for $name {
            type Target = tokio_postgres::Client;

            fn deref(&self) -> &Self::Target {
                match self.0.client.as_ref() {
                    Some(client) => client,
                    None => unreachable!("a transaction holds its connection until it is consumed"),
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}

/// A transaction with a caller's role and claims.
pub struct CallerTx(Tx);
transaction!(CallerTx);

/// A transaction on our own schemas.
pub struct PlatformTx(Tx);
transaction!(PlatformTx);
