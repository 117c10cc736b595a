//! `basalt migration list`

use crate::commands::target::Where;
use crate::progress::Progress;

/// Show files and what is applied, side by side.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Where,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let progress = Progress::start();
    let plan = args.target.plan(&progress)?;
    let open = args.target.open(&plan, &progress).await?;
    let work = async {
        let files = migrate::migrations(&plan.paths.migrations())?.files;
        let client = open.admin.connect().await?;
        anyhow::Ok(migrate::list(&client, &files).await?)
    };
    let result = work.await;
    let entries = open.finish(result).await?;
    progress.done();
    let width = entries.iter().map(|entry| entry.version.len()).max().unwrap_or(0).max(8);
    println!("  {:width$} | {:width$} | Name", "Local", "Database");
    println!("  {:-<width$}-|-{:-<width$}-|-{:-<4}", "", "", "");
    for entry in entries {
        let side = |there: bool| if there { entry.version.as_str() } else { "" };
        let mark = if entry.edited { " (edited after it was applied)" } else { "" };
        println!("  {:width$} | {:width$} | {}{mark}", side(entry.local), side(entry.applied), entry.name);
    }
    Ok(())
}
