//! Row reads beside more sign-ins than the machine can hash: `basalt start`, one process with all services.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::Args;
use super::report::{Goal, Line};
use super::server::{PASSWORD, post};
use super::talk::{self, Talk};
use crate::load::{self, Make};
use crate::rest::{free_port, random};
use crate::stats::median;

/// Connections that read rows.
const READERS: usize = 16;
/// Sign-ins at once for each hash thread: its queue (64), and as many again.
const GUESTS_PER_THREAD: usize = 128;
/// How long a client waits that was told to come again.
const PATIENCE: Duration = Duration::from_secs(1);

const CONFIG: &str =
    "project_id = \"storm\"\n[auth.rate_limit]\ntoken_refresh = 1000000000\nsign_in_sign_ups = 1000000000\n";
const MIGRATION: &str = "
    create table courses(id bigint primary key, owner_id uuid not null, title text not null, description text not null,
        price numeric(10,2) not null, published boolean not null, created_at timestamptz not null, metadata jsonb not null);
    insert into courses select n, md5('o' || n % 997)::uuid, 'Course number ' || n, repeat('What you will learn here. ', 5),
        (n % 500)::numeric / 3 + 1, n % 5 <> 0, timestamptz '2026-01-01' + n * interval '1 minute', '{\"level\": 1}'
        from generate_series(1, 50000) n;
    alter table courses enable row level security;
    create policy read on courses for select to authenticated using (published or owner_id = (select auth.uid()));";

/// One of many who want in at once.
struct Guest {
    email: String,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    admitted: AtomicU64,
    put_off: AtomicU64,
}

impl Talk for Guest {
    fn next(&mut self) -> Vec<u8> {
        post("/auth/v1/token?grant_type=password", &json!({ "email": self.email, "password": PASSWORD }))
    }

    fn heard(&mut self, status: u16, body: &[u8]) -> anyhow::Result<Duration> {
        match status {
            200 => {
                self.counts.admitted.fetch_add(1, Ordering::Relaxed);
                Ok(Duration::ZERO)
            }
            429 => {
                self.counts.put_off.fetch_add(1, Ordering::Relaxed);
                Ok(PATIENCE)
            }
            _ => bail!("a sign-in was answered {status}: {}", String::from_utf8_lossy(body)),
        }
    }
}

/// Measures reads alone and in the storm, in turns.
pub async fn measure(args: &Args) -> anyhow::Result<Line> {
    let folder = tempfile::tempdir()?;
    let (_project, address) = start(folder.path()).await?;
    let mut users = Vec::new();
    for n in 0..8 {
        users.push(sign_up(address, &format!("guest{n}@example.org")).await?);
    }
    let reads = rows(&users[0]);
    let time = Duration::from_secs_f64(args.seconds.max(2.0));
    let threads = (std::thread::available_parallelism()?.get() / 2).max(1);
    let counts = Arc::new(Counts::default());
    load::run(address, READERS, time / 2, reads.clone()).await?;
    let (mut ratios, mut alone_p99, mut beside_p99, mut alone_rps, mut beside_rps) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        let alone = load::run(address, READERS, time, reads.clone()).await?;
        let guests = (0..threads * GUESTS_PER_THREAD).map(|n| {
            Box::new(Guest { email: format!("guest{}@example.org", n % 8), counts: counts.clone() }) as Box<dyn Talk>
        });
        let storm = tokio::spawn(talk::run(address, time + Duration::from_secs(1), guests.collect()));
        // The queue is full before the first row is read.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let beside = load::run(address, READERS, time, reads.clone()).await?;
        storm.await??;
        ratios.push(beside.ms(0.99) / alone.ms(0.99));
        alone_p99.push(alone.ms(0.99));
        beside_p99.push(beside.ms(0.99));
        alone_rps.push(alone.per_second);
        beside_rps.push(beside.per_second);
    }
    let (admitted, put_off) = (counts.admitted.load(Ordering::Relaxed), counts.put_off.load(Ordering::Relaxed));
    ensure!(admitted > 0 && put_off > 0, "that was no storm: {admitted} signed in, {put_off} were put off");
    let m = |values: &[f64]| median(values).value;
    let made_of = format!(
        "p99 {:.1} → {:.1} ms, {:.0} → {:.0} reads/s; {} guests, {threads} hash thread(s), {admitted} signed in, {put_off} × 429",
        m(&alone_p99),
        m(&beside_p99),
        m(&alone_rps),
        m(&beside_rps),
        threads * GUESTS_PER_THREAD,
    );
    Ok(Line {
        what: "p99 of row reads in a storm of sign-ins ÷ alone".to_owned(),
        goal: Goal::AtMost(3.0),
        ratios,
        made_of,
    })
}

/// A project that is stopped, with its PostgreSQL, when it is dropped.
struct Project(Child);

impl Drop for Project {
    fn drop(&mut self) {
        let Some(pid) = self.0.id() else { return };
        let _ = std::process::Command::new("kill").arg(pid.to_string()).status();
        for _ in 0..200 {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

async fn start(folder: &Path) -> anyhow::Result<(Project, SocketAddr)> {
    let migrations = folder.join("supabase/migrations");
    std::fs::create_dir_all(&migrations)?;
    std::fs::write(folder.join("supabase/config.toml"), CONFIG)?;
    std::fs::write(migrations.join("20260101000000_courses.sql"), MIGRATION)?;
    let address: SocketAddr = ([127, 0, 0, 1], free_port()?).into();
    let child = Command::new(std::env::current_exe()?.with_file_name("basalt"))
        .args(["start", ".", "--port", &address.port().to_string(), "--db-port", &free_port()?.to_string()])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start basalt; build it first")?;
    let mut project = Project(child);
    for _ in 0..1_200 {
        if load::run(address, 1, Duration::from_millis(20), plain("/health")).await.is_ok() {
            return Ok((project, address));
        }
        if let Some(status) = project.0.try_wait()? {
            bail!("basalt start ended with {status}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("basalt start is not ready")
}

fn plain(path: &'static str) -> Make {
    Arc::new(move || format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n").into_bytes())
}

fn rows(token: &str) -> Make {
    let head = format!(" HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n");
    Arc::new(move || format!("GET /rest/v1/courses?id=eq.{}{head}", random(50_000)).into_bytes())
}

/// Says one thing, and keeps the answer.
struct Once {
    request: Vec<u8>,
    answer: Arc<std::sync::Mutex<Value>>,
}

impl Talk for Once {
    fn next(&mut self) -> Vec<u8> {
        self.request.clone()
    }

    fn heard(&mut self, status: u16, body: &[u8]) -> anyhow::Result<Duration> {
        let answer: Value = serde_json::from_slice(body)?;
        ensure!(status == 200, "{answer}");
        if let Ok(mut kept) = self.answer.lock() {
            *kept = answer;
        }
        // Longer than the talk: nothing is said twice.
        Ok(Duration::from_secs(3_600))
    }
}

/// An access token.
async fn sign_up(address: SocketAddr, email: &str) -> anyhow::Result<String> {
    let answer = Arc::new(std::sync::Mutex::new(Value::Null));
    let request = post("/auth/v1/signup", &json!({ "email": email, "password": PASSWORD }));
    let once = Once { request, answer: answer.clone() };
    talk::run(address, Duration::from_millis(300), vec![Box::new(once)]).await?;
    let answer = answer.lock().map(|kept| kept.clone()).unwrap_or_default();
    answer["access_token"].as_str().map(str::to_owned).with_context(|| format!("no session: {answer}"))
}
