//! What a service is, as the binary sees it.
//!
//! A service takes a [`Project`] and nothing global, so that one server hosts several projects. It answers requests under its own
//! prefix and knows no other service: what it needs of one goes through the database or through a word of the foundation.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use base::{Clock, Revocations};
use http::{Request, Response};

mod conversation;
mod tasks;
mod workers;

pub use conversation::{Connections, Paced, Place, TooSlow, converse};
pub use tasks::Tasks;
pub use workers::Workers;

/// One project: everything that its services share.
#[derive(Clone)]
pub struct Project {
    /// `project_id` of config.toml; names logs and metrics.
    pub name: Arc<str>,
    /// The folder that holds `supabase/`.
    pub folder: PathBuf,
    /// The doors to its database.
    pub db: pg::Db,
    /// Where files of storage live.
    pub storage_root: PathBuf,
    /// Sessions whose tokens are dead.
    pub revocations: Arc<Revocations>,
    /// The time.
    pub clock: Clock,
    /// Background work that shutdown waits for.
    pub tasks: Tasks,
}

/// The answer of a service, on its way.
pub type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// A part of the platform with a prefix of its own.
pub trait Service: Send + Sync + 'static {
    /// `auth`: served at `/auth/v1`, logged as `auth`.
    fn name(&self) -> &'static str;

    /// Answers one request. The path has lost the prefix and begins with `/`.
    fn call(self: Arc<Self>, request: Request<Body>) -> Answer;
}

/// Lets an axum router answer as a [`Service`].
pub struct Routed {
    name: &'static str,
    router: axum::Router,
}

impl Routed {
    /// Names a router.
    pub fn new(name: &'static str, router: axum::Router) -> Self {
        Self { name, router }
    }
}

impl Service for Routed {
    fn name(&self) -> &'static str {
        self.name
    }

    fn call(self: Arc<Self>, request: Request<Body>) -> Answer {
        let router = self.router.clone();
        Box::pin(async move {
            match tower::ServiceExt::oneshot(router, request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        })
    }
}
