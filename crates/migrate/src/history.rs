//! `supabase_migrations`: what was applied, kept as the Supabase CLI keeps it.

use std::collections::BTreeMap;

use tokio_postgres::Client;

use crate::Error;
use crate::files::{Migration, SqlFile};
use crate::lexer::normalized;
use crate::session::Session;
use crate::split::split;

/// The two tables, made as the CLI makes them, by the role that applies migrations.
const TABLES: &str = "
    create schema if not exists supabase_migrations;
    create table if not exists supabase_migrations.schema_migrations (version text not null primary key);
    alter table supabase_migrations.schema_migrations add column if not exists statements text[];
    alter table supabase_migrations.schema_migrations add column if not exists name text;
    create table if not exists supabase_migrations.seed_files (path text not null primary key, hash text not null);";

/// A row of `schema_migrations`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The version.
    pub version: String,
    /// The name; empty for rows of old tools.
    pub name: String,
    /// What was run; `None` for rows that were marked by hand.
    pub statements: Option<Vec<String>>,
}

impl Applied {
    /// Does the file say something else than what was run? Unknown means no.
    pub fn differs_from(&self, file: &SqlFile) -> bool {
        self.statements.as_ref().is_some_and(|ran| {
            let ran: String = ran.iter().map(|statement| normalized(statement)).collect();
            let now: String = statements_of(file).iter().map(|statement| normalized(statement)).collect();
            ran != now
        })
    }
}

/// What goes into the row of a file: its statements.
pub(crate) fn statements_of(file: &SqlFile) -> Vec<&str> {
    split(&file.text).into_iter().map(|statement| statement.text).collect()
}

/// Makes the tables where they are missing.
pub(crate) async fn ensure(session: &Session<'_>) -> Result<(), Error> {
    let there = session
        .client()
        .query_one(
            "select count(*) = 4 from pg_catalog.pg_attribute where attrelid in (\
               to_regclass('supabase_migrations.schema_migrations'), to_regclass('supabase_migrations.seed_files')) \
             and attname in ('statements', 'name', 'path', 'hash') and not attisdropped",
            &[],
        )
        .await?;
    if !there.get::<_, bool>(0) {
        // That something is there already is no news.
        session
            .client()
            .batch_execute(&format!("set client_min_messages to warning; {TABLES} reset client_min_messages"))
            .await?;
    }
    Ok(())
}

/// The applied migrations by version; empty where the table is missing.
///
/// # Errors
/// The table cannot be read.
pub async fn applied(client: &Client) -> Result<BTreeMap<String, Applied>, Error> {
    let columns: Vec<String> = client
        .query(
            "select attname::text from pg_catalog.pg_attribute \
             where attrelid = to_regclass('supabase_migrations.schema_migrations') and attnum > 0 and not attisdropped",
            &[],
        )
        .await?
        .iter()
        .map(|row| row.get(0))
        .collect();
    if columns.is_empty() {
        return Ok(BTreeMap::new());
    }
    // Tables of old tools have the version alone.
    let has = |name: &str| columns.iter().any(|column| column == name);
    let sql = format!(
        "select version, {}, {} from supabase_migrations.schema_migrations",
        if has("name") { "coalesce(name, '')" } else { "''::text" },
        if has("statements") { "statements" } else { "null::text[]" },
    );
    let rows = client.query(&sql, &[]).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let applied = Applied { version: row.get(0), name: row.get(1), statements: row.get(2) };
            (applied.version.clone(), applied)
        })
        .collect())
}

/// What a run writes into the history in its own transaction.
pub(crate) enum Record<'a> {
    /// Nothing.
    None,
    /// A migration was applied.
    Migration(&'a Migration, &'a SqlFile),
    /// A migration was taken back.
    Reverted(&'a str),
    /// A seed file was loaded: its path from the project folder, and the hash.
    Seed(&'a str, String),
}

impl Record<'_> {
    /// Writes it as the role that runs the file, whatever that file left set.
    pub(crate) async fn write(&self, session: &Session<'_>) -> Result<(), Error> {
        if matches!(self, Self::None) {
            return Ok(());
        }
        let client = session.client();
        // A file may have left another role, a read-only transaction cannot be mended, replica mode does not matter here.
        client.batch_execute("reset role").await?;
        match self {
            Self::None => {}
            Self::Migration(migration, file) => {
                client
                    .execute(
                        "insert into supabase_migrations.schema_migrations (version, name, statements) values ($1, $2, $3) \
                         on conflict (version) do update set name = excluded.name, statements = excluded.statements",
                        &[&migration.version, &migration.name, &statements_of(file)],
                    )
                    .await?;
            }
            Self::Reverted(version) => {
                client
                    .execute("delete from supabase_migrations.schema_migrations where version = $1", &[version])
                    .await?;
            }
            Self::Seed(path, hash) => {
                client
                    .execute(
                        "insert into supabase_migrations.seed_files (path, hash) values ($1, $2) \
                         on conflict (path) do update set hash = excluded.hash",
                        &[path, hash],
                    )
                    .await?;
            }
        }
        Ok(())
    }
}
