//! `bench soak`: mixed traffic for minutes, with clients that go away, schema changes under load, and a PostgreSQL that restarts in the
//! middle. Every answer is checked. At the end nothing may be wrong, lost or leaked, and memory must not have grown.

mod client;
mod tally;
mod traffic;
mod trouble;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use crypto::jwt::KeySet;
use tokio::process::{Child, Command};

use crate::database::Cluster;
use crate::process;
use client::{Connection, request};
use tally::Tally;
use traffic::Client;

const SECRET: &str = "a secret for the soak, more than 32 characters";
/// Connections that serve one request at a time; fewer than clients, so that some wait.
const POOL: usize = 10;
/// Seconds after which an idle connection to PostgreSQL is closed.
const MAX_IDLE: u64 = 10;
/// Memory may grow by a tenth and this much between the two looks at it.
const GROWTH_KIB: u64 = 4 * 1024;

/// How long and how wide.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Minutes of traffic.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Clients, a connection each.
    #[arg(long, default_value_t = 64)]
    connections: usize,
}

/// Runs it and prints what was seen.
///
/// # Errors
/// Something was wrong, lost or leaked.
pub async fn run(args: &Args) -> anyhow::Result<()> {
    eprintln!("starting PostgreSQL and the server");
    let cluster = Arc::new(Cluster::with(include_str!("soak/schema.sql"))?);
    let server = Server::start(&cluster).await?;
    let pid = server.child.id().context("the server runs")?;
    let tally = Arc::new(Tally::default());
    let keys = KeySet::from_postgrest(SECRET, false).map_err(|e| anyhow::anyhow!("{e}"))?;

    let time = Duration::from_secs_f64(args.minutes * 60.0);
    let end = Instant::now() + time;
    let clients = (0..args.connections)
        .map(|number| Ok(tokio::spawn(Client::new(number, server.address, &keys, tally.clone())?.live(end))))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let trouble = tokio::spawn(trouble::make(cluster.clone(), server.address, end, tally.clone()));
    tokio::time::sleep(time / 5).await;
    let early = process::pss_kib(pid);
    let mut own_notes = Vec::new();
    for client in clients {
        own_notes.push(client.await?.notes);
    }
    let troubles = trouble.await??;
    let late = process::pss_kib(pid);

    let mut faults = Vec::new();
    let busy = trouble::busy_connections(&cluster).await?;
    if busy > 0 {
        faults.push(format!("{busy} connections are still busy"));
    }
    let lost = trouble::lost_notes(&cluster, &own_notes)?;
    faults.extend(lost);
    tokio::time::sleep(Duration::from_secs(MAX_IDLE + 5)).await;
    let left = trouble::connections(&cluster)?;
    let most = 1 + std::thread::available_parallelism()?.get();
    if left > most {
        faults.push(format!("{left} connections are left of which {most} are expected: short reads and the listener"));
    }
    if late > early + early / 10 + GROWTH_KIB {
        faults.push("memory grew".to_owned());
    }
    if tally.wrong_count() > 0 {
        faults.push("answers were wrong".to_owned());
    }
    faults.extend(server.complaints()?);

    let notes: usize = own_notes.iter().map(std::collections::BTreeMap::len).sum();
    println!(
        "soak: {} minutes, {} connections, db-pool {POOL}\n{}{troubles}\nnotes kept and found again: {notes}\n\
         memory (PSS) after a fifth of the time: {:.1} MiB, at the end: {:.1} MiB\nconnections to PostgreSQL {} s later: {left}",
        args.minutes,
        args.connections,
        tally.text(),
        early as f64 / 1024.0,
        late as f64 / 1024.0,
        MAX_IDLE + 5,
    );
    ensure!(faults.is_empty(), "{}", faults.join("; "));
    println!("nothing wrong, nothing lost, nothing leaked");
    Ok(())
}

/// The server under test.
struct Server {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
}

impl Server {
    async fn start(cluster: &Cluster) -> anyhow::Result<Self> {
        let address: SocketAddr = ([127, 0, 0, 1], crate::start::free_port()?).into();
        let conf = cluster.folder().join("soak.conf");
        let text = format!(
            "db-uri = \"{}\"\ndb-anon-role = \"anon\"\njwt-secret = \"{SECRET}\"\nserver-host = \"127.0.0.1\"\n\
             server-port = {}\ndb-pool = {POOL}\ndb-pool-max-idletime = {MAX_IDLE}\n",
            cluster.words("authenticator"),
            address.port()
        );
        std::fs::write(&conf, text)?;
        let log = cluster.folder().join("server.log");
        let basalt = std::env::current_exe()?.with_file_name("basalt");
        ensure!(basalt.exists(), "build it first: cargo build --release -p basalt");
        let child = Command::new(basalt)
            .args(["serve", "rest", "--config"])
            .arg(&conf)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log)?)
            .kill_on_drop(true)
            .spawn()?;
        for _ in 0..100 {
            if answers(address).await.is_ok() {
                return Ok(Self { child, address, log });
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("the server does not answer: {}", read(&log)?)
    }

    /// Panics, and an end before ours.
    fn complaints(mut self) -> anyhow::Result<Vec<String>> {
        let mut found = Vec::new();
        if let Some(status) = self.child.try_wait()? {
            found.push(format!("the server ended: {status}"));
        }
        found.extend(read(&self.log)?.lines().filter(|l| l.contains("panicked")).map(str::to_owned));
        Ok(found)
    }
}

fn read(log: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(log).with_context(|| log.display().to_string())
}

async fn answers(address: SocketAddr) -> anyhow::Result<()> {
    let mut connection = Connection::open(address).await?;
    connection.send(&request("GET", "/rpc/echo?word=x", None, "", "")).await?;
    let reply = connection.reply().await?;
    ensure!(reply.status == 200, "{}", reply.status);
    Ok(())
}
