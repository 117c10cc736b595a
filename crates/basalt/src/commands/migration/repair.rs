//! `basalt migration repair --status applied|reverted VERSION…`

use clap::ValueEnum;

use crate::commands::target::Where;
use crate::progress::Progress;

/// Mark versions as applied or reverted without running anything.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The versions.
    #[arg(value_name = "VERSION", required = true)]
    versions: Vec<String>,
    /// What they are.
    #[arg(long, value_enum)]
    status: Status,
    #[command(flatten)]
    target: Where,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Status {
    Applied,
    Reverted,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let progress = Progress::start();
    let plan = args.target.plan(&progress)?;
    let open = args.target.open(&plan, &progress).await?;
    let work = async {
        let files = migrate::migrations(&plan.paths.migrations())?.files;
        let client = open.admin.connect().await?;
        anyhow::Ok(
            migrate::repair(&client, &files, &args.versions, args.status == Status::Applied, &open.run_as).await?,
        )
    };
    let result = work.await;
    open.finish(result).await?;
    progress.done();
    let what = if args.status == Status::Applied { "applied" } else { "reverted" };
    println!("Marked as {what}: {}", args.versions.join(", "));
    Ok(())
}
