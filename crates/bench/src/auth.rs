//! `bench auth`: what sign-in, refresh, GET /user and the check of a token cost, and what a storm of sign-ins does to others.

mod hot;
mod report;
mod server;
mod storm;
mod talk;
mod token;

use std::path::PathBuf;

use crate::database::Cluster;

/// What and how long to measure.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Rounds; both sides of a case take turns in each.
    #[arg(long, default_value_t = 10)]
    rounds: usize,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Only cases whose name contains this: token, refresh, user, sign-in, storm.
    #[arg(long, default_value = "")]
    only: String,
    /// Rewrite this file's part between the marks.
    #[arg(long)]
    write: Option<PathBuf>,
}

/// Measures, prints, and writes.
pub async fn run(args: &Args) -> anyhow::Result<()> {
    let wanted = |name: &str| name.contains(&args.only);
    let mut report = report::Report::new(args);
    if wanted("token") || wanted("refresh") || wanted("user") || wanted("sign-in") {
        eprintln!("starting PostgreSQL and filling it");
        let cluster = Cluster::start()?;
        if wanted("token") {
            report.add(token::measure(&cluster, args).await?);
        }
        let auth = server::AuthServer::start(&cluster).await?;
        if wanted("refresh") {
            report.add(hot::refresh(&cluster, &auth, args).await?);
        }
        if wanted("user") {
            report.add(hot::user(&cluster, &auth, args).await?);
        }
        if wanted("sign-in") {
            report.add(hot::sign_in(&auth, args).await?);
        }
    }
    if wanted("storm") {
        report.add(storm::measure(args).await?);
    }
    println!("{}", report.text());
    match &args.write {
        Some(file) => report.write(file),
        None => Ok(()),
    }
}
