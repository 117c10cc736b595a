//! The user's SQL on the way up: roles, migrations, and seeds of a fresh database.

use migrate::{OnEdited, Options, RunAs, Step};

use super::{Database, Plan, gate};
use crate::progress::Progress;

/// As whom the user's SQL runs.
pub fn run_as(database: &Database) -> RunAs {
    match database.rights {
        platform::Rights::Superuser => RunAs::postgres(&database.admin),
        platform::Rights::Managed => RunAs::Connection,
    }
}

/// Applies pending migrations; a database that has none applied yet is also given roles, vault secrets and seeds.
pub async fn apply(plan: &Plan, database: &Database, progress: &Progress) -> anyhow::Result<()> {
    if !plan.config.db.migrations.enabled {
        return Ok(());
    }
    let files = migrate::migrations(&plan.paths.migrations())?;
    for name in &files.skipped {
        progress.note(&format!("supabase/migrations/{name} is no migration: names are <version>_<name>.sql"));
    }
    let client = database.admin.connect().await?;
    let run_as = run_as(database);
    if database.rights == platform::Rights::Superuser {
        platform::expose_new_tables(&client, plan.config.api.exposes_new_tables()).await?;
    }
    let fresh = is_fresh(&client).await?;
    if fresh {
        migrate::roles(&client, &plan.paths.supabase, &run_as).await?;
    }
    let mut options = Options::development(run_as);
    if plan.production {
        options.on_edited = OnEdited::Refuse;
    }
    let ahead = migrate::plan(&client, &files.files).await?;
    gate::check(plan, plan.overrides.gate, plan.production, &ahead, progress).await?;
    let show = |step: Step<'_>| progress.step(&format!("Applying {} ({}/{})", step.file, step.number, step.of));
    let report = migrate::up(&client, &files.files, &options, &show).await?;
    for warning in &report.warnings {
        progress.note(warning);
    }
    if fresh {
        seed(plan, database, &client, progress).await?;
        client.execute("update _basalt.settings set value = 'done' where name = 'seed'", &[]).await?;
    }
    Ok(())
}

/// Is the database still to be given its first data? Remembered, so that a start that fails half-way is gone on with, and an
/// existing database that was adopted is left alone.
async fn is_fresh(client: &pg::tokio_postgres::Client) -> anyhow::Result<bool> {
    const LOOK: &str = "select value = 'pending' from _basalt.settings where name = 'seed'";
    const NOTE: &str = "insert into _basalt.settings (name, value) values ('seed', $1)";
    if let Some(row) = client.query_opt(LOOK, &[]).await? {
        return Ok(row.get(0));
    }
    let fresh = migrate::applied(client).await?.is_empty();
    client.execute(NOTE, &[&if fresh { "pending" } else { "adopted" }]).await?;
    Ok(fresh)
}

/// Vault secrets, buckets and seed files. In production only when asked: example users have example passwords.
pub async fn seed(
    plan: &Plan,
    database: &Database,
    client: &pg::tokio_postgres::Client,
    progress: &Progress,
) -> anyhow::Result<()> {
    migrate::vault_secrets(client, &plan.config.db.vault).await?;
    migrate::buckets(client, &plan.config.storage.buckets, &run_as(database)).await?;
    let wanted = plan.config.db.seed.enabled && (!plan.production || plan.overrides.seed);
    if !wanted {
        return Ok(());
    }
    let show = |step: Step<'_>| progress.step(&format!("Seeding from {}", step.file));
    let patterns = &plan.config.db.seed.sql_paths;
    let report = migrate::seed(client, &plan.paths.project, patterns, &run_as(database), &show).await?;
    for pattern in &report.no_match {
        progress.note(&format!("no seed file matches {pattern}"));
    }
    Ok(())
}
