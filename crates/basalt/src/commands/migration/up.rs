//! `basalt migration up`

use migrate::{Options, Step};

use crate::commands::target::Where;
use crate::progress::Progress;
use crate::project::gate;

/// Apply pending migrations.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Where,
    /// Apply files that are older than the newest applied one.
    #[arg(long)]
    include_all: bool,
    #[command(flatten)]
    gate: gate::Flags,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let progress = Progress::start();
    let plan = args.target.plan(&progress)?;
    let open = args.target.open(&plan, &progress).await?;
    let work = async {
        let files = migrate::migrations(&plan.paths.migrations())?.files;
        let client = open.admin.connect().await?;
        let options = if plan.production {
            Options::strict(open.run_as.clone())
        } else {
            Options::development(open.run_as.clone())
        };
        let options = Options { include_all: args.include_all, ..options };
        let outside = plan.production || args.target.db_url.is_some() || args.target.remote.is_some();
        let ahead = migrate::plan(&client, &files).await?;
        gate::check(&plan, args.gate, outside, &ahead, &progress).await?;
        let show = |step: Step<'_>| progress.step(&format!("Applying {} ({}/{})", step.file, step.number, step.of));
        anyhow::Ok(migrate::up(&client, &files, &options, &show).await?)
    };
    let result = work.await;
    let report = open.finish(result).await?;
    for warning in &report.warnings {
        progress.note(warning);
    }
    progress.done();
    for file in &report.done {
        println!("Applied {file}");
    }
    if report.done.is_empty() {
        println!("The database is up to date.");
    }
    Ok(())
}
