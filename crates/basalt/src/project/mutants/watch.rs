//! Those who may notice a change, and what they say while nothing is changed.

use std::collections::BTreeSet;

use access::Schema;
use access::lint::{self, Category, Level};
use access::matrix::{self, Difference, Prepared};
use access::tap::Script;
use anyhow::{Context, bail};

use super::ask::Asker;
use super::bench::Bench;
use crate::progress::Progress;
use crate::project::shadow::{Shadow, Template};
use crate::project::{Plan, pgtap, proof};

/// Linter, tests and matrix.
pub struct Watch {
    /// As the migrations make it.
    pub schema: Schema,
    /// What the linter knows of the project.
    pub context: lint::Context,
    /// Findings that are there anyway.
    pub found: BTreeSet<String>,
    /// The project's tests.
    pub scripts: Vec<Script>,
    /// The matrix, if there is an access.toml.
    pub matrix: Option<Prepared>,
    /// Differences that are there anyway.
    pub different: BTreeSet<String>,
}

impl Watch {
    /// Asks all of them once, and gives the databases on which they were asked.
    pub async fn begin(
        plan: &Plan,
        shadow: &mut Shadow<'_>,
        migrated: &Template,
        progress: &Progress,
    ) -> anyhow::Result<(Self, Bench)> {
        let (scripts, left_out) = scripts(plan)?;
        let spec = proof::spec(plan)?;
        if scripts.is_empty() && spec.is_none() {
            bail!(
                "there is nothing that could notice a change: neither access.toml (`basalt db test --update` writes it) nor tests in \
                 supabase/tests"
            );
        }
        for name in left_out {
            progress.note(&format!("{name} is not asked: it commits or opens sessions of its own"));
        }
        progress.step("Preparing the access matrix");
        let (bench, schema, prepared) =
            Bench::first(plan, shadow, migrated, !scripts.is_empty(), spec.as_ref()).await?;
        let mut context = proof::lint_context(plan)?;
        context.observed = lint::observe(&bench.matrix.admin.connect().await?, &schema).await?;
        let found = findings(&schema, &context);
        let mut watch = Self { schema, context, found, scripts, matrix: prepared, different: BTreeSet::new() };
        if let Some(prepared) = &watch.matrix {
            progress.step("Trying the access matrix as it is");
            let report = matrix::probe(&bench.matrix.admin, &watch.schema, prepared, None).await?;
            if !report.agrees() {
                let count = report.differences.len();
                progress
                    .note(&format!("access.toml is wrong in {count} places already, which will not be noticed again"));
            }
            watch.different = report.differences.iter().map(key).collect();
        }
        progress.step("Running the tests as it is");
        if let Some(saying) = Asker::new(&watch, &bench).await?.tests(None).await? {
            bail!("the tests fail before anything is changed, so they prove nothing: {saying}");
        }
        Ok((watch, bench))
    }
}

/// The tests that see a change which is not committed, and the names of the others.
fn scripts(plan: &Plan) -> anyhow::Result<(Vec<Script>, Vec<String>)> {
    let (mut scripts, mut left_out) = (Vec::new(), Vec::new());
    for path in pgtap::files(plan, &[])? {
        let script = Script::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        if script.commits || script.mentions("dblink") {
            left_out.push(path.display().to_string());
        } else {
            scripts.push(script);
        }
    }
    Ok((scripts, left_out))
}

/// The names of what the linter has against a schema. What the project allows and what only costs time is no alarm.
pub fn findings(schema: &Schema, context: &lint::Context) -> BTreeSet<String> {
    lint::lint(schema, context)
        .into_iter()
        .filter(|finding| finding.allowed.is_none() && finding.rule.category == Category::Security)
        .filter(|finding| finding.rule.level >= Level::Warn)
        .map(|finding| finding.cache_key)
        .collect()
}

/// What makes two differences the same.
pub fn key(difference: &Difference) -> String {
    let Difference { verdict, kind, object, identity, operation, column, .. } = difference;
    format!("{verdict:?} {kind:?} {object} {identity} {operation:?} {column:?}")
}
