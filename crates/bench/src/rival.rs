//! Another server of PostgREST's language on the same database, in turns with ours.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use crate::RestArgs;
use crate::database::Cluster;
use crate::load::{self, Make};
use crate::rest::{Case, SECRET, Server, free_port};

/// Connections on both sides.
const CONNECTIONS: usize = 32;
/// What is compared, and the project's goals against postrust 3.1.
const CASES: [(&str, f64); 3] =
    [("row by primary key", 9.0), ("100 rows of 10 columns", 7.0), ("course with 20 enrollments", 7.0)];

/// One case, a value per round.
pub struct Compared {
    pub name: &'static str,
    pub goal: f64,
    pub ratios: Vec<f64>,
    pub ours: Vec<f64>,
    pub theirs: Vec<f64>,
}

/// Measures all cases.
pub async fn measure(
    cluster: &Cluster,
    ours: &Server,
    cases: &[Case],
    command: &str,
    args: &RestArgs,
) -> anyhow::Result<Vec<Compared>> {
    let theirs = start(cluster, command, &args.rival_prefix).await?;
    let time = Duration::from_secs_f64(args.seconds);
    let mut all = Vec::new();
    for (name, goal) in CASES {
        let case = cases.iter().find(|case| case.name == name).context("a case by that name")?;
        let there = under(&args.rival_prefix, case.make.clone());
        let mut compared = Compared { name, goal, ratios: Vec::new(), ours: Vec::new(), theirs: Vec::new() };
        load::run(theirs.address, CONNECTIONS, time / 2, there.clone()).await?;
        for _ in 0..args.rounds {
            let here = load::run(ours.address, CONNECTIONS, time, case.make.clone()).await?.per_second;
            let other = load::run(theirs.address, CONNECTIONS, time, there.clone()).await?.per_second;
            compared.ratios.push(here / other);
            compared.ours.push(here);
            compared.theirs.push(other);
        }
        eprintln!("{name} ÷ the other server: {:.1}", crate::stats::median(&compared.ratios).value);
        all.push(compared);
    }
    Ok(all)
}

async fn start(cluster: &Cluster, command: &str, prefix: &str) -> anyhow::Result<Server> {
    let address: SocketAddr = ([127, 0, 0, 1], free_port()?).into();
    let uri = format!("postgres://authenticator@localhost/postgres?host={}", cluster.folder().display());
    let fill = |word: &str| {
        word.replace("{uri}", &uri).replace("{port}", &address.port().to_string()).replace("{secret}", SECRET)
    };
    let words: Vec<String> = command.split(' ').map(fill).collect();
    Server::launch(&words, address, &format!("{prefix}/courses?id=eq.1")).await
}

/// The same requests below a prefix.
fn under(prefix: &str, make: Make) -> Make {
    let start = format!("GET {prefix}/");
    Arc::new(move || {
        let request = make();
        let rest = request.strip_prefix(b"GET /").unwrap_or(&request);
        [start.as_bytes(), rest].concat()
    })
}
