//! What goes wrong around the traffic, and what the database says at the end.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;

use super::client::{Connection, request};
use super::tally::Tally;
use crate::database::Cluster;

/// Between two changes of the schema.
const PAUSE: Duration = Duration::from_secs(5);
/// A new table must be served so soon after the notification.
const SEEN_WITHIN: Duration = Duration::from_secs(10);
/// After a restart of PostgreSQL, requests must succeed again so soon.
const BACK_WITHIN: Duration = Duration::from_secs(30);

/// What was done.
#[derive(Debug, Default)]
pub struct Troubles {
    reloads: usize,
    changes: usize,
    slowest_seen: Duration,
    back_after: Option<Duration>,
}

impl fmt::Display for Troubles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "schema reloads without a change: {}, with one: {} (a new table was served after {:?} at most)",
            self.reloads, self.changes, self.slowest_seen
        )?;
        match self.back_after {
            Some(after) => write!(f, "PostgreSQL restarted; answers came again after {after:?}"),
            None => f.write_str("PostgreSQL was not restarted"),
        }
    }
}

/// Reloads, changes the schema, and restarts PostgreSQL once in the middle.
pub async fn make(
    cluster: Arc<Cluster>,
    address: SocketAddr,
    end: Instant,
    tally: Arc<Tally>,
) -> anyhow::Result<Troubles> {
    let mut done = Troubles::default();
    let middle = Instant::now() + end.saturating_duration_since(Instant::now()) / 2;
    let mut round = 0;
    // What begins must be over before the clients stop.
    while Instant::now() + PAUSE + SEEN_WITHIN < end {
        tokio::time::sleep(PAUSE).await;
        round += 1;
        if done.back_after.is_none() && Instant::now() >= middle {
            done.back_after = Some(restart(&cluster, address, &tally).await?);
        }
        match round % 3 {
            0 => {
                sql(&cluster, "notify pgrst, 'reload schema'".to_owned()).await?;
                done.reloads += 1;
            }
            1 => {
                let took = new_table(&cluster, address, round, &tally).await?;
                done.slowest_seen = done.slowest_seen.max(took);
                done.changes += 1;
            }
            _ => {
                // A column comes and goes under running reads of `*`.
                sql(&cluster, "alter table notes add column extra text default 'x'; notify pgrst".to_owned()).await?;
                tokio::time::sleep(PAUSE / 2).await;
                sql(&cluster, "alter table notes drop column extra; notify pgrst".to_owned()).await?;
                done.changes += 2;
            }
        }
    }
    Ok(done)
}

async fn sql(cluster: &Arc<Cluster>, text: String) -> anyhow::Result<String> {
    let cluster = cluster.clone();
    tokio::task::spawn_blocking(move || cluster.ask(&text)).await?
}

/// How long until a table that was just made is served.
async fn new_table(
    cluster: &Arc<Cluster>,
    address: SocketAddr,
    round: usize,
    tally: &Tally,
) -> anyhow::Result<Duration> {
    let made = format!("create table fresh_{round} (id int); grant select on fresh_{round} to anon; notify pgrst");
    sql(cluster, made).await?;
    let began = Instant::now();
    let took = until(began + SEEN_WITHIN, address, &format!("/fresh_{round}")).await;
    if took.is_none() {
        tally.wrong(format!("fresh_{round} is not served after {SEEN_WITHIN:?}"));
    }
    sql(cluster, format!("drop table fresh_{round}; notify pgrst")).await?;
    Ok(took.map_or(SEEN_WITHIN, |at| at - began))
}

async fn restart(cluster: &Arc<Cluster>, address: SocketAddr, tally: &Tally) -> anyhow::Result<Duration> {
    eprintln!("restarting PostgreSQL");
    tally.set_restarting(true);
    let restarted = cluster.clone();
    tokio::task::spawn_blocking(move || restarted.restart()).await??;
    let began = Instant::now();
    let back = until(began + BACK_WITHIN, address, "/rpc/echo?word=x").await;
    if back.is_none() {
        tally.wrong(format!("no answers {BACK_WITHIN:?} after the restart of PostgreSQL"));
    }
    // Requests that were under way may still be told.
    tokio::time::sleep(Duration::from_secs(2)).await;
    tally.set_restarting(false);
    Ok(back.map_or(BACK_WITHIN, |at| at - began))
}

/// When this path was first answered with 200.
async fn until(end: Instant, address: SocketAddr, path: &str) -> Option<Instant> {
    while Instant::now() < end {
        let asked = async {
            let mut connection = Connection::open(address).await?;
            connection.send(&request("GET", path, None, "", "")).await?;
            connection.reply().await
        };
        if tokio::time::timeout(Duration::from_secs(5), asked).await.is_ok_and(|r| r.is_ok_and(|r| r.status == 200)) {
            return Some(Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    None
}

/// Connections of the server that do something although nobody asks any more; they get five seconds.
pub async fn busy_connections(cluster: &Arc<Cluster>) -> anyhow::Result<usize> {
    let mut busy = 0;
    for _ in 0..50 {
        let count = "select count(*) from pg_stat_activity where usename = 'authenticator' and state <> 'idle'";
        busy = sql(cluster, count.to_owned()).await?.parse()?;
        if busy == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(busy)
}

/// All connections of the server.
pub fn connections(cluster: &Cluster) -> anyhow::Result<usize> {
    Ok(cluster.ask("select count(*) from pg_stat_activity where usename = 'authenticator'")?.parse()?)
}

/// Every note that a client was told of must be there in a version that it was told of, and none that was never sent whole.
pub fn lost_notes(cluster: &Cluster, own: &[BTreeMap<i64, (i64, i64)>]) -> anyhow::Result<Vec<String>> {
    let mut wrong = Vec::new();
    let found = cluster.ask("select coalesce(json_object_agg(id, version), '{}') from notes where id >= 1000000")?;
    let found: BTreeMap<i64, i64> = serde_json::from_str(&found)?;
    for (id, (least, greatest)) in own.iter().flatten() {
        match found.get(id) {
            Some(version) if (least..=greatest).contains(&version) => {}
            other => wrong.push(format!("note {id} is {other:?}, not {least} to {greatest}")),
        }
    }
    let cut = cluster.ask("select count(*) from notes where body = 'never whole'")?;
    ensure!(cut == "0", "{cut} notes were inserted from bodies that never came whole");
    Ok(wrong)
}
