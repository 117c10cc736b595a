//! `basalt gen …`

mod types;

use clap::Subcommand;

/// Write code from the database.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Types of tables, views and functions.
    Types(types::Args),
}

/// Runs one of them.
pub async fn run(args: Args) -> anyhow::Result<()> {
    match args.command {
        Command::Types(args) => types::run(args).await,
    }
}
