//! `basalt db rollback [N]`, also `basalt migration down [--last N]`

use migrate::Step;

use crate::commands::target::Where;
use crate::progress::Progress;

/// Take the newest migrations back by their scripts in supabase/rollback.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many.
    #[arg(value_name = "N", default_value_t = 1)]
    count: usize,
    #[command(flatten)]
    target: Where,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    take_back(&args.target, args.count).await
}

/// Takes the newest `count` migrations back.
pub async fn take_back(target: &Where, count: usize) -> anyhow::Result<()> {
    let progress = Progress::start();
    let plan = target.plan(&progress)?;
    let open = target.open(&plan, &progress).await?;
    let work = async {
        let files = migrate::migrations(&plan.paths.migrations())?.files;
        let client = open.admin.connect().await?;
        let show = |step: Step<'_>| progress.step(&format!("Taking back {} ({}/{})", step.file, step.number, step.of));
        anyhow::Ok(migrate::down(&client, &files, &plan.paths.rollback(), count, &open.run_as, &show).await?)
    };
    let result = work.await;
    let report = open.finish(result).await?;
    progress.done();
    for file in report.done {
        println!("Took back {file}");
    }
    Ok(())
}
