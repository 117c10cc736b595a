//! `basalt test …`, as the Supabase CLI has it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use pg::Target;

use crate::commands::target::Where;
use crate::progress::Progress;
use crate::project::pgtap;
use crate::project::shadow::Shadow;

/// Run the project's tests.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the pgTAP tests of supabase/tests on a shadow database: migrations and seeds, no data of users.
    Db(Db),
}

/// Run the pgTAP tests.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "With --db-url the tests run on that database; what a file does not commit itself is rolled back.\n\
    `basalt db test` runs them too, after the access matrix."
)]
struct Db {
    /// Files or folders, if not supabase/tests.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    target: Where,
}

/// Runs one of them.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Command::Db(args) = args.command;
    let progress = Progress::start();
    let plan = args.target.plan(&progress)?;
    let files = pgtap::files(&plan, &args.paths)?;
    if files.is_empty() {
        progress.done();
        println!("No tests in {}.", plan.paths.supabase.join("tests").display());
        return Ok(ExitCode::SUCCESS);
    }
    let suite = match &args.target.db_url {
        Some(url) => {
            let target = Target::parse(url).map_err(anyhow::Error::msg)?;
            pgtap::on_database(&plan, &target, &files, &progress).await?
        }
        None => {
            let mut shadow = Shadow::open(&plan, &progress).await?;
            let migrated = shadow.migrated().await;
            let done = match migrated {
                Ok(template) => pgtap::on_shadow(&plan, &mut shadow, &template, &files, &progress).await,
                Err(error) => Err(error),
            };
            shadow.finish(done).await?
        }
    };
    progress.done();
    print!("{}", suite.text);
    Ok(if suite.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
