//! The access matrix: blueprints equal their `access.toml`, faults are found.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod blueprints;
mod faults;
mod hidden;
mod hostile;
mod odd;
mod silence;
mod update;
mod variety;
mod ways;

use std::path::{Path, PathBuf};

use access::matrix::{Options, Report};
use access::{Schema, Spec};
use testkit::Database;

/// A blueprint's folder.
pub fn folder(blueprint: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../blueprints").join(blueprint)
}

/// A blueprint's file.
pub fn spec(blueprint: &str) -> Spec {
    Spec::parse(&std::fs::read_to_string(folder(blueprint).join("access.toml")).unwrap()).unwrap()
}

/// A database with a blueprint's migrations.
pub async fn migrated(blueprint: &str) -> Database {
    let mut files: Vec<_> = std::fs::read_dir(folder(blueprint).join("supabase/migrations"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let database = testkit::database().await;
    let client = database.connect(&database.postgres).await;
    for file in files {
        if let Err(error) = client.batch_execute(&std::fs::read_to_string(&file).unwrap()).await {
            panic!("{}: {}", file.display(), pg::Error::from(error));
        }
    }
    database
}

pub async fn schema(database: &Database) -> Schema {
    Schema::read(&database.connect(&database.admin).await).await.unwrap()
}

/// As requests come: by a login as `authenticator`.
pub fn options(database: &Database) -> Options {
    Options { authenticator: Some(database.authenticator.clone()), ..Options::default() }
}

/// Differences, for people.
pub fn told(report: &Report) -> String {
    let line = |d: &access::matrix::Difference| {
        let (object, who, what) = (&d.object, &d.identity, d.operation.word());
        let (column, row) = (d.column.as_deref().unwrap_or("-"), d.row.as_deref().unwrap_or("-"));
        format!(
            "{:?} {object}: {who} {what} {column} [{row}] said {:?}, {} ×{} because {:?}",
            d.verdict, d.expected, d.seen, d.times, d.because
        )
    };
    report.differences.iter().map(line).collect::<Vec<_>>().join("\n")
}
