//! `basalt db …`

mod diff;
mod dump;
mod explain_access;
mod lint;
mod push;
mod reset;
mod rollback;
mod seed;
mod test;

use std::process::ExitCode;

use clap::Subcommand;

pub use rollback::take_back;

/// Work on the project's database.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the database anew: migrations, then seeds.
    Reset(reset::Args),
    /// Apply pending migrations, and refuse whatever is not plain.
    Push(push::Args),
    /// Show what the database has and the migrations do not say, as SQL.
    Diff(diff::Args),
    /// Take the newest migrations back by their scripts in supabase/rollback.
    Rollback(rollback::Args),
    /// Print the schema, the data or the roles as SQL (pg_dump).
    Dump(dump::Args),
    /// Load seed files, vault secrets and buckets of config.toml; with --rows, make up rows.
    Seed(seed::Args),
    /// Say why a user may see or change a row, or what stops him.
    ExplainAccess(explain_access::Args),
    /// Prove who may do what: try it on a shadow database, and hold it against access.toml.
    Test(test::Args),
    /// Look for what is wrong in the schema: policies, grants, views, functions, indexes.
    Lint(lint::Args),
}

/// Runs one of them; the code is what the process exits with.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Reset(args) => reset::run(args).await?,
        Command::Push(args) => push::run(args).await?,
        Command::Diff(args) => diff::run(args).await?,
        Command::Rollback(args) => rollback::run(args).await?,
        Command::Dump(args) => dump::run(args).await?,
        Command::Seed(args) => seed::run(args).await?,
        Command::ExplainAccess(args) => return explain_access::run(args).await,
        Command::Test(args) => return test::run(args).await,
        Command::Lint(args) => return lint::run(args).await,
    }
    Ok(ExitCode::SUCCESS)
}
