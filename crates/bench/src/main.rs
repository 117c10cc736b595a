//! `cargo run --release -p bench -- rest`: measures, prints, and rewrites the matching part of BENCHMARKS.md.
//!
//! Every figure is a ratio of two sides that took turns on the same machine: the server over HTTP, and pgbench with the same SQL over
//! the server's protocol, which is what PostgreSQL can give.

mod access;
mod auth;
mod database;
mod growth;
mod load;
mod pgbench;
mod process;
mod report;
mod rest;
mod rival;
mod soak;
mod start;
mod stats;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Benchmarks of Basalt.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// REST against pgbench.
    Rest(RestArgs),
    /// What proving and filling a database costs.
    Access(access::Args),
    /// Sign-in, refresh and GET /user against pgbench and against the hash; row reads in a storm of sign-ins.
    Auth(auth::Args),
    /// How long a project takes to come up, and its idle memory.
    Start(start::Args),
    /// Minutes of checked traffic with clients that go away, schema changes and a restart of PostgreSQL.
    Soak(soak::Args),
}

/// What and how long to measure.
#[derive(Debug, Clone, clap::Args)]
struct RestArgs {
    /// Rounds; both sides of a case take turns in each.
    #[arg(long, default_value_t = 10)]
    rounds: usize,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Only cases whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Connections to measure with.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 32, 64])]
    connections: Vec<usize>,
    /// The server: `{conf}` stands for its configuration file. Default: the `basalt` beside this program.
    #[arg(long)]
    server: Option<String>,
    /// Another server of the same language, to compare with: `{uri}`, `{port}` and `{secret}` (of its tokens) are filled in.
    #[arg(long)]
    rival: Option<String>,
    /// Where that server has its tables, e.g. `/api`.
    #[arg(long, default_value = "")]
    rival_prefix: String,
    /// Also measure how cost grows with rows, tables and connections.
    #[arg(long)]
    growth: bool,
    /// Rewrite this file's part between the marks of the case.
    #[arg(long)]
    write: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Rest(args) => rest::run(args).await,
        Command::Access(args) => access::run(&args).await,
        Command::Auth(args) => auth::run(&args).await,
        Command::Start(args) => start::run(&args).await,
        Command::Soak(args) => soak::run(&args).await,
    }
}
