use std::path::Path;

use base::Secret;
use tokio_postgres::{Client, Transaction};

use crate::error::{Error, is_refusal, message};
use crate::extensions::extension_script;
use crate::files::{Area, Block, FILES, File};
use crate::inspect::{State, adopted_version, inspect};
use crate::secrets::{set_jwt_settings, set_password, set_password_unseen, set_vault_key_file};

/// Two installers at once would trip over each other's roles, which all databases of a cluster share.
const LOCK: i64 = 0x0062_6173_616c_7401;

const BOOKKEEPING: &str = "
    create schema _basalt;
    create table _basalt.platform_migrations (
        name text primary key,
        checksum text not null,
        adopted boolean default false not null,
        applied_at timestamptz default now() not null
    );
    create table _basalt.settings (name text primary key, value text not null);
    revoke all on schema _basalt from public;
    revoke all on all tables in schema _basalt from public;";

/// What the connection may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Superuser `supabase_admin` of a cluster of our own.
    Superuser,
    /// What a managed provider gives, without superuser: what needs more is left out, with a note.
    Managed,
}

/// How to install.
#[derive(Clone, Copy, Debug)]
pub struct Install<'a> {
    /// What the connection may do.
    pub rights: Rights,
    /// Password of role `postgres`, as which applications and tools connect. Unused with managed rights.
    pub postgres_password: &'a Secret<String>,
    /// Password of role `authenticator`, as which requests connect.
    pub authenticator_password: &'a Secret<String>,
    /// The secret that signs tokens.
    pub jwt_secret: &'a Secret<String>,
    /// How long an access token lives, in seconds.
    pub jwt_exp: i64,
    /// Put the secret and the lifetime into `app.settings.jwt_secret` and `app.settings.jwt_exp`, as the Supabase CLI does?
    /// Every role that can run SQL can read them: for development only.
    pub publish_jwt_settings: bool,
    /// Absolute path of the vault's key (32 random bytes or more), outside the data directory, readable by PostgreSQL's
    /// user alone. `None`: the vault refuses to work. Unused with managed rights.
    pub vault_key_file: Option<&'a Path>,
}

/// What was done.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    /// Names of the files that were applied now, in order; empty where nothing was to do.
    pub applied: Vec<&'static str>,
    /// What was left out or adopted, and why: one sentence each, for the user.
    pub notes: Vec<String>,
}

/// Brings the connected database to the state that Supabase projects expect. Idempotent; a second run only looks.
///
/// # Errors
/// [`Error::NotSuperuser`], [`Error::Changed`] and [`Error::Newer`] before anything is touched; [`Error::Sql`] when a file
/// fails: that file is undone, those before it stay and are not run again.
pub async fn install(client: &mut Client, how: &Install<'_>) -> Result<Report, Error> {
    // A function that a project put into `public` must not stand in for one of PostgreSQL's while we run with our rights.
    client.batch_execute("set search_path to pg_catalog, pg_temp; set client_min_messages to warning").await?;
    client.execute("select pg_advisory_lock($1)", &[&LOCK]).await?;
    let result = install_locked(client, how).await;
    // On a broken connection the lock is gone anyway; the first error is the one to tell.
    let unlocked = client.execute("select pg_advisory_unlock($1)", &[&LOCK]).await;
    let report = result?;
    unlocked?;
    client.batch_execute("reset search_path; reset client_min_messages").await?;
    Ok(report)
}

async fn install_locked(client: &mut Client, how: &Install<'_>) -> Result<Report, Error> {
    let state = inspect(client).await?;
    if how.rights == Rights::Superuser && !state.is_superuser {
        return Err(Error::NotSuperuser { role: state.role });
    }
    check_applied(&state)?;
    let mut report = Report::default();
    if !state.has_bookkeeping {
        client.batch_execute(&format!("begin; {BOOKKEEPING} commit;")).await?;
    }
    if how.rights == Rights::Superuser
        && let Some(path) = how.vault_key_file
    {
        set_vault_key_file(client, path).await?;
    }
    let ours = |area: Area| FILES.iter().any(|file| file.area == area && state.applied.contains_key(file.name));
    let mut told = Vec::new();
    for file in FILES.iter().filter(|file| !state.applied.contains_key(file.name)) {
        // The roles of a cluster of our own are ours to set, whatever dump is in the database.
        let adoptable = file.area != Area::Base || how.rights == Rights::Managed;
        let adopted = adoptable && state.is_present(file.area) && !ours(file.area);
        if adopted && !told.contains(&file.area) {
            told.push(file.area);
            report.notes.push(adoption_note(client, file.area).await);
        }
        apply(client, file, how.rights, adopted, &mut report).await?;
    }
    match how.rights {
        Rights::Superuser => {
            set_password(client, "postgres", how.postgres_password).await?;
            set_password(client, "authenticator", how.authenticator_password).await?;
            set_jwt_settings(client, how.publish_jwt_settings.then_some(how.jwt_secret), how.jwt_exp).await?;
        }
        Rights::Managed => {
            install_scripts(client, &mut report).await?;
            set_authenticator_password(client, how.authenticator_password, &mut report).await?;
        }
    }
    tracing::debug!(applied = report.applied.len(), notes = report.notes.len(), "platform schemas are in place");
    Ok(report)
}

/// Only of a role that we made: requests of a running Supabase may connect as one that was there.
async fn set_authenticator_password(
    client: &mut Client,
    password: &Secret<String>,
    report: &mut Report,
) -> Result<(), Error> {
    const OURS: &str = "select exists (select from _basalt.settings where name = 'authenticator_is_ours')";
    if !client.query_one(OURS, &[]).await?.get::<_, bool>(0) {
        return Ok(());
    }
    match set_password_unseen(client, "authenticator", password).await {
        Err(Error::Database(refused)) if is_refusal(&refused) => {
            report.notes.push(format!(
                "role authenticator got no password, so requests cannot connect as it: {}",
                message(&refused)
            ));
            Ok(())
        }
        other => other,
    }
}

/// Refuses a database that another build set up differently, before anything is touched.
fn check_applied(state: &State) -> Result<(), Error> {
    for (name, checksum) in &state.applied {
        match FILES.iter().find(|file| file.name == name) {
            None => return Err(Error::Newer { file: name.clone() }),
            Some(file) if file.checksum() != *checksum => return Err(Error::Changed { file: name.clone() }),
            Some(_) => {}
        }
    }
    Ok(())
}

async fn adoption_note(client: &Client, area: Area) -> String {
    let (name, expected) = match area {
        Area::Base => return "roles, grants and settings were there already and are used as they are".to_owned(),
        Area::Auth => ("auth", Some(AUTH_VERSION)),
        Area::Storage => ("storage", Some(STORAGE_VERSION)),
        Area::Realtime => ("realtime", None),
        Area::Graphql => ("graphql_public", None),
        Area::Functions => ("supabase_functions", None),
    };
    let version = adopted_version(client, area).await;
    match (version, expected) {
        (Some(version), Some(expected)) if is_older(&version, expected) => format!(
            "schema {name} was there already, at {version}, which is older than {expected}: it is used as it is, and what needs \
             newer tables or columns will fail until its own service has migrated it"
        ),
        (Some(version), _) => format!("schema {name} was there already (at {version}) and is used as it is"),
        (None, _) => format!("schema {name} was there already and is used as it is"),
    }
}

/// The versions of the original services that our own tables correspond to.
const AUTH_VERSION: &str = "20260625000000";
const STORAGE_VERSION: &str = "62";

/// Compares the leading numbers: `41 vector-buckets` against `62`. What is no number is not called old.
fn is_older(version: &str, expected: &str) -> bool {
    let number = |text: &str| text.split(' ').next().and_then(|first| first.parse::<u64>().ok());
    matches!((number(version), number(expected)), (Some(version), Some(expected)) if version < expected)
}

/// Applies one file and its entry in the bookkeeping, both or neither.
async fn apply(
    client: &mut Client,
    file: &'static File,
    rights: Rights,
    adopted: bool,
    report: &mut Report,
) -> Result<(), Error> {
    let mut transaction = client.transaction().await?;
    if rights == Rights::Superuser {
        // A project's event trigger would run its function with our rights, or fail and stop an upgrade.
        transaction.batch_execute("set local session_replication_role = replica").await?;
    }
    transaction
        .execute(
            "insert into _basalt.platform_migrations (name, checksum, adopted) values ($1, $2, $3)",
            &[&file.name, &file.checksum(), &adopted],
        )
        .await?;
    if !adopted {
        match rights {
            Rights::Superuser => run_whole(&transaction, file).await?,
            Rights::Managed => run_blocks(&mut transaction, file, report).await?,
        }
        report.applied.push(file.name);
    }
    transaction.commit().await?;
    Ok(())
}

/// All blocks in one message; only when it fails are they told apart, by the position of the error.
async fn run_whole(transaction: &Transaction<'_>, file: &'static File) -> Result<(), Error> {
    let blocks = file.blocks(Rights::Superuser);
    let sql: String = blocks.iter().map(|block| block.sql.as_str()).collect();
    transaction.batch_execute(&sql).await.map_err(|source| Error::Sql {
        file: file.name,
        block: blocks.iter().map(|block| block.title).collect::<Vec<_>>().join(", "),
        source,
    })
}

/// Block by block: what the provider refuses is undone and noted, and the rest goes on.
async fn run_blocks(transaction: &mut Transaction<'_>, file: &'static File, report: &mut Report) -> Result<(), Error> {
    for Block { title, sql } in file.blocks(Rights::Managed) {
        let savepoint = transaction.savepoint("block").await?;
        match savepoint.batch_execute(&sql).await {
            Ok(()) => savepoint.commit().await?,
            Err(refused) if is_refusal(&refused) => {
                savepoint.rollback().await?;
                report.notes.push(format!("{} ({title}) was left out: {}", file.name, message(&refused)));
            }
            Err(source) => return Err(Error::Sql { file: file.name, block: title.to_owned(), source }),
        }
    }
    Ok(())
}

/// With managed rights our extensions come as plain objects, where the provider has none of the name.
async fn install_scripts(client: &mut Client, report: &mut Report) -> Result<(), Error> {
    let there: bool = client
        .query_one("select to_regprocedure('net.http_get(text,jsonb,jsonb,integer)') is not null", &[])
        .await?
        .get(0);
    if there {
        return Ok(());
    }
    let Some(script) = extension_script("pg_net", "extensions") else { return Ok(()) };
    let transaction = client.transaction().await?;
    match transaction.batch_execute(&script).await {
        Ok(()) => transaction.commit().await?,
        Err(refused) if is_refusal(&refused) => {
            transaction.rollback().await?;
            report.notes.push(format!("pg_net was left out: {}", message(&refused)));
        }
        Err(source) => return Err(Error::Sql { file: "pg_net", block: "script".to_owned(), source }),
    }
    if client.query_one("select to_regclass('vault.secrets') is null", &[]).await?.get(0) {
        report.notes.push(
            "supabase_vault was left out: it needs a superuser's function to keep its key from other roles".to_owned(),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_older;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(is_older("9", "62"));
        assert!(is_older("41 then", "62"));
        assert!(is_older("20240101000000", super::AUTH_VERSION));
        assert!(!is_older("62 now", "62"));
        assert!(!is_older("100 later", "62"));
        assert!(!is_older("strange", "62"));
    }
}
