//! The project's pgTAP tests, for `basalt test db` and `basalt db test`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use access::tap::{self, Outcome, Script, Stop};
use anyhow::Context;
use pg::Target;

use super::shadow::{Shadow, Template};
use super::{Plan, proof};
use crate::progress::Progress;

/// pgTAP cannot be installed into the shadow.
#[derive(Debug)]
pub struct Missing {
    major: i32,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let major = self.major;
        write!(
            f,
            "there are pgTAP tests, but pgTAP is not installed beside PostgreSQL {major}: on Debian and Ubuntu `apt install \
             postgresql-{major}-pgtap`, elsewhere `make install` of the release on pgtap.org"
        )
    }
}

impl std::error::Error for Missing {}

/// What came of a project's tests.
pub struct Suite {
    /// A name and an outcome for each file.
    pub files: Vec<(String, Outcome)>,
    /// As `pg_prove` tells it.
    pub text: String,
}

impl Suite {
    /// Has no file failed?
    pub fn passed(&self) -> bool {
        self.files.iter().all(|(_, outcome)| outcome.passed())
    }
}

/// The test files of a project: `.sql` and `.pg` in `supabase/tests`, at any depth, in order; or those that `paths` name.
pub fn files(plan: &Plan, paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    if paths.is_empty() {
        // The fixtures of the matrix lie beside the tests, and are none.
        let fixtures = proof::fixtures(plan);
        let found = below(&plan.paths.supabase.join("tests"));
        return Ok(found.into_iter().filter(|file| *file != fixtures).collect());
    }
    let mut found = Vec::new();
    for path in paths {
        match path.metadata().with_context(|| format!("cannot read {}", path.display()))?.is_dir() {
            true => found.extend(below(path)),
            false => found.push(path.clone()),
        }
    }
    Ok(found)
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let patterns =
        ["sql", "pg"].map(|ending| folder.join("**").join(format!("*.{ending}")).to_string_lossy().into_owned());
    let (mut files, _) = migrate::matching(&patterns);
    files.sort();
    files
}

/// `below` with the project's seeds and pgTAP in it: what tests run on.
pub async fn template(shadow: &mut Shadow<'_>, below: &Template) -> anyhow::Result<Template> {
    let seeded = shadow.seeded(below).await?;
    shadow.layer(&seeded, "tests", "pgtap", install).await
}

async fn install(admin: &Target) -> anyhow::Result<()> {
    let client = admin.connect().await?;
    let row = client
        .query_one(
            "select current_setting('server_version_num')::int / 10000, \
             exists (select from pg_catalog.pg_available_extensions where name = 'pgtap')",
            &[],
        )
        .await?;
    if !row.get::<_, bool>(1) {
        return Err(Missing { major: row.get(0) }.into());
    }
    client.batch_execute("create extension if not exists pgtap with schema extensions").await?;
    Ok(())
}

/// Runs the files on copies of the shadow: a copy for all, and a fresh one after a file that commits.
pub async fn on_shadow(
    plan: &Plan,
    shadow: &mut Shadow<'_>,
    below: &Template,
    files: &[PathBuf],
    progress: &Progress,
) -> anyhow::Result<Suite> {
    let template = template(shadow, below).await?;
    let begun = Instant::now();
    let mut outcomes = Vec::new();
    let mut copy = shadow.copy(&template).await?;
    for (number, path) in files.iter().enumerate() {
        let name = name_of(plan, path);
        progress.step(&format!("Testing {name} ({}/{})", number + 1, files.len()));
        let script = match Script::read(path) {
            Ok(script) => script,
            Err(error) => {
                outcomes.push((name, unreadable(&error)));
                continue;
            }
        };
        let client = copy.postgres.connect().await?;
        outcomes.push((name, tap::run(&client, &script, Stop::AtEnd, false).await));
        drop(client);
        if script.commits {
            let fresh = shadow.copy(&template).await?;
            shadow.discard(std::mem::replace(&mut copy, fresh)).await?;
        }
    }
    shadow.discard(copy).await?;
    Ok(Suite { text: tap::render(&outcomes, begun.elapsed()), files: outcomes })
}

/// Runs the files on a database that the user names. What a file does not commit is rolled back.
pub async fn on_database(
    plan: &Plan,
    target: &Target,
    files: &[PathBuf],
    progress: &Progress,
) -> anyhow::Result<Suite> {
    let begun = Instant::now();
    let mut outcomes = Vec::new();
    for path in files {
        let name = name_of(plan, path);
        progress.step(&format!("Testing {name}"));
        let outcome = match Script::read(path) {
            Ok(script) => tap::run(&target.connect().await?, &script, Stop::AtEnd, false).await,
            Err(error) => unreadable(&error),
        };
        outcomes.push((name, outcome));
    }
    Ok(Suite { text: tap::render(&outcomes, begun.elapsed()), files: outcomes })
}

/// A file that cannot be read has failed; the others are told all the same.
fn unreadable(error: &std::io::Error) -> Outcome {
    Outcome { died: Some(format!("cannot be read: {error}")), ..Outcome::default() }
}

fn name_of(plan: &Plan, path: &Path) -> String {
    path.strip_prefix(&plan.paths.project).unwrap_or(path).display().to_string()
}
