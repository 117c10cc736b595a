use sha2::{Digest, Sha256};
use tokio_postgres::Client;

use crate::error::Error;

const LOCK: i64 = 0x0062_6173_616c_7402;

const QUIET: &str = "select set_config('session_replication_role', 'replica', true) from pg_roles \
                     where rolname = current_user and rolsuper";

const BOOKKEEPING: &str = "create table if not exists _basalt.service_migrations (
    service text not null,
    name text not null,
    checksum text not null,
    applied_at timestamptz default now() not null,
    primary key (service, name)
)";

/// Applies what a service keeps in schema `_basalt`: `(file name, SQL)` in order, each once and in a transaction of its own.
/// Forward only: an applied file is never edited.
///
/// # Errors
/// [`Error::Changed`] before anything is touched; what PostgreSQL said of a file that fails, which is undone.
pub async fn apply_further(client: &mut Client, service: &str, files: &[(&'static str, &str)]) -> Result<(), Error> {
    let mut tx = client.transaction().await?;
    // Two servers that start at once apply them once.
    tx.execute("select pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    // Nothing of a project's runs with our rights: neither its triggers, nor what stands in for PostgreSQL's own functions.
    tx.batch_execute("set local search_path to pg_catalog, pg_temp; set local client_min_messages to warning").await?;
    tx.batch_execute(QUIET).await?;
    tx.batch_execute(BOOKKEEPING).await?;
    let known =
        tx.query("select name, checksum from _basalt.service_migrations where service = $1", &[&service]).await?;
    let checksum = |sql: &str| hex::encode(Sha256::digest(sql.as_bytes()));
    for row in &known {
        let (name, applied): (String, String) = (row.get(0), row.get(1));
        match files.iter().find(|file| file.0 == name) {
            None => return Err(Error::Newer { file: name }),
            Some(file) if checksum(file.1) != applied => return Err(Error::Changed { file: name }),
            Some(_) => {}
        }
    }
    for (name, sql) in files.iter().filter(|file| known.iter().all(|row| row.get::<_, &str>(0) != file.0)) {
        let step = tx.savepoint("file").await?;
        step.batch_execute(sql).await?;
        let record = "insert into _basalt.service_migrations (service, name, checksum) values ($1, $2, $3)";
        step.execute(record, &[&service, name, &checksum(sql)]).await?;
        step.commit().await?;
    }
    Ok(tx.commit().await?)
}
