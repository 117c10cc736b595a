//! Carries out the requests that `net.http_get`, `net.http_post` and `net.http_delete` queued, as pg_net's worker does.
//!
//! A request is taken from the queue, sent, and its answer written to `net._http_response` in one transaction: after a crash it is
//! still queued. Whoever receives it may therefore see it twice, never not at all.

mod call;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use pg::{Db, Purpose};
use serde_json::Value;
use service::Tasks;
use tokio::sync::Notify;
use url::Url;

pub use call::local_url;

/// Requests under way at once.
const AT_ONCE: usize = 4;
/// Answers are kept this long (upstream: `pg_net.ttl`, 6 hours).
const KEEP: &str = "6 hours";
/// The queue is looked at this often, also when nobody woke us. Whoever listens for us also wakes us when he is back after a pause.
const LOOK_AGAIN: Duration = Duration::from_secs(600);

/// The database did not do what was asked of it: the queue is looked at again after this.
const DATABASE_AWAY: Duration = Duration::from_secs(5);

/// The worker of one project's outgoing requests.
#[derive(Clone)]
pub struct Net(Arc<Inner>);

struct Inner {
    db: Db,
    client: reqwest::Client,
    /// Where `http://kong:8000`, the local stack's name for its gateway, really is.
    gateway: Option<Url>,
    tasks: Tasks,
    wake: Notify,
    busy: AtomicUsize,
    /// Somebody woke us while all senders were busy: what he queued may be younger than what they last saw.
    missed: AtomicBool,
}

/// The client that requests leave by: no redirects are followed (as upstream), no proxy is taken from the environment.
///
/// # Errors
/// TLS cannot be set up.
pub fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent("pg_net/basalt")
        .build()
}

/// A row of `net.http_request_queue`.
struct Queued {
    id: i64,
    method: String,
    url: String,
    headers: Option<Value>,
    body: Option<Vec<u8>>,
    timeout: Duration,
}

impl Net {
    /// A worker; [`Net::start`] sets it to work.
    pub fn new(db: Db, client: reqwest::Client, gateway: Option<Url>, tasks: Tasks) -> Self {
        Self(Arc::new(Inner {
            db,
            client,
            gateway,
            tasks,
            wake: Notify::new(),
            busy: AtomicUsize::new(0),
            missed: AtomicBool::new(false),
        }))
    }

    /// Something was queued.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Sends requests until the project stops.
    pub fn start(&self) {
        let net = self.clone();
        self.0.tasks.spawn_until_stop(async move {
            loop {
                net.drain();
                tokio::select! {
                    () = tokio::time::sleep(LOOK_AGAIN) => net.forget_old_answers().await,
                    () = net.0.wake.notified() => {}
                }
            }
        });
    }

    /// Adds a sender while there is room; each works until the queue is empty.
    fn drain(&self) {
        if self.0.busy.fetch_add(1, Ordering::AcqRel) >= AT_ONCE {
            self.0.missed.store(true, Ordering::Release);
            self.0.busy.fetch_sub(1, Ordering::AcqRel);
            return;
        }
        let net = self.clone();
        self.0.tasks.spawn_until_stop(async move {
            loop {
                match net.send_one().await {
                    // There may be more than one sender can do.
                    Ok(true) => net.drain(),
                    Ok(false) if net.0.missed.swap(false, Ordering::AcqRel) => {}
                    Ok(false) => break,
                    Err(error) => {
                        tracing::warn!(target: "jobs", %error, "cannot work on net.http_request_queue");
                        tokio::time::sleep(DATABASE_AWAY).await;
                    }
                }
            }
            net.0.busy.fetch_sub(1, Ordering::AcqRel);
        });
    }

    /// Takes one request and sends it; false where there was none.
    async fn send_one(&self) -> Result<bool, pg::Error> {
        const THERE: &str = "select to_regclass('net.http_request_queue') is not null";
        const TAKE: &str = "delete from net.http_request_queue where id = (
                select id from net.http_request_queue order by id limit 1 for update skip locked)
            returning id, method::text, url, headers, body, timeout_milliseconds";
        const ANSWER: &str = "insert into net._http_response
            (id, status_code, content_type, headers, content, timed_out, error_msg) values ($1, $2, $3, $4, $5, $6, $7)";
        let tx = self.0.db.as_platform(Purpose::Jobs).await?;
        if !tx.row(THERE, &[]).await?.is_some_and(|row| row.get(0)) {
            tx.rollback().await?;
            return Ok(false);
        }
        let Some(row) = tx.row(TAKE, &[]).await? else {
            tx.rollback().await?;
            return Ok(false);
        };
        let queued = Queued {
            id: row.get(0),
            method: row.get(1),
            url: row.get(2),
            headers: row.get(3),
            body: row.get(4),
            timeout: Duration::from_millis(u64::try_from(row.get::<_, i32>(5)).unwrap_or(0)),
        };
        let answer = call::send(&self.0.client, self.0.gateway.as_ref(), &queued).await;
        let content = answer.content.map(|text| text.replace('\0', ""));
        tx.execute(
            ANSWER,
            &[
                &queued.id,
                &answer.status,
                &answer.content_type,
                &answer.headers,
                &content,
                &answer.timed_out,
                &answer.error,
            ],
        )
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn forget_old_answers(&self) {
        let forget = async {
            let tx = self.0.db.as_platform(Purpose::Jobs).await?;
            let there = tx.row("select to_regclass('net._http_response') is not null", &[]).await?;
            if there.is_some_and(|row| row.get(0)) {
                tx.execute("delete from net._http_response where created < now() - $1::text::interval", &[&KEEP])
                    .await?;
            }
            tx.commit().await
        };
        if let Err(error) = forget.await {
            tracing::debug!(target: "jobs", %error, "cannot clean net._http_response");
        }
    }
}

impl std::fmt::Debug for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Net")
    }
}
