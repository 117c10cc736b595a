//! A library with books in it, and someone who asks for them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::sync::Arc;

use base::{Clock, Secret};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use pg::exec::{ExecConfig, Executor};
use rest::jwt::{Authenticator, JwtRules};
use rest::{Rest, RestConfig};
use serde_json::{Value, json};
use testkit::Database;

const SECRET: &str = "a secret of more than thirty-two characters";

/// A service on a database of its own.
pub struct Library {
    pub rest: Rest,
    pub database: Database,
}

/// What came back.
pub struct Reply {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    /// Status and body, for one comparison.
    pub fn both(&self) -> (u16, Value) {
        (self.status, self.json())
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Library {
    pub async fn open() -> Self {
        Self::open_with(|config| config).await
    }

    pub async fn open_with(change: impl FnOnce(RestConfig) -> RestConfig) -> Self {
        let database = testkit::database().await;
        database.run(include_str!("../fixtures/library.sql")).await;
        Self::on(database, change).await
    }

    /// The same database by another server.
    pub async fn reopened(self) -> Self {
        self.reopened_with(|config| config).await
    }

    /// The same, configured otherwise.
    pub async fn reopened_with(self, change: impl FnOnce(RestConfig) -> RestConfig) -> Self {
        Self::on(self.database, change).await
    }

    async fn on(database: Database, change: impl FnOnce(RestConfig) -> RestConfig) -> Self {
        let executor = Executor::new(&database.authenticator, ExecConfig::default());
        let rules = JwtRules::new(Some(&Secret::from(SECRET)), false, "$.role").unwrap();
        let rules = JwtRules { anon_role: Some("anon".to_owned()), ..rules };
        let authenticator = Arc::new(Authenticator::new(rules, Clock::system(), None));
        let config = change(RestConfig { anon_role: Some("anon".to_owned()), ..RestConfig::default() });
        let rest = Rest::new(config, executor, authenticator);
        rest.reload().await.unwrap();
        Self { rest, database }
    }

    /// `headers` are lines of `name: value`.
    pub async fn send(&self, method: &str, url: &str, headers: &[&str], body: impl Into<Bytes>) -> Reply {
        let mut request = Request::builder().method(method).uri(url);
        for header in headers {
            let (name, value) = header.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        let response = self.rest.answer(request.body(Full::new(body.into())).unwrap()).await;
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply { status: head.status.as_u16(), headers: head.headers, body: String::from_utf8_lossy(&body).into_owned() }
    }

    pub async fn get(&self, url: &str) -> Reply {
        self.send("GET", url, &[], "").await
    }

    pub async fn post(&self, url: &str, headers: &[&str], body: &Value) -> Reply {
        self.send("POST", url, headers, body.to_string()).await
    }
}

/// The header of a signed-in user.
pub fn token(user: &str) -> String {
    token_of("authenticated", user)
}

/// The header of a user in another role.
pub fn token_of(role: &str, user: &str) -> String {
    claims_token(&json!({"role": role, "sub": user}))
}

/// The header of whoever has these claims.
pub fn claims_token(claims: &Value) -> String {
    let keys = crypto::jwt::KeySet::from_postgrest(SECRET, false).unwrap();
    format!("authorization: Bearer {}", keys.sign(claims).unwrap())
}
