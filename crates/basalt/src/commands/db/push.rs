//! `basalt db push`

use anyhow::bail;
use migrate::{Options, Step};

use crate::commands::target::{Open, Where};
use crate::progress::Progress;
use crate::project::{Plan, gate};

/// Apply pending migrations, and refuse whatever is not plain: edited files, missing files, files out of order.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Where,
    /// Only say what would be applied, or why it would be refused.
    #[arg(long)]
    dry_run: bool,
    /// Apply files that are older than the newest applied one.
    #[arg(long)]
    include_all: bool,
    /// Run supabase/roles.sql before.
    #[arg(long)]
    include_roles: bool,
    /// Load the seed files after.
    #[arg(long)]
    include_seed: bool,
    #[command(flatten)]
    gate: gate::Flags,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let progress = Progress::start();
    let plan = args.target.plan(&progress)?;
    if !plan.config.db.migrations.enabled {
        bail!("[db.migrations] enabled = false in {}: nothing is pushed", plan.config_file().display());
    }
    let open = args.target.open(&plan, &progress).await?;
    let result = push(&args, &plan, &open, &progress).await;
    let lines = open.finish(result).await?;
    progress.done();
    for line in lines {
        println!("{line}");
    }
    Ok(())
}

async fn push(args: &Args, plan: &Plan, open: &Open, progress: &Progress) -> anyhow::Result<Vec<String>> {
    let files = migrate::migrations(&plan.paths.migrations())?.files;
    let client = open.admin.connect().await?;
    let options = Options { include_all: args.include_all, ..Options::strict(open.run_as.clone()) };
    let elsewhere = args.target.db_url.is_some() || args.target.remote.is_some();
    let ahead = migrate::plan(&client, &files).await?;
    // Also for a dry run: what would be refused is not what would be applied. The gate, which takes long, comes last.
    ahead.allowed_by(&options)?;
    gate::check(plan, args.gate, plan.production || elsewhere, &ahead, progress).await?;
    if args.dry_run {
        let pending = ahead.pending.iter();
        let mut lines: Vec<String> = pending.map(|file| format!("Would apply {}", file.file_name())).collect();
        if lines.is_empty() {
            lines.push("The database is up to date.".to_owned());
        }
        return Ok(lines);
    }
    if args.include_roles {
        migrate::roles(&client, &plan.paths.supabase, &open.run_as).await?;
    }
    let show = |step: Step<'_>| progress.step(&format!("Applying {} ({}/{})", step.file, step.number, step.of));
    let report = migrate::up(&client, &files, &options, &show).await?;
    let mut lines: Vec<String> = report.done.iter().map(|file| format!("Applied {file}")).collect();
    if args.include_seed {
        let seeded =
            migrate::seed(&client, &plan.paths.project, &plan.config.db.seed.sql_paths, &open.run_as, &show).await?;
        lines.extend(seeded.loaded.iter().map(|file| format!("Seeded from {file}")));
    }
    if lines.is_empty() {
        lines.push("The database is up to date.".to_owned());
    }
    Ok(lines)
}
