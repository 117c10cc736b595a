use std::time::{Duration, Instant};

use rest::{RestConfig, TxEnd};
use serde_json::json;

use crate::client::Library;
use crate::junk::{Junk, Odd};

/// Sends requests that make little sense. None may be our fault, take long, or change what the next one sees.
async fn try_junk(seed: u64, enough: impl Fn(u64) -> bool) -> u64 {
    let config = |config| RestConfig {
        tx_end: TxEnd::CommitAllowOverride,
        aggregates_enabled: true,
        plan_enabled: true,
        max_rows: Some(50),
        ..config
    };
    let library = Library::open_with(config).await;
    let mut junk = Junk::new(seed);
    let mut round = 0;
    while !enough(round) {
        round += 1;
        let Odd { method, url, mut headers, body } = junk.request();
        if method != "GET" {
            headers.push("prefer: tx=rollback".to_owned());
        }
        let lines: Vec<&str> = headers.iter().map(String::as_str).collect();
        let what =
            || format!("seed {seed} round {round}: {method} {url} {headers:?} {:?}", String::from_utf8_lossy(&body));
        let sent = tokio::time::timeout(PATIENCE, library.send(method, &url, &lines, body.clone())).await;
        let Ok(reply) = sent else { panic!("no answer: {}, while {}", what(), activity(&library).await) };
        if reply.status >= 500 {
            // Classes of PostgreSQL's errors that PostgREST answers so: too complex, and a subquery with more than one row.
            let theirs = matches!(&reply.code()[..2], "54" | "21");
            assert!(theirs, "{}: {} {}", what(), reply.status, reply.body);
        }
        if round % 50 == 0 {
            let kept = library.get("/books?select=id&order=id").await;
            assert_eq!(kept.both(), (200, json!([{"id": 1}, {"id": 2}, {"id": 3}])), "after {}", what());
        }
    }
    round
}

/// What PostgreSQL does for the library just now.
async fn activity(library: &Library) -> String {
    let client = library.database.connect(&library.database.admin).await;
    let sql = "select coalesce(string_agg(concat_ws(' ', pid, state, wait_event_type, wait_event, now() - query_start, left(query, 500)), e'\\n'), '') \
               from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    let rows = client.query_one(sql, &[]).await.expect("pg_stat_activity");
    rows.get(0)
}

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn junk_is_never_our_fault() {
    try_junk(16, |round| round == 1500).await;
}

/// `cargo test -p rest --test it -- --ignored --nocapture campaign`: ten minutes of other seeds, from `JUNK_SEED` on if it is set.
#[tokio::test]
#[ignore = "a campaign to run by hand"]
#[expect(clippy::disallowed_methods, reason = "run by hand, with a seed that was reported")]
async fn campaign() {
    let end = Instant::now() + Duration::from_secs(600);
    let given = std::env::var("JUNK_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut seed = given.unwrap_or_else(|| base::Clock::system().unix_seconds() as u64);
    let mut sum = 0;
    while Instant::now() < end {
        sum += try_junk(seed, |round| round == 20_000 || Instant::now() >= end).await;
        seed += 1;
    }
    println!("{sum} requests, last seed {seed}");
}

#[tokio::test]
async fn text_that_is_no_text_is_refused() {
    let library = Library::open().await;
    let reply = library.get("/books?title=eq.%ff").await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "PGRST100"));
    assert_eq!(library.get("/books?select=id&title=eq.%00").await.both(), (200, json!([])));
    let reply = library.get(&format!("/books?select={}id{}", "authors(".repeat(300), ")".repeat(300))).await;
    assert_eq!(reply.status, 400);
    let deep = "[".repeat(5000);
    assert_eq!(library.send("POST", "/books", &[], deep).await.code(), "PGRST102");
}

#[tokio::test]
async fn bodies_have_a_limit() {
    let library = Library::open_with(|config| RestConfig { max_body_bytes: 100, ..config }).await;
    let reply = library.post("/genres", &[], &json!({"name": "x".repeat(200)})).await;
    assert_eq!((reply.status, reply.code().as_str()), (413, "PGRST102"));
}

#[tokio::test]
async fn other_origins_are_answered() {
    let library = Library::open().await;
    let preflight =
        ["origin: http://a.example", "access-control-request-method: POST", "access-control-request-headers: x-a"];
    let reply = library.send("OPTIONS", "/books", &preflight, "").await;
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, "*"));
    assert!(reply.header("access-control-allow-headers").contains("x-a"));
    let reply = library.send("GET", "/genres", &["origin: http://a.example"], "").await;
    assert!(reply.header("access-control-expose-headers").contains("Content-Range"));
    assert_eq!(
        library.send("OPTIONS", "/long_books", &[], "").await.header("allow"),
        "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"
    );
}
