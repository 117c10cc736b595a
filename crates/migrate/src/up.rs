//! Forward and back through the migrations of a project.

use std::path::Path;

use tokio_postgres::Client;

use crate::Error;
use crate::files::{Migration, SqlFile};
use crate::history::{Applied, Record, applied, ensure};
use crate::run::run;
use crate::session::{RunAs, Session};

/// What to do about migrations that were edited after they were applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnEdited {
    /// Say so.
    Warn,
    /// Refuse.
    Refuse,
}

/// How to apply.
#[derive(Debug, Clone)]
pub struct Options {
    /// As whom.
    pub run_as: RunAs,
    /// Apply files that are older than the newest applied one (`--include-all`).
    pub include_all: bool,
    /// About edited files.
    pub on_edited: OnEdited,
    /// Refuse a database that has migrations without files; otherwise they are named in the report.
    pub strict: bool,
}

impl Options {
    /// For development: go on where nothing is lost by it, and say what was noticed.
    pub fn development(run_as: RunAs) -> Self {
        Self { run_as, include_all: true, on_edited: OnEdited::Warn, strict: false }
    }

    /// For `db push` and production: refuse whatever is not plain.
    pub fn strict(run_as: RunAs) -> Self {
        Self { run_as, include_all: false, on_edited: OnEdited::Refuse, strict: true }
    }
}

/// What [`up`] would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Not applied yet, in order.
    pub pending: Vec<Migration>,
    /// Those of them that are older than the newest applied one.
    pub out_of_order: Vec<String>,
    /// Applied, and edited since.
    pub edited: Vec<String>,
    /// Versions in the database without a file.
    pub missing: Vec<String>,
}

impl Plan {
    /// What the owner should know before it is applied.
    ///
    /// # Errors
    /// `options` refuse it.
    pub fn allowed_by(&self, options: &Options) -> Result<Vec<String>, Error> {
        let mut warnings = Vec::new();
        if !self.edited.is_empty() {
            let error = Error::Edited { files: self.edited.clone() };
            match options.on_edited {
                OnEdited::Refuse => return Err(error),
                OnEdited::Warn => warnings.push(error.to_string()),
            }
        }
        if !self.missing.is_empty() {
            let error = Error::MissingFiles { versions: self.missing.clone() };
            if options.strict {
                return Err(error);
            }
            warnings.push(error.to_string());
        }
        if !options.include_all && !self.out_of_order.is_empty() {
            return Err(Error::OutOfOrder { files: self.out_of_order.clone() });
        }
        Ok(warnings)
    }
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Names of the files that were applied or taken back.
    pub done: Vec<String>,
    /// What the owner should know.
    pub warnings: Vec<String>,
}

/// Told while work goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step<'a> {
    /// The file.
    pub file: &'a str,
    /// Its number, from 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
}

/// A migration in a list of both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The version.
    pub version: String,
    /// The name, from the file or the database.
    pub name: String,
    /// Is there a file?
    pub local: bool,
    /// Is it applied?
    pub applied: bool,
    /// Applied, and edited since?
    pub edited: bool,
}

/// Compares files with the database.
///
/// # Errors
/// A file or the history cannot be read.
pub async fn plan(client: &Client, files: &[Migration]) -> Result<Plan, Error> {
    let done = applied(client).await?;
    let newest = done.keys().next_back().cloned().unwrap_or_default();
    let mut plan = Plan::default();
    for file in files {
        match done.get(&file.version) {
            None => {
                if file.version < newest {
                    plan.out_of_order.push(file.file_name());
                }
                plan.pending.push(file.clone());
            }
            Some(row) if row.statements.is_some() && row.differs_from(&SqlFile::read(&file.path)?) => {
                plan.edited.push(file.file_name());
            }
            Some(_) => {}
        }
    }
    plan.missing = done.into_keys().filter(|version| !files.iter().any(|file| file.version == *version)).collect();
    Ok(plan)
}

/// Both sides, by version.
///
/// # Errors
/// As [`plan`].
pub async fn list(client: &Client, files: &[Migration]) -> Result<Vec<Entry>, Error> {
    let done = applied(client).await?;
    let plan = plan(client, files).await?;
    let mut entries: Vec<Entry> = files
        .iter()
        .map(|file| Entry {
            version: file.version.clone(),
            name: file.name.clone(),
            local: true,
            applied: done.contains_key(&file.version),
            edited: plan.edited.contains(&file.file_name()),
        })
        .collect();
    let only_there = |row: &&Applied| plan.missing.contains(&row.version);
    entries.extend(done.values().filter(only_there).map(|row| Entry {
        version: row.version.clone(),
        name: row.name.clone(),
        local: false,
        applied: true,
        edited: false,
    }));
    entries.sort_by(|a, b| a.version.cmp(&b.version));
    Ok(entries)
}

/// Applies what is pending, each file in a transaction of its own together with its row of the history.
///
/// # Errors
/// Refusals of the plan by `options`; [`Error::Failed`] at the first file that fails: those before it stay applied.
pub async fn up(
    client: &Client,
    files: &[Migration],
    options: &Options,
    progress: &(dyn Fn(Step<'_>) + Sync),
) -> Result<Report, Error> {
    let plan = plan(client, files).await?;
    let mut report = Report { warnings: plan.allowed_by(options)?, ..Report::default() };
    let session = Session::open(client, &options.run_as).await?;
    ensure(&session).await?;
    let of = plan.pending.len();
    for (index, migration) in plan.pending.iter().enumerate() {
        let name = migration.file_name();
        progress(Step { file: &name, number: index + 1, of });
        let file = SqlFile::read(&migration.path)?;
        let notes = run(&session, &file, &Record::Migration(migration, &file)).await?;
        report.warnings.extend(notes.into_iter().map(|note| format!("{name}: {note}")));
        report.done.push(name);
    }
    session.close().await?;
    Ok(report)
}

/// Takes the newest `count` applied migrations back, newest first, by their scripts in `rollback_dir`; each with its row of the
/// history in one transaction. All scripts are looked for before the first one runs.
///
/// # Errors
/// Nothing is applied, a script is missing, or one fails.
pub async fn down(
    client: &Client,
    files: &[Migration],
    rollback_dir: &Path,
    count: usize,
    run_as: &RunAs,
    progress: &(dyn Fn(Step<'_>) + Sync),
) -> Result<Report, Error> {
    let done = applied(client).await?;
    let mut scripts = Vec::new();
    for row in done.values().rev().take(count) {
        let known = files.iter().find(|file| file.version == row.version);
        let name = known.map_or_else(|| format!("{}_{}.sql", row.version, row.name), Migration::file_name);
        let path = rollback_dir.join(&name);
        if !path.is_file() {
            return Err(Error::NoRollback { file: name, path });
        }
        scripts.push((row.version.clone(), name, SqlFile::read(&path)?));
    }
    if scripts.is_empty() {
        return Err(Error::Nothing("no migration is applied: there is nothing to take back".to_owned()));
    }
    let mut report = Report::default();
    let session = Session::open(client, run_as).await?;
    let of = scripts.len();
    for (index, (version, name, script)) in scripts.iter().enumerate() {
        progress(Step { file: name, number: index + 1, of });
        run(&session, script, &Record::Reverted(version)).await?;
        report.done.push(name.clone());
    }
    session.close().await?;
    Ok(report)
}

/// Writes the history by hand: `applied` marks versions as done with the statements of their files, otherwise forgets them.
///
/// # Errors
/// A version to mark has no file; the history cannot be written.
pub async fn repair(
    client: &Client,
    files: &[Migration],
    versions: &[String],
    mark_applied: bool,
    run_as: &RunAs,
) -> Result<(), Error> {
    let session = Session::open(client, run_as).await?;
    ensure(&session).await?;
    for version in versions {
        if mark_applied {
            let Some(migration) = files.iter().find(|file| file.version == *version) else {
                return Err(Error::Nothing(format!("no file in supabase/migrations has version {version}")));
            };
            let file = SqlFile::read(&migration.path)?;
            Record::Migration(migration, &file).write(&session).await?;
        } else {
            Record::Reverted(version).write(&session).await?;
        }
    }
    session.close().await
}
