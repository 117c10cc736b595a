//! The access gate: before migrations reach the real database they are replayed on the shadow, and what `access.toml` closes is tried
//! there. What would be open refuses the migrations.

use std::fmt::Write as _;
use std::path::PathBuf;

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

/// Refuses, or lets pending migrations pass. `outside` of development it is on unless switched off. Where there is nothing to apply,
/// nothing is tried; without an `access.toml` the project's tests are run all the same.
///
/// # Errors
/// A migration fails on the shadow (with the error that the real database would give), a leak, a policy that cannot be evaluated, or a
/// pgTAP test that fails; an `access.toml` that cannot be used, or none with `--strict`. Nothing has been applied then.
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
    if flags.no_strict {
        progress.note(
            "--no-strict: the migrations are applied without being held against access.toml and the project's tests",
        );
        return Ok(());
    }
    let spec = proof::spec(plan).context("refused, nothing was applied")?;
    if spec.is_none() {
        say_that_it_is_missing(plan, flags, progress)?;
    }
    let tests = pgtap::files(plan, &[])?;
    if spec.is_none() && tests.is_empty() {
        return Ok(());
    }
    let mut shadow = Shadow::open(plan, progress)
        .await
        .context("the access gate needs a PostgreSQL of its own (--no-strict goes on without the gate)")?;
    let verdict = try_on(plan, &mut shadow, spec.as_ref(), &tests, ahead, progress).await;
    shadow.finish(verdict).await
}

async fn try_on(
    plan: &Plan,
    shadow: &mut Shadow<'_>,
    spec: Option<&Spec>,
    tests: &[PathBuf],
    ahead: &migrate::Plan,
    progress: &Progress,
) -> anyhow::Result<()> {
    let migrated =
        shadow.migrated().await.context("refused: a migration fails on the shadow database; nothing was applied")?;
    if let Some(spec) = spec {
        progress.step("Holding the migrations against access.toml");
        let (report, schema) = seen(plan, shadow, &migrated, spec).await?;
        let reasons = access::gate::reasons(&report);
        if !reasons.is_empty() {
            let mut text =
                String::from("refused: these migrations open what access.toml closes; nothing was applied\n");
            let _ = write!(text, "{}", access::gate::render(&reasons));
            text.push_str(
                "Mend the migration; or say in access.toml that it is meant (`basalt db test --update` writes what is seen); or apply \
                 it all the same with --no-strict.",
            );
            bail!(text);
        }
        let mut pending = String::new();
        for migration in &ahead.pending {
            pending += &std::fs::read_to_string(&migration.path)
                .with_context(|| format!("cannot read {}", migration.path.display()))?;
            pending.push('\n');
        }
        let unknown = access::gate::never_true(&report, &schema, &pending);
        if !unknown.is_empty() {
            let mut text = String::from(
                "refused: these migrations make or change policies of which nobody was seen to be let in; nothing was applied\n",
            );
            for one in unknown {
                let _ = writeln!(text, "  {one}");
            }
            text.push_str(
                "Add rows that show it to supabase/tests/fixtures.sql, or claims to an identity; or name the policy in access.toml as \
                 known: not_proven = [\"…\"] in the entry of its table; or apply it all the same with --no-strict.",
            );
            bail!(text);
        }
        if let Some(gaps) = access::gate::gaps(&report) {
            progress.note(&gaps);
        }
    }
    if tests.is_empty() {
        return Ok(());
    }
    match pgtap::on_shadow(plan, shadow, &migrated, tests, progress).await {
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
async fn seen(
    plan: &Plan,
    shadow: &mut Shadow<'_>,
    template: &Template,
    spec: &Spec,
) -> anyhow::Result<(Report, Schema)> {
    let copy = shadow.copy(template).await?;
    let report = matrix_of(plan, &copy.admin, spec).await;
    shadow.discard(copy).await?;
    report
}

async fn matrix_of(plan: &Plan, admin: &Target, spec: &Spec) -> anyhow::Result<(Report, Schema)> {
    let client = admin.connect().await?;
    let schema = Schema::read(&client).await?;
    spec.check(&schema).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow!("refused: access.toml does not fit these migrations; nothing was applied\n  {}", lines.join("\n  "))
    })?;
    let report = matrix::run(admin, &schema, Some(spec), &proof::options(plan)?).await?;
    Ok((report, schema))
}

/// Who asked for the gate is refused; elsewhere it is said each time that nothing is held against anything.
fn say_that_it_is_missing(plan: &Plan, flags: Flags, progress: &Progress) -> anyhow::Result<()> {
    let folder = plan.paths.project.display();
    let looks_like = looks_like(plan).map(|name| format!(" ({name} is not it: the name is in small letters)"));
    let looks_like = looks_like.unwrap_or_default();
    if flags.strict {
        bail!(
            "refused: --strict holds the migrations against access.toml, and there is none in {folder}{looks_like}; nothing was applied. \
             `basalt db test --update` writes one from what is seen, for you to read and correct"
        );
    }
    progress.note(&format!(
        "NOT CHECKED: there is no access.toml in {folder}{looks_like}, so nothing says who may do what, and whatever these migrations \
         open is applied. `basalt db test --update` writes one from what is seen; with --strict nothing is applied without it"
    ));
    Ok(())
}

/// A file that was meant to be it.
fn looks_like(plan: &Plan) -> Option<String> {
    let names = plan.paths.project.read_dir().ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.into_iter().find(|name| name.eq_ignore_ascii_case("access.toml"))
}
