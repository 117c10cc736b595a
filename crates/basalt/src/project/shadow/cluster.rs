//! The shadow's PostgreSQL, and the databases in it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use base::Secret;
use pg::tokio_postgres::Client;
use pg::{Target, ident};
use pgserver::{Lifetime, Server, State};

use super::Plan;
use crate::project::database::{cluster_options, superuser, vault_key_file};
use crate::project::room;

/// Little memory, no promises.
const SETTINGS: &[(&str, &str)] = &[
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    ("shared_buffers", "32MB"),
    ("max_connections", "30"),
    ("autovacuum", "off"),
    ("max_wal_size", "128MB"),
    ("min_wal_size", "32MB"),
];

/// Names of databases that are of no use after a crash.
const TRANSIENT: [&str; 2] = ["build", "copy_"];

/// All that a role can do, its password left aside: templates fit into the cluster only as long as this is what it was.
const ROLES: &str = "
    select md5(coalesce(string_agg(line, E'\\n' order by line), '')) from (
        select to_jsonb(a)::text from (select rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication,
               rolbypassrls, rolconnlimit, rolvaliduntil from pg_catalog.pg_authid) a
        union all select roleid::regrole || ' has ' || member::regrole || admin_option from pg_catalog.pg_auth_members
        union all select setrole || ' sets ' || setconfig::text from pg_catalog.pg_db_role_setting where setdatabase = 0
    ) facts (line)";

/// A running cluster with templates in it.
pub struct Cluster {
    server: Option<Server>,
    admin: Target,
    maker: Client,
    home: PathBuf,
    virgin: bool,
    lifetime: Lifetime,
    copies: usize,
}

/// The password of `postgres` and `authenticator`. They are reached through the private socket only.
pub fn password() -> Secret<String> {
    Secret::from("postgres")
}

impl Cluster {
    /// The kept one; where another command has it, one that is thrown away. One that cannot be used (copied from elsewhere, another
    /// user's, made by another PostgreSQL) is made anew: there is nothing in it that cannot be.
    pub async fn start(plan: &Plan) -> anyhow::Result<Self> {
        let kept = plan.location.home().join("shadow");
        sweep(plan.location.home());
        let error = match Self::start_at(plan, kept.clone(), Lifetime::Process).await {
            Err(error) => error,
            started => return started,
        };
        match error.downcast_ref::<pgserver::Error>() {
            Some(pgserver::Error::HomeInUse { .. } | pgserver::Error::DataInUse { .. }) => {}
            Some(trouble) if would_help(trouble) && kept.exists() => {
                tracing::debug!(%error, "the shadow database is made anew");
                if remove(&kept).is_ok() {
                    return Self::start_at(plan, kept, Lifetime::Process).await;
                }
            }
            _ => return Err(error),
        }
        let own = plan.location.home().join(format!("shadow-{}", std::process::id()));
        Self::start_at(plan, own, Lifetime::ThrowAway).await
    }

    async fn start_at(plan: &Plan, home: PathBuf, lifetime: Lifetime) -> anyhow::Result<Self> {
        let mut options = cluster_options(plan, &home, 0);
        options.listen = Vec::new();
        options.lifetime = lifetime;
        options.settings = SETTINGS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let server = Server::start(options, |_| {}).await?;
        let admin = superuser(server.socket_dir(), server.port());
        let maker = admin.connect().await?;
        let virgin = server.fresh();
        let cluster = Self { server: Some(server), admin, maker, home, virgin, lifetime, copies: 0 };
        for name in cluster.databases().await?.into_iter().filter(|name| TRANSIENT.iter().any(|t| name.starts_with(t)))
        {
            cluster.drop_database(&name).await?;
        }
        Ok(cluster)
    }

    /// Has nothing been done in it?
    pub fn is_virgin(&self) -> bool {
        self.virgin
    }

    /// The key of the shadow's vault: nothing of the project's is sealed with it.
    pub fn vault_key(&self) -> anyhow::Result<PathBuf> {
        vault_key_file(self.server.as_ref().context("the shadow database has stopped")?, None)
    }

    /// Begins again with an empty cluster.
    pub async fn renew(&mut self, plan: &Plan) -> anyhow::Result<()> {
        if let Some(server) = self.server.take() {
            let data = server.data_dir().to_owned();
            server.stop().await?;
            std::fs::remove_dir_all(&data).with_context(|| format!("cannot remove {}", data.display()))?;
        }
        *self = Self::start_at(plan, self.home.clone(), self.lifetime).await?;
        Ok(())
    }

    /// Templates that fit the cluster's roles as they are now.
    pub async fn usable(&self) -> anyhow::Result<BTreeSet<String>> {
        let rows = self
            .maker
            .query(
                &format!(
                    "select datname::text from pg_catalog.pg_database \
                     where pg_catalog.shobj_description(oid, 'pg_database') = ({ROLES})"
                ),
                &[],
            )
            .await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Makes a template: a copy of `below`, or an empty database, and what `build` does to it.
    pub async fn build(
        &mut self,
        name: &str,
        below: Option<&str>,
        build: impl AsyncFnOnce(&Target) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        const BUILD: &str = "build";
        self.virgin = false;
        self.drop_database(BUILD).await?;
        self.create(BUILD, below.unwrap_or("template0")).await?;
        let target = self.admin.with_database(BUILD);
        if let Err(error) = self.while_it_runs(build(&target)).await {
            // Of a PostgreSQL that died nothing can be dropped; the next start does it.
            if let Err(trouble) = self.drop_database(BUILD).await {
                tracing::debug!(error = %trouble, "an unfinished template stays");
            }
            return Err(error);
        }
        self.drop_database(name).await?;
        // Whoever built it may not have hung up yet, and nobody is to come in any more.
        self.run(&format!("alter database {BUILD} allow_connections false")).await?;
        self.empty(BUILD).await?;
        let roles: String = self.maker.query_one(ROLES, &[]).await?.get(0);
        self.run(&format!("comment on database {BUILD} is '{roles}'")).await?;
        self.run(&format!("alter database {BUILD} rename to {}", ident(name))).await
    }

    /// Does something as long as PostgreSQL lives: the work may wait for what will never come.
    async fn while_it_runs<T>(&self, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        let Some(server) = &self.server else { return work.await };
        let mut state = server.state();
        tokio::select! {
            done = work => done,
            _ = state.wait_for(|state| *state != State::Ready) => {
                bail!("the connection to PostgreSQL was lost: it ended; its log is {}", server.log_file().display())
            }
        }
    }

    /// Drops templates whose names begin with `kind`, but for the newest two and `besides`.
    pub async fn keep_two(&self, kind: &str, newest: &str, besides: &str) -> anyhow::Result<()> {
        let rows = self
            .maker
            .query(
                "select datname::text from pg_catalog.pg_database where pg_catalog.starts_with(datname, $1) \
                 and datname <> $2 and datname <> $3 order by oid desc offset 1",
                &[&kind, &newest, &besides],
            )
            .await?;
        for row in rows {
            self.drop_database(row.get(0)).await?;
        }
        Ok(())
    }

    /// A fresh copy of a template, as the superuser reaches it.
    pub async fn copy(&mut self, template: &str) -> anyhow::Result<Target> {
        self.copies += 1;
        let name = format!("copy_{}", self.copies);
        self.create(&name, template).await?;
        Ok(self.admin.with_database(&name))
    }

    /// Sends away whoever is in a database.
    pub async fn empty(&self, name: &str) -> anyhow::Result<()> {
        self.maker
            .execute(
                "select pg_catalog.pg_terminate_backend(pid, 5000) from pg_catalog.pg_stat_activity where datname = $1",
                &[&name],
            )
            .await?;
        Ok(())
    }

    /// Drops a database, if it is there.
    pub async fn drop_database(&self, name: &str) -> anyhow::Result<()> {
        self.run(&format!("drop database if exists {} with (force)", ident(name))).await
    }

    /// Stops PostgreSQL, whatever came of the work.
    pub async fn finish<T>(mut self, result: anyhow::Result<T>) -> anyhow::Result<T> {
        let Some(server) = self.server.take() else { return result };
        let result = room::named(&server, result);
        let stopped = server.stop().await;
        let value = result?;
        stopped?;
        Ok(value)
    }

    /// Owner and settings of a database are no part of what `CREATE DATABASE` copies.
    async fn create(&self, name: &str, template: &str) -> anyhow::Result<()> {
        let quoted = ident(name);
        self.run(&format!("create database {quoted} template {} strategy file_copy", ident(template))).await?;
        if template != "template0" {
            self.run(&format!("alter database {quoted} owner to postgres")).await?;
            self.maker
                .execute(
                    "insert into pg_catalog.pg_db_role_setting (setdatabase, setrole, setconfig) \
                     select new.oid, s.setrole, s.setconfig from pg_catalog.pg_db_role_setting s \
                     join pg_catalog.pg_database old on old.oid = s.setdatabase and old.datname = $1 \
                     join pg_catalog.pg_database new on new.datname = $2",
                    &[&template, &name],
                )
                .await?;
        }
        Ok(())
    }

    async fn databases(&self) -> anyhow::Result<Vec<String>> {
        let rows = self.maker.query("select datname::text from pg_catalog.pg_database", &[]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    async fn run(&self, sql: &str) -> anyhow::Result<()> {
        self.maker.batch_execute(sql).await.map_err(pg::Error::from).with_context(|| format!("shadow database: {sql}"))
    }
}

/// Would a new cluster do better?
fn would_help(trouble: &pgserver::Error) -> bool {
    use pgserver::Error;
    matches!(
        trouble,
        Error::Permission { .. }
            | Error::NotOurs { .. }
            | Error::OtherMajor { .. }
            | Error::UnsupportedMajor { .. }
            | Error::Io { .. }
            | Error::StartFailed { .. }
            | Error::Connect(_)
    )
}

/// Removes a cluster that nobody runs.
fn remove(home: &Path) -> std::io::Result<()> {
    // Whoever starts it at this moment holds its lock.
    let held = match std::fs::File::open(home.join("basalt.lock")) {
        Ok(file) => match nix::fcntl::Flock::lock(file, nix::fcntl::FlockArg::LockExclusiveNonblock) {
            Ok(held) => Some(held),
            Err((_, error)) => return Err(error.into()),
        },
        Err(_) => None,
    };
    std::fs::remove_dir_all(home)?;
    drop(held);
    Ok(())
}

/// Removes clusters that were to be thrown away, and whose process died with its watchdog.
fn sweep(home: &Path) {
    let Ok(entries) = home.read_dir() else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix("shadow-")).and_then(|pid| pid.parse::<i32>().ok());
        let Some(owner) = owner else { continue };
        let gone = nix::sys::signal::kill(nix::unistd::Pid::from_raw(owner), None) == Err(nix::errno::Errno::ESRCH);
        if gone && let Err(error) = std::fs::remove_dir_all(entry.path()) {
            tracing::debug!(%error, "a shadow database that was left behind cannot be removed");
        }
    }
}
