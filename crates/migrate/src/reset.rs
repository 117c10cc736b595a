//! A database from nothing, with the old one kept aside until the new one stands.

use std::time::Duration;

use pg::{Target, ident};
use tokio_postgres::Client;

use crate::Error;

/// What the old database is called meanwhile.
const ASIDE: &str = "_basalt_before_reset";
/// How often the lock is tried, a tenth of a second apart.
const PATIENCE: usize = 100;
/// What roles of the project are called meanwhile: they may own things in the old database.
const ROLE_ASIDE: &str = "_basalt_before_reset_";

/// Replaces the database of `admin` (a superuser) by an empty one and calls `build` to fill it: platform, migrations, seeds.
///
/// The old database is renamed, not dropped, until `build` is done: when it fails, the old one is put back as it was. Sessions in
/// it are ended. Roles that the project made are set aside with it, since migrations make them anew; roles named in `keep` stay,
/// with the passwords that they have. Gives what `build` gave.
///
/// # Errors
/// PostgreSQL refuses, or `build` fails.
pub async fn reset<T, E, F>(admin: &Target, keep: &[&str], build: impl FnOnce(Target) -> F) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
    E: From<Error>,
{
    let work = Work::on(admin, keep).await?;
    work.alone().await?;
    work.recover().await?;
    let kept = passwords(&work.client, keep).await?;
    work.set_aside().await?;
    let built = match work.create().await {
        Ok(()) => build(admin.clone()).await,
        Err(error) => Err(error.into()),
    };
    // Whatever happened: requests of a running server must still be able to log in.
    let restored = restore_passwords(&work.client, &kept).await;
    match built {
        Ok(value) => {
            restored?;
            work.forget().await?;
            Ok(value)
        }
        Err(error) => {
            work.put_back().await?;
            Err(error)
        }
    }
}

/// Puts right what a reset that was killed half-way left of the database of `admin` (a superuser). `keep`: as in [`reset`]. True where
/// there was something.
///
/// # Errors
/// PostgreSQL refuses, or another reset is under way.
pub async fn recover_from_reset(admin: &Target, keep: &[&str]) -> Result<bool, Error> {
    let work = Work::on(admin, keep).await?;
    work.alone().await?;
    work.recover().await
}

/// Is somebody making the database of `admin` (a superuser) anew at this moment?
///
/// # Errors
/// PostgreSQL refuses.
pub async fn reset_under_way(admin: &Target) -> Result<bool, Error> {
    Ok(!Work::on(admin, &[]).await?.has_lock().await?)
}

struct Work {
    client: Client,
    name: String,
    keep: Vec<String>,
}

impl Work {
    async fn run(&self, sql: &str) -> Result<(), Error> {
        Ok(self.client.batch_execute(sql).await?)
    }

    async fn names(&self, sql: &str, pattern: &str) -> Result<Vec<String>, Error> {
        Ok(self.client.query(sql, &[&pattern]).await?.iter().map(|row| row.get(0)).collect())
    }

    async fn exists(&self, database: &str) -> Result<bool, Error> {
        Ok(!self
            .names("select datname::text from pg_catalog.pg_database where datname = $1", database)
            .await?
            .is_empty())
    }

    async fn on(admin: &Target, keep: &[&str]) -> Result<Self, Error> {
        let client = admin.with_database("template1").connect().await?;
        Ok(Self { client, name: admin.database.clone(), keep: keep.iter().map(|role| (*role).to_owned()).collect() })
    }

    /// Two resets at once would each take what the other makes for remains. The lock ends with the session, however that ends: that of a
    /// process that was killed a moment after it.
    async fn alone(&self) -> Result<(), Error> {
        for _ in 0..PATIENCE {
            if self.has_lock().await? {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(Error::Nothing("another reset of this database is under way; wait for its end".to_owned()))
    }

    async fn has_lock(&self) -> Result<bool, Error> {
        const LOCK: &str = "select pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended($1, 0))";
        Ok(self.client.query_one(LOCK, &[&ASIDE]).await?.get(0))
    }

    /// An earlier reset that was killed half-way left two databases, or the old one under its other name, or one that lets nobody in.
    async fn recover(&self) -> Result<bool, Error> {
        if self.exists(ASIDE).await? {
            self.put_back().await?;
            return Ok(true);
        }
        const CLOSED: &str = "select datname::text from pg_catalog.pg_database where datname = $1 and not datallowconn";
        if self.names(CLOSED, &self.name).await?.is_empty() {
            return Ok(false);
        }
        self.open().await?;
        Ok(true)
    }

    async fn open(&self) -> Result<(), Error> {
        self.run(&format!("alter database {} allow_connections true", ident(&self.name))).await
    }

    async fn set_aside(&self) -> Result<(), Error> {
        self.free(&self.name).await?;
        self.run(&format!("alter database {} rename to {}", ident(&self.name), ident(ASIDE))).await?;
        for role in self.project_roles().await? {
            self.run(&format!("alter role {} rename to {}", ident(&role), ident(&format!("{ROLE_ASIDE}{role}"))))
                .await?;
        }
        Ok(())
    }

    async fn create(&self) -> Result<(), Error> {
        self.run(&format!("create database {} template template0", ident(&self.name))).await
    }

    async fn forget(&self) -> Result<(), Error> {
        self.drop_database(ASIDE).await?;
        for role in self.aside_roles().await? {
            self.drop_role(&format!("{ROLE_ASIDE}{role}")).await?;
        }
        Ok(())
    }

    async fn put_back(&self) -> Result<(), Error> {
        self.drop_database(&self.name).await?;
        // What the attempt made goes, so that the names are free for what was there.
        for role in self.project_roles().await? {
            self.drop_role(&role).await?;
        }
        for role in self.aside_roles().await? {
            self.run(&format!("alter role {} rename to {}", ident(&format!("{ROLE_ASIDE}{role}")), ident(&role)))
                .await?;
        }
        self.run(&format!("alter database {} rename to {}", ident(ASIDE), ident(&self.name))).await?;
        self.open().await
    }

    /// Nobody is in it, and nobody comes in.
    async fn free(&self, database: &str) -> Result<(), Error> {
        self.run(&format!("alter database {} allow_connections false", ident(database))).await?;
        self.client
            .execute(
                "select pg_catalog.pg_terminate_backend(pid, 5000) from pg_catalog.pg_stat_activity where datname = $1",
                &[&database],
            )
            .await?;
        Ok(())
    }

    async fn drop_database(&self, database: &str) -> Result<(), Error> {
        if !self.exists(database).await? {
            return Ok(());
        }
        self.free(database).await?;
        // A replication slot outlives its readers and holds its database.
        self.client
            .execute(
                "select pg_catalog.pg_drop_replication_slot(slot_name) from pg_catalog.pg_replication_slots \
                 where database = $1 and not active",
                &[&database],
            )
            .await?;
        self.run(&format!("drop database {} with (force)", ident(database))).await
    }

    /// A role with grants in another database of the cluster stays; that is not this project's to undo.
    async fn drop_role(&self, role: &str) -> Result<(), Error> {
        if let Err(error) = self.run(&format!("drop role {}", ident(role))).await {
            tracing::warn!(role, %error, "a role of the old database cannot be dropped");
        }
        Ok(())
    }

    async fn project_roles(&self) -> Result<Vec<String>, Error> {
        let rows = self
            .client
            .query(
                "select rolname::text from pg_catalog.pg_roles \
                 where not rolname = any ($1) and rolname !~ '^pg_' and not starts_with(rolname, $2) and not rolsuper",
                &[&self.keep, &ROLE_ASIDE],
            )
            .await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    async fn aside_roles(&self) -> Result<Vec<String>, Error> {
        let sql =
            "select substr(rolname, length($1) + 1)::text from pg_catalog.pg_roles where starts_with(rolname, $1)";
        self.names(sql, ROLE_ASIDE).await
    }
}

/// The roles among `names` that have a password, with its verifier: an installation in a further database must not change how they
/// log in.
///
/// # Errors
/// The connection is not a superuser's.
pub async fn passwords(client: &Client, names: &[&str]) -> Result<Vec<(String, String)>, Error> {
    let rows = client
        .query(
            "select rolname::text, rolpassword from pg_catalog.pg_authid where rolpassword is not null and rolname = any ($1)",
            &[&names],
        )
        .await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Gives roles the verifiers that [`passwords`] read.
///
/// # Errors
/// The connection is not a superuser's.
pub async fn restore_passwords(client: &Client, passwords: &[(String, String)]) -> Result<(), Error> {
    for (role, verifier) in passwords {
        // ALTER ROLE takes no parameters; a verifier has letters, digits and a few signs only, and is checked to.
        if verifier.chars().all(|c| c.is_ascii_alphanumeric() || "=/+$:-".contains(c)) {
            client.batch_execute(&format!("alter role {} password '{verifier}'", ident(role))).await?;
        }
    }
    Ok(())
}
