//! A service under test: its own database, a clock that is turned by hand, letters that are kept instead of sent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use base::{Clock, Revocations};
use crypto::jwt::KeySet;
use crypto::password::{Hasher, Scheme};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use pg::PlatformTx;
use serde_json::{Value, json};
use time::macros::datetime;
use tower::ServiceExt;

use crate::letters::{Letter, Letters, Queued};
use crate::messages::{Message, Messages};
use crate::{Auth, AuthConfig, MIGRATIONS, Parts};

pub const SECRET: &str = "super-secret-jwt-token-with-at-least-32-characters-long";

/// Keeps what would be sent.
#[derive(Default)]
pub struct Sent {
    pub letters: Mutex<Vec<Letter>>,
    pub messages: Mutex<Vec<Message>>,
}

impl Letters for Sent {
    fn queue<'a>(&'a self, _tx: &'a PlatformTx, letter: Letter) -> Queued<'a> {
        self.letters.lock().push(letter);
        Box::pin(async { Ok(()) })
    }
}

impl Messages for Sent {
    fn queue<'a>(&'a self, _tx: &'a PlatformTx, message: Message) -> Queued<'a> {
        self.messages.lock().push(message);
        Box::pin(async { Ok(()) })
    }
}

pub struct World {
    pub auth: Arc<Auth>,
    pub router: Router,
    pub clock: Clock,
    pub sent: Arc<Sent>,
    pub revocations: Arc<Revocations>,
    pub database: testkit::Database,
    pub keys: Arc<KeySet>,
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The body of an answer that must be 200.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.body
    }

    /// Status and code of a refusal.
    pub fn refusal(&self) -> (u16, &str) {
        (self.status.as_u16(), self.body["code"].as_str().unwrap_or_default())
    }

    pub fn location(&self) -> &str {
        self.headers["location"].to_str().unwrap()
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not text")).to_owned()
}

impl World {
    /// Everybody is confirmed at once.
    pub async fn autoconfirm() -> Self {
        Self::start(|config| config.mailer.autoconfirm = true).await
    }

    pub async fn start(change: impl FnOnce(&mut AuthConfig)) -> Self {
        let database = testkit::database().await;
        Self::on(database, Clock::frozen(datetime!(2026-03-01 12:00 UTC)), change).await
    }

    pub async fn on(database: testkit::Database, clock: Clock, change: impl FnOnce(&mut AuthConfig)) -> Self {
        for (_, sql) in MIGRATIONS {
            database.run(sql).await;
        }
        let mut config = AuthConfig { site_url: "https://app.test".into(), ..AuthConfig::default() };
        config.external_url = "https://api.test/auth/v1".into();
        // Hashes are made without optimisation here, and the machine may be busy.
        config.request_timeout = Duration::from_secs(180);
        config.limits.email_sent = None;
        config.limits.sms_sent = None;
        change(&mut config);
        let sent = Arc::new(Sent::default());
        let revocations = Arc::new(Revocations::default());
        let keys = Arc::new(KeySet::from_secret(SECRET.as_bytes()));
        let auth = Auth::new(Parts {
            config,
            db: database.db(),
            keys: Arc::clone(&keys),
            hasher: Arc::new(Hasher::with_threads(Scheme::Bcrypt { cost: 4 }, 1, 64).unwrap()),
            letters: sent.clone(),
            messages: sent.clone(),
            clock: clock.clone(),
            revocations: revocations.clone(),
        })
        .unwrap();
        auth.load_revocations().await.unwrap();
        Self { router: auth.router(), auth, clock, sent, revocations, database, keys }
    }

    pub fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// A request with any header; the error format is the new one.
    pub async fn send(&self, method: Method, path: &str, token: Option<&str>, body: Option<Value>) -> Answer {
        let headers = token.map(|token| ("authorization".to_owned(), format!("Bearer {token}")));
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.raw(method, path, &headers.into_iter().collect::<Vec<_>>(), body).await
    }

    pub async fn raw(&self, method: Method, path: &str, headers: &[(String, String)], body: impl Into<Body>) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("x-supabase-api-version", "2024-01-01");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut request = request.body(body.into()).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1))));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// A request of a client that asks for the old error format.
    pub async fn raw_old(&self, method: Method, path: &str, body: Value) -> Answer {
        let mut request = Request::builder().method(method).uri(path).body(Body::from(body.to_string())).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1))));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body: serde_json::from_slice(&bytes).unwrap() }
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, None, Some(body)).await
    }

    pub async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(Method::GET, path, Some(token), None).await
    }

    pub async fn put_user(&self, token: &str, body: Value) -> Answer {
        self.send(Method::PUT, "/user", Some(token), Some(body)).await
    }

    /// As role `service_role`.
    pub async fn admin(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.send(method, path, Some(&self.service_token()), body).await
    }

    /// A request as handlers see it.
    pub fn request(&self, token: &str) -> crate::request::Req {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        let (method, query, body) = (Method::GET, Vec::new(), Default::default());
        crate::request::Req { method, headers, query, body, ip: [127, 0, 0, 1].into(), limited: false }
    }

    /// The user of a session, loaded the long way.
    pub async fn auth_user(&self, session: &Value) -> Value {
        let tx = self.auth.begin().await.unwrap();
        let req = self.request(session["access_token"].as_str().unwrap());
        crate::wire::user(&self.auth.require_user(&tx, &req).await.unwrap().user)
    }

    pub fn service_token(&self) -> String {
        let exp = self.clock.unix_seconds() + 3600;
        self.keys.sign(&json!({"role": "service_role", "iss": "supabase", "exp": exp})).unwrap()
    }

    /// Signs up and gets a session.
    pub async fn signed_up(&self, email: &str) -> Value {
        self.post("/signup", json!({"email": email, "password": "correct horse"})).await.ok()
    }

    pub async fn sign_in(&self, email: &str) -> Value {
        self.post("/token?grant_type=password", json!({"email": email, "password": "correct horse"})).await.ok()
    }

    pub async fn refresh(&self, token: &Value) -> Answer {
        self.post("/token?grant_type=refresh_token", json!({"refresh_token": token})).await
    }

    /// The newest letter to an address.
    pub fn letter(&self, to: &str) -> Letter {
        let letters = self.sent.letters.lock();
        letters.iter().rev().find(|letter| letter.to == to).cloned().unwrap_or_else(|| panic!("no letter to {to}"))
    }

    pub fn claims(&self, token: &Value) -> Value {
        Value::Object(self.keys.verify_signature(token.as_str().unwrap()).unwrap().claims)
    }

    pub async fn count(&self, sql: &str) -> i64 {
        let client = self.database.connect(&self.database.admin).await;
        client.query_one(sql, &[]).await.unwrap().get(0)
    }
}

impl Letter {
    /// A variable of the template.
    pub(crate) fn var(&self, name: &str) -> String {
        text(&self.variables[name])
    }

    /// The link without the host: a path of the router.
    pub(crate) fn link(&self) -> String {
        let link = self.var("ConfirmationURL");
        link.strip_prefix("https://api.test/auth/v1").unwrap_or_else(|| panic!("{link}")).to_owned()
    }
}
