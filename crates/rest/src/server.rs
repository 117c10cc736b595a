//! `serve rest`: what stands around the service when it runs alone, as the PostgREST binary does.
//!
//! Options come from a file, the environment and the database ([`config_file`], [`config`]); [`Site`] keeps options and catalog up to
//! date while requests run; [`listener`] and [`admin`] are the two doors.

mod access_log;
pub mod admin;
pub mod config;
pub mod config_file;
mod database;
mod dump;
pub mod listener;
mod metrics;
mod site;

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use catalog::Catalog;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use service::{Paced, Workers};
use tokio::sync::watch;

use self::access_log::Seen;
use self::listener::Listener;
pub use config::{Config, LogLevel};
pub use config_file::Sources;
pub use dump::dump;
pub use site::Site;

use crate::jwt::Authenticator;

/// How long the main door stays closed for the first catalog: so many times so long.
const FIRST_LOAD_STEPS: u32 = 500;
const FIRST_LOAD_STEP: std::time::Duration = std::time::Duration::from_millis(10);

/// What answers requests, as the server sees it.
pub trait Application: Send + Sync + 'static {
    /// Takes new options; requests under way keep the old ones.
    fn configure(&self, config: &Config, authenticator: Arc<Authenticator>);

    /// Takes a new catalog; requests under way keep the old one.
    fn set_catalog(&self, catalog: Arc<Catalog>);

    /// Answers one request.
    fn answer(&self, request: Request<Paced<Incoming>>) -> impl Future<Output = Response<Full<Bytes>>> + Send;
}

/// Serves on `workers` until `stop` turns true and open requests are answered. `log` takes the lines of the access log.
///
/// # Errors
/// A port that is taken, in a sentence; a database that is away, where it is not waited for.
pub async fn run<A: Application>(
    site: Arc<Site<A>>,
    workers: Workers,
    stop: watch::Receiver<bool>,
    log: fn(&str),
) -> Result<(), String> {
    let config = site.config();
    let bind = async |endpoint, reuse_port, name: &str| {
        let bound = Listener::bind(endpoint, reuse_port).await;
        let bound = bound.map_err(|e| format!("cannot listen ({name}): {e}"))?;
        tracing::info!(target: "rest", address = bound.address(), name, "listening");
        Ok::<_, String>(bound)
    };
    let main = bind(&config.server, config.server_reuseport, "server-host, server-port").await?;
    let admin = match config.admin.port.is_some() || config.admin.unix_socket.is_some() {
        true => Some(bind(&config.admin, false, "admin-server-host, admin-server-port").await?),
        false => None,
    };
    let asked = site.clone();
    let answer = move |peer, request| {
        let site = asked.clone();
        async move {
            let level = site.log_level();
            let seen = (level > LogLevel::Crit).then(|| Seen::of(peer, &request));
            let response = with_reason(site.app.answer(request).await);
            if let Some(seen) = seen.filter(|_| access_log::is_logged(level, response.status())) {
                if let Some(crate::service::Statement(statement)) = response.extensions().get() {
                    // Asked for, so that it is told at the level that is told by default.
                    tracing::warn!(target: "rest", "{statement}");
                }
                log(&site.access_line(&seen, &response));
            }
            response
        }
    };
    let about = site.clone();
    let answer_admin = move |_, request: Request<Paced<Incoming>>| std::future::ready(admin::answer(&about, &request));
    let background = async {
        tokio::select! {
            why = site.keep_current() => why,
            why = site.listen() => why,
        }
    };
    let doors = async {
        let admin = async {
            if let Some(admin) = admin {
                admin.serve(answer_admin, &Workers::here(), stop.clone()).await;
            }
        };
        // The first requests wait for the first load instead of being told to come back; where PostgreSQL is down, not for long.
        let main = async {
            for _ in 0..FIRST_LOAD_STEPS {
                if site.is_loaded() {
                    break;
                }
                tokio::time::sleep(FIRST_LOAD_STEP).await;
            }
            main.serve(answer, &workers, stop.clone()).await;
        };
        tokio::join!(main, admin);
    };
    tokio::select! {
        () = doors => Ok(()),
        why = background => Err(format!("{why}; db-pool-automatic-recovery is off")),
    }
}

/// Puts the words that SQL chose for the status line where HTTP/1 takes them from; a status without words gets none.
fn with_reason(mut response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    let chosen = response.extensions_mut().remove::<crate::Reason>().map(|crate::Reason(text)| text);
    let nameless = response.status().canonical_reason().is_none().then(String::new);
    if let Some(text) = chosen.or(nameless)
        && let Ok(reason) = ReasonPhrase::try_from(text.into_bytes())
    {
        response.extensions_mut().insert(reason);
    }
    response
}
