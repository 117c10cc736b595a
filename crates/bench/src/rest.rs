//! REST: the cases, and how both sides of each take turns.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use crypto::jwt::KeySet;
use rand::RngExt;
use tokio::process::{Child, Command};

use crate::RestArgs;
use crate::database::{Cluster, USER};
use crate::load::{self, Make, Seen};
use crate::pgbench;
use crate::report::{CaseResult, Mixed, Report};
use crate::stats::median;
use crate::{growth, process, rival};

/// What tokens are signed with.
pub const SECRET: &str = "a secret for the benchmark, 32 characters long";
/// The ten columns of a course, as `select *` returns them.
pub const COLUMNS: &str =
    "id, public_id, owner_id, category_id, title, description, price, published, created_at, metadata";

/// One thing to measure, on both sides.
pub struct Case {
    pub name: &'static str,
    /// What of the table of goals it answers to: ratios at these connections.
    pub goals: &'static [(usize, f64)],
    pub make: Make,
    pub script: String,
}

/// A server that runs as its own process.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

/// Measures all cases and prints the report.
pub async fn run(args: RestArgs) -> anyhow::Result<()> {
    eprintln!("starting PostgreSQL and filling it");
    let cluster = Cluster::start()?;
    let server = Server::start(&cluster, args.server.as_deref()).await?;
    let mut report = Report::new(&cluster, &args);
    report.idle_memory_kib = server.pid().map_or(0, process::pss_kib);
    report.idle_database_kib = process::pss_kib_of_family(cluster.postmaster()?);
    for case in cases().into_iter().filter(|c| c.name.contains(&args.only)) {
        for connections in &args.connections {
            let result = measure(&cluster, &server, &case, *connections, &args).await?;
            eprintln!("{}", result.line());
            report.cases.push(result);
        }
    }
    if "bulk insert".contains(&args.only) {
        report.bulk = Some(bulk(&cluster, &server, args.rounds).await?);
    }
    if "mixed".contains(&args.only) {
        report.mixed = Some(mixed(&server, &args).await?);
    }
    if let Some(command) = &args.rival {
        report.rival = rival::measure(&cluster, &server, &cases(), command, &args).await?;
    }
    if args.growth {
        report.growth = growth::measure(&cluster, &server, &args).await?;
    }
    report.loaded_memory_kib = server.pid().map_or(0, process::pss_kib);
    println!("{}", report.text());
    if let Some(file) = &args.write {
        report.write(file)?;
    }
    Ok(())
}

/// Both sides in turns.
async fn measure(
    cluster: &Cluster,
    server: &Server,
    case: &Case,
    connections: usize,
    args: &RestArgs,
) -> anyhow::Result<CaseResult> {
    let time = Duration::from_secs_f64(args.seconds);
    let postmaster = cluster.postmaster()?;
    // The limit may use as many connections as we have, or fewer.
    let tried: Vec<usize> = [4, connections].into_iter().filter(|c| *c <= connections).collect();
    let mut result = CaseResult::new(case.name, connections, case.goals);
    load::run(server.address, connections, time / 4, case.make.clone()).await?;
    for _ in 0..args.rounds {
        let reached = pgbench::best_of(cluster, &case.script, &tried, time).await?;
        let pid = server.pid().context("the server ended")?;
        let before = (process::cpu(pid), process::cpu_of_family(postmaster));
        let seen: Seen = load::run(server.address, connections, time, case.make.clone()).await?;
        let after = (process::cpu(pid), process::cpu_of_family(postmaster));
        let per_request = |cpu: Duration| cpu.as_secs_f64() * 1e6 / seen.latencies_us.len().max(1) as f64;
        result.ratios.push(seen.per_second / reached);
        result.limit.push(reached);
        result.per_second.push(seen.per_second);
        result.p50_ms.push(seen.ms(0.5));
        result.p99_ms.push(seen.ms(0.99));
        result.server_us.push(per_request(after.0.saturating_sub(before.0)));
        result.database_us.push(per_request(process::used(&before.1, &after.1)));
    }
    Ok(result)
}

/// The cases of the table of goals.
fn cases() -> Vec<Case> {
    let random_id = "\\set id random(1, 50000)";
    let case = |name, goals, make: Make, script| Case { name, goals, make, script };
    vec![
        case(
            "row by primary key",
            &[(1, 0.5), (8, 0.85), (32, 0.95)],
            get(|| format!("/courses?id=eq.{}", random(50_000))),
            pgbench::script(random_id, &format!("select {COLUMNS} from courses where id = :id;")),
        ),
        case(
            "100 rows of 10 columns",
            &[(8, 0.85), (32, 0.85)],
            get(|| format!("/courses?id=gt.{}&order=id&limit=100", random(49_000))),
            pgbench::script(
                "\\set id random(1, 49000)",
                &format!("select {COLUMNS} from courses where id > :id order by id limit 100;"),
            ),
        ),
        case(
            "filter, order, count=exact",
            &[],
            get_with(&["Prefer: count=exact"], || {
                format!("/courses?category_id=eq.{}&price=lt.100&order=created_at.desc&limit=20", random(50) - 1)
            }),
            pgbench::script(
                "\\set c random(0, 49)",
                &format!(
                    "select {COLUMNS} from courses where category_id = :c and price < 100 order by created_at desc limit 20;\n\
                     select count(*) from courses where category_id = :c and price < 100;"
                ),
            ),
        ),
        case(
            "course with 20 enrollments",
            &[(8, 1.0), (32, 1.0)],
            get(|| format!("/courses?id=eq.{}&select=*,enrollments(*)", random(2_000))),
            pgbench::script(
                "\\set id random(1, 2000)",
                &format!(
                    "select {COLUMNS}, (select coalesce(json_agg(e), '[]') from enrollments e where e.course_id = courses.id) \
                     from courses where id = :id;"
                ),
            ),
        ),
        case(
            "insert one",
            &[(32, 0.95)],
            post("/notes", || format!(r#"{{"user_id":"{USER}","course_id":{},"body":"a note"}}"#, random(50_000))),
            pgbench::script(
                random_id,
                &format!("insert into notes(user_id, course_id, body) values ('{USER}', :id, 'a note');"),
            ),
        ),
        case(
            "rpc",
            &[],
            post("/rpc/add_them", || format!(r#"{{"a":{},"b":2}}"#, random(1000))),
            pgbench::script("\\set a random(1, 1000)", "select add_them(:a::int, 2);"),
        ),
    ]
}

/// A number from 1 to `most`.
pub fn random(most: u32) -> u32 {
    rand::rng().random_range(1..=most)
}

fn token() -> String {
    let signed = KeySet::from_secret(SECRET.as_bytes()).sign_json(&pgbench::claims());
    signed.unwrap_or_default()
}

/// GET requests with the caller's token.
pub fn get(path: impl Fn() -> String + Send + Sync + 'static) -> Make {
    get_with(&[], path)
}

fn get_with(headers: &[&str], path: impl Fn() -> String + Send + Sync + 'static) -> Make {
    let further: String = headers.iter().map(|h| format!("{h}\r\n")).collect();
    let head = format!(" HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {}\r\n{further}\r\n", token());
    Arc::new(move || format!("GET {}{head}", path()).into_bytes())
}

fn post(path: &'static str, body: impl Fn() -> String + Send + Sync + 'static) -> Make {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: ",
        token()
    );
    Arc::new(move || {
        let body = body();
        format!("{head}{}\r\n\r\n{body}", body.len()).into_bytes()
    })
}

/// 1,000 rows in one request against COPY of the same rows (as superuser, since COPY refuses row-level security): ratios of time.
async fn bulk(cluster: &Cluster, server: &Server, rounds: usize) -> anyhow::Result<Vec<f64>> {
    let row = |n: usize| {
        format!(
            r#"{{"user_id":"{USER}","course_id":{n},"body":"a note of some length, number {n}, as people write them"}}"#
        )
    };
    let body = format!("[{}]", (1..=1000).map(row).collect::<Vec<_>>().join(","));
    let make = post("/notes", move || body.clone());
    let copy: String =
        (1..=1000).map(|n| format!("{USER}\t{n}\ta note of some length, number {n}, as people write them\n")).collect();
    let (client, connection) = cluster.target("postgres")?.to_config().connect(pg::tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    let mut ratios = Vec::new();
    for _ in 0..rounds.max(5) {
        let started = Instant::now();
        for _ in 0..5 {
            let sink = client.copy_in("copy notes(user_id, course_id, body) from stdin").await?;
            let mut sink = std::pin::pin!(sink);
            futures_util::SinkExt::send(&mut sink, bytes::Bytes::from(copy.clone())).await?;
            sink.finish().await?;
        }
        let copied = started.elapsed().as_secs_f64() / 5.0;
        let seen = load::run(server.address, 1, Duration::from_millis(500), make.clone()).await?;
        ratios.push(1.0 / seen.per_second / copied);
    }
    eprintln!("insert 1,000 rows / COPY: {:.2}", median(&ratios).value);
    Ok(ratios)
}

/// Row reads at 16 connections, alone and beside two clients that fetch 1,000 rows.
async fn mixed(server: &Server, args: &RestArgs) -> anyhow::Result<Mixed> {
    let time = Duration::from_secs_f64(args.seconds.max(2.0));
    let short = get(|| format!("/courses?id=eq.{}", random(50_000)));
    let long = get(|| format!("/courses?id=gt.{}&order=id&limit=1000", random(45_000)));
    let mut mixed = Mixed::default();
    // Learns which is which.
    load::run(server.address, 2, time / 4, long.clone()).await?;
    for _ in 0..args.rounds {
        let alone = load::run(server.address, 16, time, short.clone()).await?;
        let (beside, lists) = tokio::join!(
            load::run(server.address, 16, time, short.clone()),
            load::run(server.address, 2, time, long.clone())
        );
        let (beside, lists) = (beside?, lists?);
        mixed.alone_p99_ms.push(alone.ms(0.99));
        mixed.beside_p99_ms.push(beside.ms(0.99));
        mixed.ratios.push(beside.ms(0.99) / alone.ms(0.99));
        mixed.alone_per_second.push(alone.per_second);
        mixed.beside_per_second.push(beside.per_second);
        mixed.lists_per_second.push(lists.per_second);
    }
    eprintln!("p99 beside lists / alone: {:.2}", median(&mixed.ratios).value);
    Ok(mixed)
}

impl Server {
    /// Starts the server on the cluster and waits until it answers.
    pub async fn start(cluster: &Cluster, command: Option<&str>) -> anyhow::Result<Self> {
        Self::start_with(cluster, command, "anon").await
    }

    /// The same, where who shows no token has this role.
    pub async fn start_with(cluster: &Cluster, command: Option<&str>, anonymous: &str) -> anyhow::Result<Self> {
        let address: SocketAddr = ([127, 0, 0, 1], free_port()?).into();
        let conf = cluster.folder().join("rest.conf");
        let text = format!(
            "db-uri = \"{}\"\ndb-schemas = \"public\"\ndb-anon-role = \"{anonymous}\"\njwt-secret = \"{SECRET}\"\n\
             server-host = \"127.0.0.1\"\nserver-port = {}\n\
             # As many connections for writes as the other side has.\ndb-pool = 32\n",
            cluster.words("authenticator"),
            address.port()
        );
        std::fs::write(&conf, text)?;
        let own = std::env::current_exe()?.with_file_name("basalt").display().to_string();
        let command = command.map_or_else(|| format!("{own} serve rest --config {{conf}}"), str::to_owned);
        let words: Vec<String> = command.split(' ').map(|w| w.replace("{conf}", &conf.display().to_string())).collect();
        Self::launch(&words, address, "/courses?id=eq.1").await
    }

    /// Starts a command and waits until it answers a request with success.
    pub async fn launch(words: &[String], address: SocketAddr, path: &str) -> anyhow::Result<Self> {
        let (program, arguments) = words.split_first().context("a command")?;
        let child = Command::new(program).args(arguments).stdin(Stdio::null()).kill_on_drop(true).spawn();
        let server = Self { child: child.with_context(|| format!("cannot start {program}"))?, address };
        for _ in 0..100 {
            let path = path.to_owned();
            let probe = load::run(address, 1, Duration::from_millis(20), get(move || path.clone())).await;
            if probe.is_ok_and(|seen| !seen.latencies_us.is_empty()) {
                return Ok(server);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        ensure!(false, "the server does not answer: {program}");
        Ok(server)
    }

    /// Its process.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }
}

/// A port that is free now.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
