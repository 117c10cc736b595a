//! `kill -9` of Basalt, of the postmaster and of a backend, under a write load: what was acknowledged is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::world::{Folder, PATIENCE, World, http, http_get};

/// Kills of each kind; `BASALT_CRASH_ROUNDS=20` for the long version.
const ROUNDS: usize = 5;

const TABLE: (&str, &str) = (
    "20260101000000_notes.sql",
    "create table public.notes (id bigint primary key, body text not null);
     alter table public.notes enable row level security;
     create policy notes_all on public.notes for all to anon using (true) with check (true);",
);

#[test]
fn acknowledged_rows_survive_every_kill() {
    let mut world = World::start_in(Folder::with_migrations(&[TABLE]), &[]);
    let anon = world.status()["ANON_KEY"].clone();
    let mut acknowledged: Vec<u64> = Vec::new();
    let mut next = 1;
    let asked = std::env::var_os("BASALT_CRASH_ROUNDS").and_then(|rounds| rounds.to_str()?.parse().ok());
    let rounds = asked.unwrap_or(ROUNDS);
    for round in 0..rounds {
        for victim in [Victim::Backend, Victim::Postmaster, Victim::Basalt] {
            let writer = Writer::start(world.port, anon.clone(), next);
            writer.wait_for(2 + round % 5);
            match victim {
                Victim::Backend => kill(backend_of(&world)),
                Victim::Postmaster => kill(postmaster_of(&world)),
                Victim::Basalt => world.kill(),
            }
            let (written, after) = writer.stop();
            acknowledged.extend(written);
            next = after;
            if matches!(victim, Victim::Basalt) {
                world.restart();
            }
            wait_until_answered(&world, &anon);
        }
    }
    let there: std::collections::HashSet<u64> = world
        .sql("select id from public.notes")
        .unwrap()
        .iter()
        .map(|row| row[0].as_ref().unwrap().parse().unwrap())
        .collect();
    let lost: Vec<&u64> = acknowledged.iter().filter(|id| !there.contains(id)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    assert!(world.terminate(), "a clean stop after all that");
}

enum Victim {
    Backend,
    Postmaster,
    Basalt,
}

/// Inserts one row after the other until it is stopped.
struct Writer {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
    thread: std::thread::JoinHandle<(Vec<u64>, u64)>,
}

impl Writer {
    fn start(port: u16, anon: String, first: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let count = acknowledged.clone();
        let thread = std::thread::spawn(move || {
            let (mut written, mut id) = (Vec::new(), first);
            let bearer = format!("Bearer {anon}");
            let headers = [("apikey", anon.as_str()), ("authorization", &bearer), ("content-type", "application/json")];
            while !stopped.load(Ordering::Relaxed) {
                let body = format!(r#"{{"id":{id},"body":"row {id}"}}"#);
                if let Some((201, _)) = http(port, "POST", "/rest/v1/notes", &headers, &body) {
                    written.push(id);
                    count.fetch_add(1, Ordering::Relaxed);
                }
                id += 1;
            }
            (written, id)
        });
        Self { stop, acknowledged, thread }
    }

    /// Waits until so many rows are acknowledged.
    fn wait_for(&self, rows: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.acknowledged.load(Ordering::Relaxed) < rows {
            assert!(Instant::now() < deadline, "nothing is written");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn stop(self) -> (Vec<u64>, u64) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn kill(pid: i32) {
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
}

fn backend_of(world: &World) -> i32 {
    one(world, "select pid from pg_stat_activity where usename = 'authenticator' order by state_change desc limit 1")
}

/// The parent of a process of the server. That process may end in the recovery from the kill before: then the next one is asked.
fn postmaster_of(world: &World) -> i32 {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let child = one(world, "select pid from pg_stat_activity where backend_type = 'checkpointer'");
        if let Ok(stat) = std::fs::read_to_string(format!("/proc/{child}/stat")) {
            return stat.rsplit(')').next().unwrap().split_whitespace().nth(1).unwrap().parse().unwrap();
        }
        assert!(Instant::now() < deadline, "no checkpointer stays:\n{}", world.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// One number; asked again while the server recovers from the kill before.
fn one(world: &World, sql: &str) -> i32 {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match world.sql(sql).ok().and_then(|rows| rows.first()?.first()?.as_ref()?.parse().ok()) {
            Some(pid) => return pid,
            None if Instant::now() > deadline => panic!("no answer to {sql}\n{}", world.log()),
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

fn wait_until_answered(world: &World, anon: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match http_get(world.port, "/rest/v1/notes?limit=1", &[("apikey", anon)]) {
            Some((200, _)) => return,
            other if Instant::now() > deadline => panic!("no answer after recovery: {other:?}\n{}", world.log()),
            _ => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}
