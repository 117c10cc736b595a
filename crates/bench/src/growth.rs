//! How cost grows with rows, tables and connections.

use std::time::Duration;

use crate::RestArgs;
use crate::database::Cluster;
use crate::load;
use crate::pgbench;
use crate::rest::{COLUMNS, Server, get, random};
use crate::stats::median;

/// A line of the report: what grew, to what, and what was measured.
pub struct Growth {
    pub what: &'static str,
    pub size: usize,
    pub value: f64,
    pub unit: &'static str,
}

/// Measures all three.
pub async fn measure(cluster: &Cluster, server: &Server, args: &RestArgs) -> anyhow::Result<Vec<Growth>> {
    let time = Duration::from_secs_f64(args.seconds);
    let mut all = Vec::new();
    for rows in [1, 10, 100, 1_000, 10_000] {
        let make = get(move || format!("/courses?id=gt.{}&order=id&limit={rows}", random(35_000)));
        let sql = format!("select {COLUMNS} from courses where id > :id order by id limit {rows};");
        let script = pgbench::script("\\set id random(1, 35000)", &sql);
        let mut ratios = Vec::new();
        for _ in 0..args.rounds.min(5) {
            let limit = pgbench::best_of(cluster, &script, &[8], time).await?;
            let seen = load::run(server.address, 8, time, make.clone()).await?;
            ratios.push(seen.per_second / limit);
        }
        all.push(Growth {
            what: "rows in an answer, 8 connections",
            size: rows,
            value: median(&ratios).value,
            unit: "of pgbench",
        });
    }
    for connections in [1, 10, 100, 1_000] {
        let make = get(|| format!("/courses?id=eq.{}", random(50_000)));
        let mut rates = Vec::new();
        for _ in 0..args.rounds.min(5) {
            rates.push(load::run(server.address, connections, time, make.clone()).await?.per_second);
        }
        all.push(Growth {
            what: "connections, row by key",
            size: connections,
            value: median(&rates).value,
            unit: "requests/s",
        });
    }
    for tables in [10, 100, 1_000] {
        let sql = format!(
            "do $$ begin for n in 1..{tables} loop execute format('create table if not exists extra_%s(id bigint primary key, parent bigint \
             references courses, body text)', n); end loop; end $$; notify pgrst, 'reload schema'"
        );
        cluster.psql(&sql)?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let make = get(|| format!("/courses?id=eq.{}", random(50_000)));
        let mut rates = Vec::new();
        for _ in 0..args.rounds.min(5) {
            rates.push(load::run(server.address, 8, time, make.clone()).await?.per_second);
        }
        all.push(Growth {
            what: "tables, row by key, 8 connections",
            size: tables,
            value: median(&rates).value,
            unit: "requests/s",
        });
    }
    Ok(all)
}
