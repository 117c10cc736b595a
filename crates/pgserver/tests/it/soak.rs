//! Kills under a write load. `BASALT_SOAK=20 cargo test -p pgserver soak` kills each of the three twenty times.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use crate::support::*;
use tokio_postgres::Config;

/// Inserts 1, 2, 3, … one by one, connecting again whenever the connection is lost. Returns those that were acknowledged.
async fn write(config: Config, enough: Arc<AtomicBool>, last: Arc<AtomicI64>) -> Vec<i64> {
    let mut acknowledged = Vec::new();
    let mut next = 1;
    while !enough.load(Ordering::Relaxed) {
        let Ok(client) = connect(&config).await else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        while !enough.load(Ordering::Relaxed) {
            let number = next;
            next += 1;
            if client.execute("insert into kept values ($1)", &[&number]).await.is_err() {
                break;
            }
            acknowledged.push(number);
            last.store(number, Ordering::Relaxed);
        }
    }
    acknowledged
}

async fn wait_for_writes(last: &AtomicI64) {
    let before = last.load(Ordering::Relaxed);
    eventually("writes are acknowledged again", || last.load(Ordering::Relaxed) > before + 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_kill_loses_an_acknowledged_row() {
    let rounds = std::env::var_os("BASALT_SOAK").map_or(1, |text| text.to_string_lossy().parse::<u32>().unwrap());
    let home = folder();
    let mut holder = Holder::start(home.path(), &[]);
    let port = holder.word("port");
    let config = holder.config();
    connect(&config).await.unwrap().batch_execute("create table kept (x int8)").await.unwrap();
    let (enough, last) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
    let writer = tokio::spawn(write(config.clone(), Arc::clone(&enough), Arc::clone(&last)));
    let pid_file = home.path().join("pgdata/postmaster.pid");
    for _ in 0..rounds {
        wait_for_writes(&last).await;
        let backend = "select pid::int8 from pg_stat_activity where query like 'insert%' limit 1";
        kill(number(&connect(&config).await.unwrap(), backend).await.try_into().unwrap());

        wait_for_writes(&last).await;
        kill(std::fs::read_to_string(&pid_file).unwrap().lines().next().unwrap().parse().unwrap());

        wait_for_writes(&last).await;
        holder.kill();
        holder = Holder::start(home.path(), &["--port", &port]);
    }
    wait_for_writes(&last).await;
    enough.store(true, Ordering::Relaxed);
    let acknowledged = writer.await.unwrap();
    let client = connect(&config).await.unwrap();
    let missing = client
        .query_one(
            "select count(*) from unnest($1::int8[]) x where not exists (select from kept where kept.x = x.x)",
            &[&acknowledged],
        )
        .await
        .unwrap();
    assert_eq!(missing.get::<_, i64>(0), 0, "of {} acknowledged rows", acknowledged.len());
    drop(client);
    holder.stop();
    assert!(!pid_file.exists());
}
