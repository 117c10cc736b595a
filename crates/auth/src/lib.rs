//! `/auth/v1`: users, sign-in, sessions, factors and identities, as GoTrue serves them to the published clients.
//!
//! A request walks: `routes/` (extract, call, answer) → `rules/` (pure decisions) → `store/` (SQL, on the caller's transaction) →
//! `wire.rs`. Hashes are made outside of transactions, letters and messages leave through an outbox in the same transaction,
//! and what ended early is told to the other services by [`base::Revocations`].

mod audit;
mod breached;
mod captcha;
pub mod config;
pub mod error;
mod factors;
mod hooks;
mod identities;
mod jobs;
mod letters;
mod limits;
mod messages;
mod model;
mod oauth_server;
mod one_flush;
mod outbox;
mod providers;
mod request;
mod routes;
mod rules;
mod saml;
mod sessions;
mod store;
mod tokens;
mod users;
mod webauthn;
mod wire;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use base::{Clock, Revocations};
use crypto::jwt::KeySet;
use crypto::password::Hasher;
use parking_lot::RwLock;
use pg::exec::{ExecConfig, Executor};
use pg::{Db, PlatformTx, Purpose};

pub use self::config::{AuthConfig, GoTrueEnv, Mailing};
pub use error::{Code, Error};
pub use letters::{Letter, LetterKind, Letters};
pub use messages::{Checked, Message, Messages};
pub use outbox::OutboxMessages;

use rules::redirect::AllowList;

/// The statements of the two requests that come most, for who measures what PostgreSQL gives with them alone.
pub mod statements {
    pub use crate::store::one_flush::{REFRESH, USER};
}

/// What only Basalt keeps: `(file name, SQL)`, to run in order as the owner of the database, after schema `auth` exists.
pub const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_auth_state.sql", include_str!("../migrations/0001_auth_state.sql")),
    ("0002_saml.sql", include_str!("../migrations/0002_saml.sql")),
];

/// Connections of the hot requests, beside the pool: opened when they are needed, closed when they idle.
const EXECUTOR: ExecConfig = ExecConfig {
    short_connections: 1,
    wide_connections: 8,
    acquisition_timeout: Duration::from_secs(10),
    max_idle: Duration::from_secs(30),
    max_lifetime: Duration::from_secs(1800),
    reconnect_patience: Duration::from_secs(2),
};

/// What the service is given.
pub struct Parts {
    /// Its settings.
    pub config: AuthConfig,
    /// The doors to the database.
    pub db: Db,
    /// Keys of access tokens.
    pub keys: Arc<KeySet>,
    /// Threads for password hashes.
    pub hasher: Arc<Hasher>,
    /// Where letters go.
    pub letters: Arc<dyn Letters>,
    /// Where text messages go.
    pub messages: Arc<dyn Messages>,
    /// The time.
    pub clock: Clock,
    /// Sessions whose access tokens are dead.
    pub revocations: Arc<Revocations>,
}

/// The service.
pub struct Auth {
    config: AuthConfig,
    db: Db,
    keys: RwLock<Arc<KeySet>>,
    hasher: Arc<Hasher>,
    letters: Arc<dyn Letters>,
    messages: Arc<dyn Messages>,
    clock: Clock,
    revocations: Arc<Revocations>,
    allow_list: AllowList,
    limits: limits::Limits,
    /// Seconds that the longest access token lives, of those that were signed since the start.
    longest_life: AtomicI64,
    /// Requests that may call somebody far away while they hold a connection.
    far_calls: tokio::sync::Semaphore,
    /// For the two requests that come most.
    exec: Executor,
    http: reqwest::Client,
    /// What identity providers publish of themselves.
    documents: providers::Documents,
    /// Ourselves towards SAML providers.
    saml: Option<saml::Saml>,
}

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting cannot be.
    #[error("{0}")]
    Setting(String),
}

impl Auth {
    /// Checks the settings and makes the service; nothing is connected yet.
    ///
    /// # Errors
    /// A sentence on the setting that cannot be.
    pub fn new(parts: Parts) -> Result<Arc<Self>, StartError> {
        let Parts { config, db, keys, hasher, letters, messages, clock, revocations } = parts;
        let allow_list = AllowList::new(&config.site_url, &config.uri_allow_list).map_err(StartError::Setting)?;
        for (point, hook) in &config.hooks {
            hooks::check_uri(&hook.uri).map_err(|e| StartError::Setting(format!("hook {}: {e}", point.name())))?;
        }
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("basalt-auth")
            .build()
            .map_err(|e| StartError::Setting(format!("no HTTP client: {e}")))?;
        let limits = limits::Limits::new(&config.limits);
        let saml = saml::Saml::new(&config).map_err(StartError::Setting)?;
        let keys = RwLock::new(keys);
        let exec = Executor::new(db.target(), EXECUTOR);
        Ok(Arc::new(Self {
            config,
            db,
            keys,
            hasher,
            letters,
            messages,
            clock,
            revocations,
            allow_list,
            limits,
            longest_life: AtomicI64::new(0),
            far_calls: tokio::sync::Semaphore::new(hooks::FAR_CALLS),
            exec,
            http,
            documents: providers::Documents::default(),
            saml,
        }))
    }

    /// The service as the edge takes it.
    pub fn service(self: &Arc<Self>) -> Arc<dyn service::Service> {
        Arc::new(service::Routed::new("auth", self.router()))
    }

    /// The routes, without `/auth/v1`.
    pub fn router(self: &Arc<Self>) -> axum::Router {
        routes::router(Arc::clone(self))
    }

    /// Takes other keys from the next token on: after a rotation.
    pub fn set_keys(&self, keys: Arc<KeySet>) {
        *self.keys.write() = keys;
    }

    /// The settings.
    pub const fn config(&self) -> &AuthConfig {
        &self.config
    }

    pub(crate) fn keys(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys.read())
    }

    /// A transaction on schema `auth`.
    pub(crate) async fn begin(&self) -> Result<PlatformTx, Error> {
        Ok(self.db.as_platform(Purpose::Auth).await?)
    }
}
