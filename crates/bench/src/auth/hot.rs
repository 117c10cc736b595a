//! The requests that come most, against pgbench with the same statements in one flush; and sign-in against its hash.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use auth::statements::{REFRESH, USER};
use crypto::password::{Hasher, Scheme, hash};
use serde_json::{Value, json};

use super::Args;
use super::report::{Goal, Line};
use super::server::{AuthServer, FIRST, PASSWORD, USERS, post};
use super::talk::{self, Talk};
use crate::database::Cluster;
use crate::load;
use crate::pgbench;
use crate::rest::random;
use crate::stats::median;

const CONNECTIONS: usize = 32;
/// Sessions of pgbench's clients: those of the server are the first ones.
const PGBENCH_FIRST: u32 = FIRST + 500;

/// What the server sends before a statement that writes: which role works.
const CONTEXT: &str = "select set_config('role','none',true);\n";

/// One flush of pgbench.
fn flush(before: &str, context: &str, statement: &str, after: &str) -> String {
    format!("{before}\n\\startpipeline\n{context}{statement};\n\\endpipeline\n{after}\n")
}

/// A statement with an expression for each parameter, in their order.
fn filled(statement: &str, expressions: &[&str]) -> String {
    let words = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    expressions
        .iter()
        .enumerate()
        .fold(words, |text, (at, expression)| text.replace(&format!("${}", at + 1), expression))
}

/// A session that is refreshed again and again.
struct Chain {
    token: String,
}

impl Talk for Chain {
    fn next(&mut self) -> Vec<u8> {
        post("/token?grant_type=refresh_token", &json!({ "refresh_token": self.token }))
    }

    fn heard(&mut self, status: u16, body: &[u8]) -> anyhow::Result<Duration> {
        let answer: Value = serde_json::from_slice(body)?;
        let next = answer["refresh_token"].as_str().with_context(|| format!("{status} {answer}"))?;
        next.clone_into(&mut self.token);
        Ok(Duration::ZERO)
    }
}

/// One token, made by an expression of `c`, for each of the sessions from this one on, and no other.
fn fresh_tokens(first: u32, expression: &str) -> String {
    let last = CONNECTIONS - 1;
    format!(
        "delete from auth.refresh_tokens t using generate_series(0, {last}) c
            where t.session_id = ('00000000-0000-4000-8000-00000000' || {first} + c)::uuid;
         insert into auth.refresh_tokens (instance_id, token, user_id, revoked, created_at, updated_at, session_id)
         select '00000000-0000-0000-0000-000000000000', {expression}, '00000000-0000-4000-8000-00000000' || {first} + c, false,
            now(), now(), ('00000000-0000-4000-8000-00000000' || {first} + c)::uuid
         from generate_series(0, {last}) c"
    )
}

/// POST /token?grant_type=refresh_token.
pub async fn refresh(cluster: &Cluster, auth: &AuthServer, args: &Args) -> anyhow::Result<Line> {
    let time = Duration::from_secs_f64(args.seconds);
    let token = |n: &str| format!("('p' || :client_id::text || 'x' || :{n}::text)");
    let statement = filled(REFRESH, &[&token("n"), "now()", &token("m"), "'bench'", "'127.0.0.1'", "true"]);
    let script = flush("\\set m :n + 1", CONTEXT, &statement, "\\set n :m");
    let (mut ratios, mut limit, mut reached, mut p99) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..=args.rounds {
        cluster.psql_at(&auth.words, &fresh_tokens(PGBENCH_FIRST, "'p' || c || 'x0'"))?;
        let most = pgbench::run_as(cluster, &auth.words, &["-D", "n=0"], &script, CONNECTIONS, time).await?;
        // Who finds no token to trade is fast: each client has traded many.
        let traded = "select 1 / (count(*) > 200)::int from auth.refresh_tokens where token like 'p%x%'";
        cluster.psql_at(&auth.words, traded)?;
        let expression = format!("lpad('s' || c || 'r' || {round}, 12, '0')");
        cluster.psql_at(&auth.words, &fresh_tokens(FIRST, &expression))?;
        let chain = |c: usize| Chain { token: format!("{:0>12}", format!("s{c}r{round}")) };
        let talks = (0..CONNECTIONS).map(|c| Box::new(chain(c)) as Box<dyn Talk>);
        let seen = talk::run(auth.address, time, talks.collect()).await?;
        // The first round warms up.
        if round > 0 {
            ratios.push(seen.per_second / most);
            limit.push(most);
            reached.push(seen.per_second);
            p99.push(seen.ms(0.99));
        }
    }
    Ok(against("refresh ÷ pgbench, 32 connections", 0.6, ratios, &reached, &limit, &p99))
}

/// GET /user.
pub async fn user(cluster: &Cluster, auth: &AuthServer, args: &Args) -> anyhow::Result<Line> {
    let time = Duration::from_secs_f64(args.seconds);
    let id = "('00000000-0000-4000-8000-00000000' || :id::text)";
    let statement = filled(USER, &[id, id]);
    let script = flush(&format!("\\set id random({FIRST}, {})", FIRST + USERS - 1), "", &statement, "");
    let tokens: Vec<String> = (FIRST..FIRST + USERS).map(|n| auth.token(n)).collect::<anyhow::Result<_>>()?;
    let make: load::Make = Arc::new(move || {
        let token = &tokens[random(USERS) as usize - 1];
        format!("GET /user HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n").into_bytes()
    });
    let (mut ratios, mut limit, mut reached, mut p99) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..=args.rounds {
        let most = pgbench::run_as(cluster, &auth.words, &[], &script, CONNECTIONS, time).await?;
        let seen = load::run(auth.address, CONNECTIONS, time, make.clone()).await?;
        if round > 0 {
            ratios.push(seen.per_second / most);
            limit.push(most);
            reached.push(seen.per_second);
            p99.push(seen.ms(0.99));
        }
    }
    Ok(against("GET /user ÷ pgbench, 32 connections", 0.7, ratios, &reached, &limit, &p99))
}

fn against(what: &str, goal: f64, ratios: Vec<f64>, reached: &[f64], limit: &[f64], p99: &[f64]) -> Line {
    let m = |values: &[f64]| median(values).value;
    let made_of = format!("{:.0} of {:.0} requests/s, p99 {:.1} ms", m(reached), m(limit), m(p99));
    Line { what: what.to_owned(), goal: Goal::AtLeast(goal), ratios, made_of }
}

/// POST /token?grant_type=password: how much longer than its hash does it take?
pub async fn sign_in(auth: &AuthServer, args: &Args) -> anyhow::Result<Line> {
    let time = Duration::from_secs_f64(args.seconds);
    let stored = hash(PASSWORD.as_bytes(), Scheme::default())?;
    let hasher = Hasher::new(Scheme::default())?;
    let make: load::Make = Arc::new(|| {
        let email = format!("user{}@example.org", FIRST + random(USERS) - 1);
        post("/token?grant_type=password", &json!({ "email": email, "password": PASSWORD }))
    });
    let (mut ratios, mut hashes, mut signed) = (Vec::new(), Vec::new(), Vec::new());
    load::run(auth.address, 1, time / 4, make.clone()).await?;
    for _ in 0..args.rounds {
        let hash_ms = one_hash(&hasher, &stored, time).await?;
        let seen = load::run(auth.address, 1, time, make.clone()).await?;
        ratios.push(seen.ms(0.5) / hash_ms);
        hashes.push(hash_ms);
        signed.push(seen.ms(0.5));
    }
    let m = |values: &[f64]| median(values).value;
    let made_of = format!("{:.1} ms, of which the hash {:.1} ms", m(&signed), m(&hashes));
    Ok(Line { what: "sign-in ÷ its hash, one at a time".to_owned(), goal: Goal::AtMost(1.1), ratios, made_of })
}

/// Milliseconds of one check of a password, the median: on a thread for hashes that slept before, as it does between sign-ins.
async fn one_hash(hasher: &Hasher, stored: &str, time: Duration) -> anyhow::Result<f64> {
    let (began, mut took) = (Instant::now(), Vec::new());
    while began.elapsed() < time {
        let one = Instant::now();
        ensure!(hasher.verify(PASSWORD.into(), stored).await?, "the password fits");
        took.push(one.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(median(&took).value)
}
