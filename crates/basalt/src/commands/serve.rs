//! `basalt serve rest|auth`: each service alone, configured as the one that it stands in for.

mod auth;
mod rest;

pub(crate) use auth::variables;

use tokio::signal::unix::{SignalKind, signal};

/// Run one service alone, as a drop-in for PostgREST or GoTrue.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// The REST service, with PostgREST's configuration file and `PGRST_*` variables.
    Rest(rest::Args),
    /// The auth service, with GoTrue's `GOTRUE_*` variables.
    Auth(auth::Args),
}

/// Runs the named service until a signal.
pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Rest(args) => rest::run(args).await,
        Command::Auth(args) => auth::run(args).await,
    }
}

/// Resolves at SIGTERM or Ctrl-C.
async fn told_to_stop() -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
