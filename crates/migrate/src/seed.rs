//! Data and roles beside the migrations: `supabase/roles.sql`, seed files, `[db.vault]`.

use std::collections::BTreeMap;
use std::path::Path;

use base::Secret;
use config::Bucket;
use tokio_postgres::Client;

use crate::files::{SqlFile, matching};
use crate::history::{Record, ensure};
use crate::run::run;
use crate::session::{RunAs, Session};
use crate::{Error, Step};

/// What seeding did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeedReport {
    /// Files that were loaded, from the project folder.
    pub loaded: Vec<String>,
    /// Files that were loaded before, as they are.
    pub unchanged: Vec<String>,
    /// Files that were loaded before and changed since: not run again, since they would fail on their own rows; their hash is kept.
    pub changed: Vec<String>,
    /// Patterns that match no file.
    pub no_match: Vec<String>,
}

/// Runs `supabase/roles.sql`, if there is one, before the migrations of a fresh database. Gives whether it was there.
///
/// # Errors
/// It cannot be read, or a statement fails.
pub async fn roles(client: &Client, supabase_dir: &Path, run_as: &RunAs) -> Result<bool, Error> {
    let path = supabase_dir.join("roles.sql");
    if !path.is_file() {
        return Ok(false);
    }
    let file = SqlFile::read(&path)?;
    let session = Session::open(client, run_as).await?;
    run(&session, &file, &Record::None).await?;
    session.close().await?;
    Ok(true)
}

/// Loads the files that `patterns` name (absolute, see `config`), each in one transaction with its row in `seed_files`. Files that
/// are there already are skipped.
///
/// # Errors
/// A file cannot be read, or a statement fails: that file is undone, those before it stay.
pub async fn seed(
    client: &Client,
    project_dir: &Path,
    patterns: &[String],
    run_as: &RunAs,
    progress: &(dyn Fn(Step<'_>) + Sync),
) -> Result<SeedReport, Error> {
    let (files, no_match) = matching(patterns);
    let mut report = SeedReport { no_match, ..SeedReport::default() };
    if files.is_empty() {
        return Ok(report);
    }
    let session = Session::open(client, run_as).await?;
    ensure(&session).await?;
    let rows = client.query("select path, hash from supabase_migrations.seed_files", &[]).await?;
    let known: BTreeMap<String, String> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let of = files.len();
    for (index, path) in files.iter().enumerate() {
        // The CLI keeps paths from the project folder, with slashes.
        let name = path.strip_prefix(project_dir).unwrap_or(path).to_string_lossy().replace('\\', "/");
        let file = SqlFile::read(path)?;
        let hash = file.hash();
        match known.get(&name) {
            Some(old) if *old == hash => report.unchanged.push(name),
            Some(_) => {
                Record::Seed(&name, hash).write(&session).await?;
                report.changed.push(name);
            }
            None => {
                progress(Step { file: &name, number: index + 1, of });
                run(&session, &file, &Record::Seed(&name, hash)).await?;
                report.loaded.push(name);
            }
        }
    }
    session.close().await?;
    Ok(report)
}

/// Creates or updates the secrets of `[db.vault]`. Values travel as parameters. Gives the names.
///
/// # Errors
/// There is no vault, or it refuses.
pub async fn vault_secrets(client: &Client, secrets: &BTreeMap<String, Secret>) -> Result<Vec<String>, Error> {
    for (name, value) in secrets {
        let there = client.query_opt("select id from vault.secrets where name = $1", &[name]).await?;
        let sql = if there.is_some() {
            "select vault.update_secret(id, $2) from vault.secrets where name = $1"
        } else {
            "select vault.create_secret($2, $1)"
        };
        client.execute(sql, &[name, value.expose()]).await?;
    }
    Ok(secrets.keys().cloned().collect())
}

/// Creates or updates the rows of `[storage.buckets.*]`, as the seeds run: the table may have triggers of the project. Gives the
/// names; none where there is no storage.
///
/// # Errors
/// The table refuses.
pub async fn buckets(
    client: &Client,
    buckets: &BTreeMap<String, Bucket>,
    run_as: &RunAs,
) -> Result<Vec<String>, Error> {
    if buckets.is_empty() || client.query_one("select to_regclass('storage.buckets') is null", &[]).await?.get(0) {
        return Ok(Vec::new());
    }
    let session = Session::open(client, run_as).await?;
    for (name, bucket) in buckets {
        let limit = bucket.file_size_limit.and_then(|bytes| i64::try_from(bytes.0).ok());
        let types = Some(&bucket.allowed_mime_types).filter(|types| !types.is_empty());
        session
            .client()
            .execute(
                "insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values ($1, $1, $2, $3, $4) \
                 on conflict (id) do update set public = excluded.public, file_size_limit = excluded.file_size_limit, \
                 allowed_mime_types = excluded.allowed_mime_types",
                &[name, &bucket.public, &limit, &types],
            )
            .await?;
    }
    session.close().await?;
    Ok(buckets.keys().cloned().collect())
}
