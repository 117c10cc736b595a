//! Clients: what they ask, and what must come back.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use crypto::jwt::KeySet;
use rand::RngExt;
use serde_json::{Value, json};

use super::client::{Connection, Reply, request};
use super::tally::Tally;

/// So many users share the connections.
pub const USERS: usize = 16;
/// Notes that each user has from the beginning.
const SEEDED: usize = 200;
/// A client keeps about so many notes of its own.
const KEPT: usize = 40;

/// For so long everybody is themselves; then, for as long, all are one and the same user, so that sessions that keep something of their
/// last user are found out.
const PHASE: Duration = Duration::from_millis(500);

/// Nobody waits longer than this for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// One client on one connection, as one user.
pub struct Client {
    address: SocketAddr,
    /// Whose notes the client keeps.
    home: usize,
    /// Who the client is just now.
    user: usize,
    me: String,
    token: String,
    tokens: Vec<String>,
    connection: Option<Connection>,
    tally: Arc<Tally>,
    /// The client's own notes with the least and the greatest version that they may have.
    pub notes: BTreeMap<i64, (i64, i64)>,
}

/// What a client may do, and how often.
const DEEDS: [(&str, u32); 16] = [
    ("read one", 20),
    ("read another's", 8),
    ("list and count", 10),
    ("list all", 3),
    ("embed", 8),
    ("insert", 8),
    ("update", 10),
    ("delete", 5),
    ("rpc echo", 10),
    ("rpc whoami", 6),
    ("rpc traces", 3),
    ("errors", 6),
    ("no token", 2),
    ("forbidden", 2),
    ("leave while it works", 2),
    ("leave in the middle", 2),
];

/// What a client does only as itself, since it remembers what it did.
const OF_ONES_OWN: [&str; 3] = ["insert", "update", "delete"];

impl Client {
    /// A client of user `number % USERS`.
    pub fn new(number: usize, address: SocketAddr, keys: &KeySet, tally: Arc<Tally>) -> anyhow::Result<Self> {
        let home = number % USERS;
        let sign = |user| Ok(keys.sign(&json!({"role": "authenticated", "sub": id_of(user)}))?);
        let tokens: Vec<String> = (0..USERS).map(sign).collect::<anyhow::Result<_>>()?;
        let (me, token) = (id_of(home), tokens[home].clone());
        Ok(Self { address, home, user: home, me, token, tokens, connection: None, tally, notes: BTreeMap::new() })
    }

    fn become_user(&mut self, user: usize) {
        if self.user != user {
            (self.user, self.me) = (user, id_of(user));
            self.token.clone_from(&self.tokens[user]);
        }
    }

    /// Goes on until `end`.
    pub async fn live(mut self, end: Instant) -> Self {
        while Instant::now() < end {
            let phase = (end - Instant::now()).as_millis() / PHASE.as_millis();
            let is_shared = phase % 2 == 1;
            self.become_user(if is_shared { (phase as usize * 7 / 2) % USERS } else { self.home });
            let mut deed = self.choose();
            while self.user != self.home && OF_ONES_OWN.contains(&deed) {
                deed = self.choose();
            }
            let done = tokio::time::timeout(PATIENCE, self.act(deed)).await;
            let done = done.unwrap_or_else(|_| Err(anyhow::anyhow!("no answer after {PATIENCE:?}")));
            if let Err(error) = done {
                self.connection = None;
                self.tally.wrong(format!("{deed}, user {}: {error:#}", self.user));
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        self
    }

    fn choose(&self) -> &'static str {
        let sum: u32 = DEEDS.iter().map(|(_, weight)| weight).sum();
        let mut at = rand::rng().random_range(0..sum);
        for (deed, weight) in DEEDS {
            if at < weight {
                return deed;
            }
            at -= weight;
        }
        DEEDS[0].0
    }

    async fn act(&mut self, deed: &'static str) -> anyhow::Result<()> {
        match deed {
            "read one" => self.read_one().await,
            "read another's" => self.read_anothers().await,
            "list and count" => self.list(deed, "/notes?select=*&order=id.desc&limit=50", "count=exact").await,
            "list all" => self.list(deed, "/notes?select=*&order=id.desc", "").await,
            "embed" => self.embed().await,
            "insert" => self.insert().await,
            "update" => self.update().await,
            "delete" => self.delete().await,
            "rpc echo" => self.echo().await,
            "rpc whoami" => self.whoami().await,
            "rpc traces" => self.traces().await,
            "errors" => self.errors().await,
            "no token" => self.no_token().await,
            "forbidden" => self.forbidden().await,
            "leave while it works" => self.leave_working().await,
            _ => self.leave_in_the_middle().await,
        }
    }

    /// Sends and reads. `None`: the database was away, as it may be while it restarts.
    async fn ask(&mut self, deed: &'static str, bytes: &[u8]) -> anyhow::Result<Option<Reply>> {
        if self.connection.is_none() {
            self.connection = Some(Connection::open(self.address).await.context("connecting")?);
        }
        let connection = self.connection.as_mut().context("a connection")?;
        connection.send(bytes).await.context("sending")?;
        let reply = connection.reply().await.context("the answer")?;
        self.tally.answered(deed);
        if !matches!(reply.status, 500 | 503 | 504) {
            return Ok(Some(reply));
        }
        let said = format!("{} {}", reply.status, reply.code());
        ensure!(self.tally.may_be_away(reply.code()), "{said}: {}", reply.body);
        self.tally.away(said);
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(None)
    }

    async fn rows(&mut self, deed: &'static str, path: &str, prefer: &str) -> anyhow::Result<Option<Vec<Value>>> {
        let bytes = request("GET", path, Some(&self.token), prefer, "");
        let Some(reply) = self.ask(deed, &bytes).await? else { return Ok(None) };
        ensure!(matches!(reply.status, 200 | 206), "{path}: {} {}", reply.status, reply.body);
        Ok(Some(reply.body.as_array().with_context(|| format!("{path}: no array"))?.clone()))
    }

    fn seeded(&self, user: usize) -> usize {
        user * 1000 + rand::rng().random_range(1..=SEEDED)
    }

    async fn read_one(&mut self) -> anyhow::Result<()> {
        let id = self.seeded(self.user);
        let path = format!("/notes?select=id,owner,body&id=eq.{id}");
        let Some(rows) = self.rows("read one", &path, "").await? else { return Ok(()) };
        ensure!(
            rows.len() == 1 && rows[0]["id"] == json!(id) && rows[0]["owner"] == json!(self.me),
            "{path}: {rows:?}"
        );
        ensure!(
            rows[0]["body"].as_str().is_some_and(|b| b.starts_with(&format!("seed of {} ", self.user))),
            "{rows:?}"
        );
        Ok(())
    }

    async fn read_anothers(&mut self) -> anyhow::Result<()> {
        let other = (self.user + rand::rng().random_range(1..USERS)) % USERS;
        let path = format!("/notes?select=id,owner,body&id=eq.{}", self.seeded(other));
        let Some(rows) = self.rows("read another's", &path, "").await? else { return Ok(()) };
        ensure!(rows.is_empty(), "user {} saw {rows:?}", self.user);
        Ok(())
    }

    async fn list(&mut self, deed: &'static str, path: &str, prefer: &str) -> anyhow::Result<()> {
        let Some(rows) = self.rows(deed, path, prefer).await? else { return Ok(()) };
        let ids: Vec<i64> = rows.iter().filter_map(|r| r["id"].as_i64()).collect();
        ensure!(ids.len() == rows.len() && ids.is_sorted_by(|a, b| a > b), "{path}: ids {ids:?}");
        ensure!(prefer.is_empty() || rows.len() == 50, "{path}: {} rows", rows.len());
        ensure!(!prefer.is_empty() || rows.len() >= SEEDED, "{path}: {} rows", rows.len());
        let others: Vec<&Value> = rows.iter().filter(|r| r["owner"] != json!(self.me)).collect();
        ensure!(others.is_empty(), "user {} saw {others:?}", self.user);
        Ok(())
    }

    async fn embed(&mut self) -> anyhow::Result<()> {
        let from = self.seeded(self.user);
        let to = self.user * 1000 + SEEDED;
        let path = format!("/notes?select=id,owner,note_tags(tag)&id=gte.{from}&id=lte.{to}&order=id&limit=20");
        let Some(rows) = self.rows("embed", &path, "").await? else { return Ok(()) };
        ensure!(rows.len() == (to - from + 1).min(20), "{path}: {} rows", rows.len());
        let prefix = format!("{}-", self.user);
        for row in &rows {
            let tags = row["note_tags"].as_array().context("tags")?;
            let own = |t: &Value| t["tag"].as_str().is_some_and(|t| t.starts_with(&prefix));
            ensure!(row["owner"] == json!(self.me) && tags.len() == 3 && tags.iter().all(own), "{path}: {row}");
        }
        Ok(())
    }

    async fn insert(&mut self) -> anyhow::Result<()> {
        if self.notes.len() >= KEPT {
            return self.delete().await;
        }
        let body = format!("nonce {:x} \"ü\" \\", rand::rng().random::<u64>());
        let text = json!({ "body": body }).to_string();
        let bytes = request("POST", "/notes", Some(&self.token), "return=representation", &text);
        let Some(reply) = self.ask("insert", &bytes).await? else { return Ok(()) };
        let row = &reply.body[0];
        ensure!(
            reply.status == 201 && row["body"] == json!(body) && row["owner"] == json!(self.me),
            "inserted {body:?}: {} {}",
            reply.status,
            reply.body
        );
        self.notes.insert(row["id"].as_i64().context("an id")?, (0, 0));
        Ok(())
    }

    fn own_note(&self) -> Option<i64> {
        if self.notes.is_empty() {
            return None;
        }
        self.notes.keys().nth(rand::rng().random_range(0..self.notes.len())).copied()
    }

    async fn update(&mut self) -> anyhow::Result<()> {
        let Some(id) = self.own_note() else { return self.insert().await };
        let version = {
            let versions = self.notes.get_mut(&id).context("a note")?;
            // Until an answer comes, both versions are possible.
            versions.1 += 1;
            versions.1
        };
        let path = format!("/notes?id=eq.{id}&select=id,version");
        let text = json!({ "version": version }).to_string();
        let bytes = request("PATCH", &path, Some(&self.token), "return=representation", &text);
        let Some(reply) = self.ask("update", &bytes).await? else { return Ok(()) };
        ensure!(
            reply.status == 200 && reply.body == json!([{"id": id, "version": version}]),
            "{path} to {version}: {} {}",
            reply.status,
            reply.body
        );
        self.notes.insert(id, (version, version));
        Ok(())
    }

    async fn delete(&mut self) -> anyhow::Result<()> {
        let Some(id) = self.own_note() else { return self.whoami().await };
        // Whatever is answered, it may be gone.
        self.notes.remove(&id);
        let path = format!("/notes?id=eq.{id}&select=id");
        let bytes = request("DELETE", &path, Some(&self.token), "return=representation", "");
        let Some(reply) = self.ask("delete", &bytes).await? else { return Ok(()) };
        ensure!(reply.status == 200 && reply.body == json!([{"id": id}]), "{path}: {} {}", reply.status, reply.body);
        Ok(())
    }

    async fn expect(&mut self, deed: &'static str, bytes: &[u8], status: u16, body: &Value) -> anyhow::Result<()> {
        let Some(reply) = self.ask(deed, bytes).await? else { return Ok(()) };
        ensure!(reply.status == status && reply.body == *body, "wanted {body}: {} {}", reply.status, reply.body);
        Ok(())
    }

    async fn refusal(&mut self, deed: &'static str, bytes: &[u8], status: u16, code: &str) -> anyhow::Result<()> {
        let Some(reply) = self.ask(deed, bytes).await? else { return Ok(()) };
        ensure!(reply.status == status && reply.code() == code, "wanted {code}: {} {}", reply.status, reply.body);
        Ok(())
    }

    async fn echo(&mut self) -> anyhow::Result<()> {
        let word = format!("{:x}", rand::rng().random::<u64>());
        let bytes = request("GET", &format!("/rpc/echo?word={word}"), Some(&self.token), "", "");
        self.expect("rpc echo", &bytes, 200, &json!(word)).await
    }

    async fn whoami(&mut self) -> anyhow::Result<()> {
        let bytes = request("POST", "/rpc/whoami", Some(&self.token), "", "{}");
        let me = json!(self.me);
        self.expect("rpc whoami", &bytes, 200, &me).await
    }

    async fn traces(&mut self) -> anyhow::Result<()> {
        let bytes = request("POST", "/rpc/traces", Some(&self.token), "", "{}");
        self.expect("rpc traces", &bytes, 200, &json!("")).await
    }

    async fn errors(&mut self) -> anyhow::Result<()> {
        let (method, path, status, code) = [
            ("GET", "/nothing", 404, "PGRST205"),
            ("GET", "/notes?id=noop.1", 400, "PGRST100"),
            ("GET", "/notes?id=eq.x", 400, "22P02"),
            ("GET", "/notes?select=nope", 400, "42703"),
            ("POST", "/rpc/teapot", 418, "PT418"),
        ][rand::rng().random_range(0..5)];
        let bytes = request(method, path, Some(&self.token), "", if method == "POST" { "{}" } else { "" });
        self.refusal("errors", &bytes, status, code).await
    }

    async fn no_token(&mut self) -> anyhow::Result<()> {
        self.refusal("no token", &request("GET", "/notes", None, "", ""), 401, "42501").await?;
        self.refusal("no token", &request("GET", "/notes", Some("a.b.c"), "", ""), 401, "PGRST301").await
    }

    async fn forbidden(&mut self) -> anyhow::Result<()> {
        let body = json!({"body": "forged", "owner": id_of((self.user + 1) % USERS)}).to_string();
        self.refusal("forbidden", &request("POST", "/notes", Some(&self.token), "", &body), 403, "42501").await
    }

    /// Goes away while PostgreSQL is busy with the request.
    async fn leave_working(&mut self) -> anyhow::Result<()> {
        let seconds = f64::from(rand::rng().random_range(1..300)) / 100.0;
        let bytes = request("POST", "/rpc/dream", Some(&self.token), "", &json!({ "seconds": seconds }).to_string());
        let mut connection = Connection::open(self.address).await?;
        connection.send(&bytes).await?;
        let moment = Duration::from_millis(rand::rng().random_range(0..100));
        tokio::time::sleep(moment).await;
        drop(connection);
        self.tally.left();
        Ok(())
    }

    /// Goes away in the head, in the body, or in the answer.
    async fn leave_in_the_middle(&mut self) -> anyhow::Result<()> {
        let body = json!({"body": "never whole"}).to_string();
        let insert = request("POST", "/notes", Some(&self.token), "", &body);
        let list = request("GET", "/notes?select=*", Some(&self.token), "", "");
        let mut connection = Connection::open(self.address).await?;
        let where_to_stop = rand::rng().random_range(0..3);
        match where_to_stop {
            0 => connection.send(&insert[..insert.len() / 3]).await?,
            1 => connection.send(&insert[..insert.len() - 5]).await?,
            _ => {
                connection.send(&list).await?;
                connection.sip().await?;
            }
        }
        drop(connection);
        self.tally.left();
        Ok(())
    }
}

/// The id of a user.
pub fn id_of(user: usize) -> String {
    format!("00000000-0000-4000-8000-{user:012}")
}
