//! The access gate: before migrations reach the real database they are replayed on the shadow, and what `access.toml` closes is tried
//! there. What would be open refuses the migrations.

use std::fmt::Write as _;

use access::matrix::{self, Report};
use access::{Schema, Spec};
use anyhow::{Context, anyhow, bail};
use pg::Target;

use super::shadow::{Shadow, Template};
use super::{Plan, pgtap, proof};
use crate::progress::Progress;

/// How a command speaks of the gate.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct Flags {
    /// Refuse pending migrations that open what access.toml closes; the default outside of development.
    #[arg(long, overrides_with = "no_strict")]
    pub strict: bool,
    /// Apply pending migrations without trying them first.
    #[arg(long, overrides_with = "strict")]
    pub no_strict: bool,
}

/// Refuses, or lets pending migrations pass. `outside` of development it is on unless switched off. Where there is nothing to apply, or
/// no `access.toml`, nothing is tried.
///
/// # Errors
/// A migration fails on the shadow (with the error that the real database would give), a leak, a policy that cannot be evaluated, or a
/// pgTAP test that fails. Nothing has been applied then.
pub async fn check(
    plan: &Plan,
    flags: Flags,
    outside: bool,
    ahead: &migrate::Plan,
    progress: &Progress,
) -> anyhow::Result<()> {
    if ahead.pending.is_empty() || !(flags.strict || outside) {
        return Ok(());
    }
    let file = proof::spec_file(plan);
    if !file.is_file() {
        tell_once(plan, progress);
        return Ok(());
    }
    if flags.no_strict {
        progress.note("--no-strict: the migrations are applied without being held against access.toml");
        return Ok(());
    }
    let mut shadow = Shadow::open(plan, progress)
        .await
        .context("the access gate needs a PostgreSQL of its own (--no-strict goes on without the gate)")?;
    let verdict = try_on(plan, &mut shadow, progress).await;
    shadow.close().await?;
    verdict
}

async fn try_on(plan: &Plan, shadow: &mut Shadow<'_>, progress: &Progress) -> anyhow::Result<()> {
    let migrated =
        shadow.migrated().await.context("refused: a migration fails on the shadow database; nothing was applied")?;
    progress.step("Holding the migrations against access.toml");
    let report = seen(plan, shadow, &migrated).await?;
    let reasons = access::gate::reasons(&report);
    if !reasons.is_empty() {
        let mut text = String::from("refused: these migrations open what access.toml closes; nothing was applied\n");
        let _ = write!(text, "{}", access::gate::render(&reasons));
        text.push_str(
            "Mend the migration; or say in access.toml that it is meant (`basalt db test --update` writes what is seen); or apply it \
             all the same with --no-strict.",
        );
        bail!(text);
    }
    let files = pgtap::files(plan, &[])?;
    if files.is_empty() {
        return Ok(());
    }
    match pgtap::on_shadow(plan, shadow, &migrated, &files, progress).await {
        Ok(suite) if suite.passed() => Ok(()),
        Ok(suite) => {
            bail!("refused: the project's tests fail with these migrations; nothing was applied\n{}", suite.text)
        }
        Err(error) if error.is::<pgtap::Missing>() => {
            progress.note(&format!("the project's tests were not run: {error}"));
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// The access matrix of a template.
async fn seen(plan: &Plan, shadow: &mut Shadow<'_>, template: &Template) -> anyhow::Result<Report> {
    let copy = shadow.copy(template).await?;
    let report = matrix_of(plan, &copy.admin).await;
    shadow.discard(copy).await?;
    report
}

async fn matrix_of(plan: &Plan, admin: &Target) -> anyhow::Result<Report> {
    let file = proof::spec_file(plan);
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let spec = Spec::parse(&text)?;
    let client = admin.connect().await?;
    let schema = Schema::read(&client).await?;
    spec.check(&schema).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow!("refused: access.toml does not fit these migrations; nothing was applied\n  {}", lines.join("\n  "))
    })?;
    Ok(matrix::run(admin, &schema, Some(&spec), &proof::options(plan)?).await?)
}

/// Once for each data directory.
fn tell_once(plan: &Plan, progress: &Progress) {
    let mark = plan.location.home().join("gate-told");
    if std::fs::OpenOptions::new().write(true).create_new(true).open(&mark).is_ok() {
        progress.note(
            "there is no access.toml, so nothing says who may do what, and migrations are not held against it; \
             `basalt db test --update` writes one from what is seen",
        );
    }
}
