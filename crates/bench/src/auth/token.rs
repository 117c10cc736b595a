//! What the check of a token costs in a hot REST request.
//!
//! The same row is read with a token, whose check is a hit of the cache, and without any, as an anonymous caller who has the same role.
//! The difference of what a request costs the server in CPU is the check, the reading of the longer head and the writing of the longer
//! claims: more than the check alone. It is set against all CPU that the request with the token takes, PostgreSQL's included.

use std::time::Duration;

use anyhow::Context;

use super::Args;
use super::report::{Goal, Line};
use crate::database::Cluster;
use crate::load::{self, Make};
use crate::process;
use crate::rest::{Server, get, random};
use crate::stats::median;

const CONNECTIONS: usize = 8;

/// CPU of one request, in microseconds.
struct Cost {
    server: f64,
    database: f64,
}

/// Measures both kinds in turns.
pub async fn measure(cluster: &Cluster, args: &Args) -> anyhow::Result<Line> {
    let server = Server::start_with(cluster, None, "authenticated").await?;
    let time = Duration::from_secs_f64(args.seconds);
    // Every fifth course and one: published, so that both callers see it.
    let path = || format!("/courses?id=eq.{}", 5 * random(9_999) + 1);
    let (with, without) = (get(path), anonymous(path));
    let (mut shares, mut checks, mut servers, mut databases) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for make in [&with, &without] {
        load::run(server.address, CONNECTIONS, time / 2, make.clone()).await?;
    }
    for _ in 0..args.rounds {
        let token = cost(cluster, &server, &with, time).await?;
        let none = cost(cluster, &server, &without, time).await?;
        let check = token.server - none.server;
        shares.push(check / (token.server + token.database));
        checks.push(check);
        servers.push(token.server);
        databases.push(token.database);
    }
    let m = |values: &[f64]| median(values).value;
    let made_of = format!(
        "{:.1} µs more CPU than without a token, of {:.0} µs in the server and {:.0} µs in PostgreSQL",
        m(&checks),
        m(&servers),
        m(&databases)
    );
    let what = "token check ÷ all CPU of a row read".to_owned();
    Ok(Line { what, goal: Goal::AtMost(0.05), ratios: shares, made_of })
}

fn anonymous(path: impl Fn() -> String + Send + Sync + 'static) -> Make {
    std::sync::Arc::new(move || format!("GET {} HTTP/1.1\r\nHost: bench\r\n\r\n", path()).into_bytes())
}

async fn cost(cluster: &Cluster, server: &Server, make: &Make, time: Duration) -> anyhow::Result<Cost> {
    let (pid, postmaster) = (server.pid().context("the server ended")?, cluster.postmaster()?);
    let before = (process::cpu(pid), process::cpu_of_family(postmaster));
    let seen = load::run(server.address, CONNECTIONS, time, make.clone()).await?;
    let after = (process::cpu(pid), process::cpu_of_family(postmaster));
    let per_request = |cpu: Duration| cpu.as_secs_f64() * 1e6 / seen.latencies_us.len().max(1) as f64;
    Ok(Cost {
        server: per_request(after.0.saturating_sub(before.0)),
        database: per_request(process::used(&before.1, &after.1)),
    })
}
