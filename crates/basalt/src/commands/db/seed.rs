//! `basalt db seed`

mod rows;

use migrate::Step;

use crate::commands::target::Where;
use crate::progress::Progress;

/// Load seed files, vault secrets and buckets of config.toml, files that were loaded before being left out; or make up rows.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  basalt db seed\n  basalt db seed --rows 5000\n  basalt db seed --rows 200 --table courses --seed 7"
)]
pub struct Args {
    #[command(flatten)]
    target: Where,
    #[command(flatten)]
    made_up: rows::Args,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    if let Some(count) = args.made_up.rows {
        return rows::run(&args.made_up, count, &args.target).await;
    }
    let progress = Progress::start();
    let plan = args.target.plan(&progress)?;
    let open = args.target.open(&plan, &progress).await?;
    let work = async {
        let client = open.admin.connect().await?;
        migrate::vault_secrets(&client, &plan.config.db.vault).await?;
        migrate::buckets(&client, &plan.config.storage.buckets, &open.run_as).await?;
        let show = |step: Step<'_>| progress.step(&format!("Seeding from {}", step.file));
        let patterns = &plan.config.db.seed.sql_paths;
        anyhow::Ok(migrate::seed(&client, &plan.paths.project, patterns, &open.run_as, &show).await?)
    };
    let result = work.await;
    let report = open.finish(result).await?;
    progress.done();
    for (files, what) in [
        (&report.loaded, "Seeded from"),
        (&report.unchanged, "Loaded before:"),
        (&report.changed, "Changed since it was loaded, not run again (use `basalt db reset`):"),
        (&report.no_match, "No file matches"),
    ] {
        for file in files {
            println!("{what} {file}");
        }
    }
    Ok(())
}
