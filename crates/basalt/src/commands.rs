//! A file per command: its arguments and what it does.

pub mod serve;
pub mod start;
pub mod status;
pub mod stop;

use std::process::ExitCode;

use crate::cli::Command;

/// Runs a command; the code is what the process exits with.
pub async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Start(args) => start::run(args).await?,
        Command::Stop(args) => stop::run(args).await?,
        Command::Status(args) => status::run(args)?,
        Command::Serve(command) => serve::run(command).await?,
    }
    Ok(ExitCode::SUCCESS)
}
