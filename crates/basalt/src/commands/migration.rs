//! `basalt migration …`

mod down;
mod list;
pub mod new;
mod repair;
mod up;

use clap::Subcommand;

/// Work on the project's migrations.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make an empty migration, or one with what is piped in.
    New(new::Args),
    /// Show files and what is applied, side by side.
    List(list::Args),
    /// Apply pending migrations.
    Up(up::Args),
    /// Take the newest migrations back by their scripts in supabase/rollback.
    Down(down::Args),
    /// Mark versions as applied or reverted without running anything.
    Repair(repair::Args),
}

/// Runs one of them.
pub async fn run(args: Args) -> anyhow::Result<()> {
    match args.command {
        Command::New(args) => new::run(args),
        Command::List(args) => list::run(args).await,
        Command::Up(args) => up::run(args).await,
        Command::Down(args) => down::run(args).await,
        Command::Repair(args) => repair::run(args).await,
    }
}
