#![allow(clippy::all, dead_code)]
#[path = "/tmp/exec-serve-rest.rs"] mod rest_cmd;
use clap::Parser;
#[derive(Parser)] struct Cli { #[command(flatten)] args: rest_cmd::Args }
#[tokio::main] async fn main() -> anyhow::Result<()> { tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).with_writer(std::io::stderr).init(); rest_cmd::run(Cli::parse().args).await }
