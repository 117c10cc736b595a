//! A file per command: its arguments and what it does.

pub mod auth;
pub mod db;
pub mod r#gen;
pub mod init;
pub mod keys;
pub mod migration;
pub mod new;
pub mod platform_schema;
pub mod serve;
pub mod start;
pub mod status;
pub mod stop;
pub mod target;
pub mod test;

use std::process::ExitCode;

use crate::cli::Command;

/// Runs a command; the code is what the process exits with.
pub async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Start(args) => start::run(args).await?,
        Command::Stop(args) => stop::run(args).await?,
        Command::Status(args) => status::run(args)?,
        Command::Init(args) => init::run(args)?,
        Command::New(args) => new::run(args)?,
        Command::Migration(args) => migration::run(args).await?,
        Command::Db(args) => return db::run(args).await,
        Command::Test(args) => return test::run(args).await,
        Command::Gen(args) => r#gen::run(args).await?,
        Command::Auth(args) => auth::run(args).await?,
        Command::Keys(args) => keys::run(args).await?,
        Command::Serve(command) => serve::run(command).await?,
    }
    Ok(ExitCode::SUCCESS)
}
