//! The outbox: what is queued in a transaction is sent after its commit, again and again until it is gone.
//!
//! A worker takes a row by setting its `due_at` ahead (a lease), sends, and deletes it. A crash in between sends it again when the lease
//! is over, with the same `Message-ID`: as close to exactly once as SMTP allows.

use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use parking_lot::Mutex;
use pg::tokio_postgres::types::Json;
use pg::{Db, PlatformTx, Purpose};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service::Tasks;
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use crate::inbox::Inbox;
use crate::letters::{FETCH_AGAIN, Letter, Letters};
use crate::sms::Sms;
use crate::smtp::{Smtp, SmtpError};

/// The NOTIFY that a queued letter sends: whoever listens calls [`Outbox::wake`].
pub const CHANNEL: &str = "_basalt_mail";

/// Senders at once: a slow server must not hold up the rest.
const SENDERS: usize = 4;
/// Who holds a row for so long is dead.
const LEASE: Duration = Duration::from_secs(120);
/// Shorter than the lease: a server that says a word every half minute must not make another worker send the letter too.
const LONGEST_SEND: Duration = Duration::from_secs(90);
/// How long letters on their way may take when the project stops.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// The database did not answer: it is asked again after this.
const DATABASE_AWAY: Duration = Duration::from_secs(5);
/// The table is looked at this often, also when nothing is due and nobody woke us. Each look opens a connection.
const LOOK_AGAIN: Duration = Duration::from_secs(600);
/// After something was queued by this process: its transaction is committed a moment later.
const AFTER_QUEUE: [Duration; 4] =
    [Duration::from_millis(20), Duration::from_millis(150), Duration::from_millis(1_000), Duration::from_millis(4_000)];
/// Between tries of a letter: 5 s, 15 s, 45 s, …, then an hour.
const FIRST_DELAY_SECONDS: u64 = 5;
const LONGEST_DELAY_SECONDS: u64 = 3_600;
/// Some 14 hours of an SMTP server that is down.
const MAX_EMAIL_ATTEMPTS: i32 = 20;
/// A code by SMS lives a minute: three tries.
const MAX_SMS_ATTEMPTS: i32 = 3;
/// Dead letters are kept this long, for who wants to know why.
const KEEP_DEAD: Duration = Duration::from_secs(14 * 24 * 3_600);

/// Where letters go.
pub enum EmailRoute {
    /// Over SMTP.
    Smtp(Smtp),
    /// Into the inbox of development.
    Inbox(Arc<Inbox>),
    /// Nowhere: no SMTP server is configured (GoTrue drops letters then, and flows go on).
    Nowhere,
}

/// What an outbox needs.
pub struct Parts {
    /// The doors to the database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// Background work.
    pub tasks: Tasks,
    /// The letters.
    pub letters: Letters,
    /// Where letters go.
    pub email: EmailRoute,
    /// How text messages leave; `None`: they are shown in the inbox of development, or dropped.
    pub sms: Option<Sms>,
    /// For SMS providers and templates from URLs.
    pub client: reqwest::Client,
}

/// The outbox of a project.
#[derive(Clone)]
pub struct Outbox(Arc<Inner>);

struct Inner {
    parts: Parts,
    wake: Notify,
    queued: Notify,
    /// Recipients to whom something is on its way.
    busy: Mutex<Vec<String>>,
    turn: tokio::sync::Mutex<()>,
}

/// `content` of a row.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Content {
    Letter { subject: String, html: String, text: String },
    Message { message: String, code: String, channel: String },
}

/// A row that a worker holds.
struct Held {
    id: Uuid,
    kind: String,
    recipient: String,
    content: Content,
    attempts: i32,
    _place: Place,
}

/// While it lives, nothing else goes to the recipient.
struct Place {
    inner: Arc<Inner>,
    recipient: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut busy = self.inner.busy.lock();
        if let Some(at) = busy.iter().position(|known| *known == self.recipient) {
            busy.swap_remove(at);
        }
    }
}

/// A letter that was given up.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// Its id, also in its `Message-ID`.
    pub id: Uuid,
    /// Which letter.
    pub kind: String,
    /// To whom.
    pub recipient: String,
    /// How often it was tried.
    pub attempts: i32,
    /// What the last try said.
    pub last_error: String,
    /// When it was given up.
    pub dead_at: OffsetDateTime,
}

impl Outbox {
    /// Makes an outbox; [`Outbox::start`] sets it to work.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner {
            parts,
            wake: Notify::new(),
            queued: Notify::new(),
            busy: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }))
    }

    /// Fills in the letter of a kind and puts it into the outbox, on the caller's transaction: it leaves if that is committed.
    ///
    /// # Errors
    /// An unknown kind, or the database.
    pub async fn queue_letter(
        &self,
        tx: &PlatformTx,
        kind: &str,
        to: &str,
        data: &Map<String, Value>,
    ) -> Result<(), anyhow::Error> {
        let Letter { subject, html, text } = self.0.parts.letters.fill(kind, data)?;
        self.insert(tx, "email", kind, to, &Content::Letter { subject, html, text }).await
    }

    /// Puts a text message into the outbox, on the caller's transaction.
    ///
    /// # Errors
    /// The database.
    pub async fn queue_message(
        &self,
        tx: &PlatformTx,
        to: &str,
        text: &str,
        code: &str,
        channel: &str,
    ) -> Result<(), anyhow::Error> {
        let content = Content::Message { message: text.to_owned(), code: code.to_owned(), channel: channel.to_owned() };
        self.insert(tx, "sms", "sms", to, &content).await
    }

    async fn insert(
        &self,
        tx: &PlatformTx,
        channel: &str,
        kind: &str,
        to: &str,
        content: &Content,
    ) -> Result<(), anyhow::Error> {
        const INSERT: &str = "with added as (insert into _basalt.mail_outbox
                (id, channel, kind, recipient, content, created_at, due_at) values ($1, $2, $3, $4, $5, $6, $6))
            select pg_catalog.pg_notify('_basalt_mail', '')";
        let (id, now) = (crypto::random::uuid(), self.0.parts.clock.now());
        let content = serde_json::to_value(content)?;
        tx.rows(INSERT, &[&id, &channel, &kind, &to, &content, &now]).await?;
        self.0.queued.notify_one();
        Ok(())
    }

    /// Something was queued and committed: by another process, or a NOTIFY on [`CHANNEL`] says so.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// The provider of text messages.
    pub fn sms(&self) -> Option<&Sms> {
        self.0.parts.sms.as_ref()
    }

    /// Sends until the project stops.
    pub fn start(&self) {
        let outbox = self.clone();
        self.0.parts.tasks.spawn(async move { outbox.work().await });
        if self.0.parts.letters.has_remote() {
            let outbox = self.clone();
            self.0.parts.tasks.spawn_until_stop(async move {
                loop {
                    outbox.0.parts.letters.fetch(&outbox.0.parts.client).await;
                    tokio::time::sleep(FETCH_AGAIN).await;
                }
            });
        }
    }

    /// Letters leave one by one, each as soon as a sender is free: one that a server holds up does not hold up the rest.
    async fn work(&self) {
        let mut sending = JoinSet::new();
        let mut looks: std::slice::Iter<'_, Duration> = [].iter();
        let mut swept = None::<Instant>;
        loop {
            if swept.is_none_or(|at| at.elapsed() >= LOOK_AGAIN) {
                swept = Some(Instant::now());
                self.told(self.forget_dead().await);
            }
            while sending.len() < SENDERS {
                match self.take().await {
                    Ok(Some(held)) => {
                        let outbox = self.clone();
                        sending.spawn(async move { outbox.deliver(held).await });
                    }
                    Ok(None) => break,
                    Err(error) => {
                        self.told(Err(error));
                        break;
                    }
                }
            }
            let pause = match looks.next() {
                Some(pause) => *pause,
                None if sending.len() < SENDERS => self.until_next().await,
                None => LOOK_AGAIN,
            };
            tokio::select! {
                () = self.0.parts.tasks.stopping() => break,
                Some(result) = sending.join_next() => self.told(result.unwrap_or(Ok(()))),
                () = tokio::time::sleep(pause) => {}
                () = self.0.wake.notified() => {}
                // The transaction that queued may not be committed yet.
                () = self.0.queued.notified() => looks = AFTER_QUEUE.iter(),
            }
        }
        // What is on its way is not cut off: the server may have taken it, and would get it again.
        let rest = async { while sending.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(LAST_WORDS, rest).await;
    }

    fn told(&self, result: Result<(), pg::Error>) {
        if let Err(error) = result {
            tracing::warn!(target: "mail", %error, "cannot work on the outbox");
        }
    }

    async fn until_next(&self) -> Duration {
        const NEXT: &str = "select min(due_at) from _basalt.mail_outbox where dead_at is null and recipient <> all($1)";
        let next = async {
            let tx = self.0.parts.db.as_platform(Purpose::Jobs).await?;
            let row = tx.row(NEXT, &[&self.busy()]).await?;
            tx.rollback().await?;
            Ok::<_, pg::Error>(row.and_then(|row| row.get::<_, Option<OffsetDateTime>>(0)))
        };
        match next.await {
            Ok(Some(due)) => {
                let wait = (due - self.0.parts.clock.now()).max(time::Duration::milliseconds(50));
                Duration::try_from(wait).unwrap_or(LOOK_AGAIN).min(LOOK_AGAIN)
            }
            Ok(None) => LOOK_AGAIN,
            Err(_) => DATABASE_AWAY,
        }
    }

    /// To whom something is on its way: the next letter to him waits, so that letters arrive in the order in which they were queued.
    fn busy(&self) -> Vec<String> {
        self.0.busy.lock().clone()
    }

    /// Sends everything that is due now and returns how many rows were worked on. The worker calls it; so do tests and commands.
    ///
    /// # Errors
    /// The database.
    pub async fn deliver_due(&self) -> Result<usize, pg::Error> {
        self.forget_dead().await?;
        // Mostly nothing is due: more than one look would open a connection each.
        let Some(first) = self.take().await? else { return Ok(0) };
        let mut first = Some(first);
        let senders = (0..SENDERS).map(|_| {
            let begun = first.take();
            async move {
                let mut count = 0;
                let mut next = if begun.is_some() { begun } else { self.take().await? };
                while let Some(held) = next {
                    count += 1;
                    self.deliver(held).await?;
                    next = self.take().await?;
                }
                Ok::<_, pg::Error>(count)
            }
        });
        // All of them to their end, also where one fails: a letter that is cut off in the middle may have arrived.
        let counts = futures_util::future::join_all(senders).await;
        counts.into_iter().sum()
    }

    async fn deliver(&self, held: Held) -> Result<(), pg::Error> {
        let result = tokio::time::timeout(LONGEST_SEND, self.send(&held)).await;
        let result = result.unwrap_or_else(|_| {
            Err(Failure { hopeless: false, reason: format!("it took longer than {} s", LONGEST_SEND.as_secs()) })
        });
        self.settle(&held, result).await
    }

    async fn take(&self) -> Result<Option<Held>, pg::Error> {
        const TAKE: &str = "update _basalt.mail_outbox set attempts = attempts + 1, due_at = $2 where id = (
                select id from _basalt.mail_outbox where dead_at is null and due_at <= $1 and recipient <> all($3)
                order by due_at limit 1 for update skip locked)
            returning id, kind, recipient, content, attempts";
        // One at a time: between the choice of a row and the note of its recipient nobody else chooses.
        let _turn = self.0.turn.lock().await;
        let now = self.0.parts.clock.now();
        let tx = self.0.parts.db.as_platform(Purpose::Jobs).await?;
        let Some(row) = tx.row(TAKE, &[&now, &(now + LEASE), &self.busy()]).await? else {
            tx.rollback().await?;
            return Ok(None);
        };
        tx.commit().await?;
        let Json(content) = row.try_get("content")?;
        let recipient: String = row.try_get("recipient")?;
        self.0.busy.lock().push(recipient.clone());
        Ok(Some(Held {
            id: row.try_get("id")?,
            kind: row.try_get("kind")?,
            _place: Place { inner: Arc::clone(&self.0), recipient: recipient.clone() },
            recipient,
            content,
            attempts: row.try_get("attempts")?,
        }))
    }

    /// `Err(reason)`: not sent.
    async fn send(&self, held: &Held) -> Result<(), Failure> {
        match &held.content {
            Content::Letter { subject, html, text } => {
                let letter = Letter { subject: subject.clone(), html: html.clone(), text: text.clone() };
                match &self.0.parts.email {
                    EmailRoute::Smtp(smtp) => {
                        smtp.send(held.id, &held.recipient, &letter).await.map(drop).map_err(|error| Failure {
                            hopeless: matches!(error, SmtpError::Letter(_)),
                            reason: error.to_string(),
                        })
                    }
                    EmailRoute::Inbox(inbox) => inbox
                        .deliver(held.id, &held.recipient, &letter)
                        .map_err(|error| Failure { hopeless: true, reason: error.to_string() }),
                    EmailRoute::Nowhere => {
                        tracing::info!(target: "mail", kind = held.kind, "a letter is dropped: no SMTP server is configured");
                        Ok(())
                    }
                }
            }
            Content::Message { message, code, channel } => match (&self.0.parts.sms, &self.0.parts.email) {
                (Some(sms), _) => sms
                    .send(&self.0.parts.client, &held.recipient, message, code, channel)
                    .await
                    .map_err(|error| Failure { hopeless: false, reason: error.to_string() }),
                (None, EmailRoute::Inbox(inbox)) => {
                    inbox.deliver_message(held.id, &held.recipient, message);
                    Ok(())
                }
                (None, _) => {
                    tracing::info!(target: "mail", "a text message is dropped: no SMS provider is configured");
                    Ok(())
                }
            },
        }
    }

    async fn settle(&self, held: &Held, result: Result<(), Failure>) -> Result<(), pg::Error> {
        const DONE: &str = "delete from _basalt.mail_outbox where id = $1";
        const AGAIN: &str = "update _basalt.mail_outbox set due_at = $2, last_error = $3 where id = $1";
        const DEAD: &str = "update _basalt.mail_outbox set dead_at = $2, last_error = $3 where id = $1";
        let now = self.0.parts.clock.now();
        let Err(failure) = result else {
            // It is gone: were the row to stay, it would go again. The database may be away for a moment.
            return self.write_persistently(DONE, held.id).await;
        };
        let most = match held.content {
            Content::Letter { .. } => MAX_EMAIL_ATTEMPTS,
            Content::Message { .. } => MAX_SMS_ATTEMPTS,
        };
        let (sql, at) = if failure.hopeless || held.attempts >= most {
            tracing::error!(target: "mail", id = %held.id, kind = held.kind, attempts = held.attempts,
                error = failure.reason, "a letter is given up");
            (DEAD, now)
        } else {
            let delay = delay(held.attempts);
            tracing::warn!(target: "mail", id = %held.id, kind = held.kind, attempts = held.attempts,
                again_in_seconds = delay.as_secs(), error = failure.reason, "a letter could not be sent");
            (AGAIN, now + delay)
        };
        let tx = self.0.parts.db.as_platform(Purpose::Jobs).await?;
        tx.execute(sql, &[&held.id, &at, &failure.reason]).await?;
        tx.commit().await
    }

    async fn write_persistently(&self, sql: &str, id: Uuid) -> Result<(), pg::Error> {
        let once = || async {
            let tx = self.0.parts.db.as_platform(Purpose::Jobs).await?;
            tx.execute(sql, &[&id]).await?;
            tx.commit().await
        };
        // Often at first: as long as the row is there, another fault of ours would send the letter again.
        for pause in [0, 200, 300, 500, 1_000, 1_000, 2_000, 5_000, 20_000] {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            match once().await {
                Ok(()) => return Ok(()),
                Err(error) => {
                    tracing::warn!(target: "mail", %id, %error, "a letter was sent, but its row is still there");
                }
            }
        }
        once().await
    }

    async fn forget_dead(&self) -> Result<(), pg::Error> {
        const FORGET: &str = "delete from _basalt.mail_outbox where dead_at < $1";
        let tx = self.0.parts.db.as_platform(Purpose::Jobs).await?;
        tx.execute(FORGET, &[&(self.0.parts.clock.now() - KEEP_DEAD)]).await?;
        tx.commit().await
    }

    /// What was given up, newest first.
    ///
    /// # Errors
    /// The database.
    pub async fn dead_letters(&self) -> Result<Vec<DeadLetter>, pg::Error> {
        const LIST: &str = "select id, kind, recipient, attempts, coalesce(last_error, '') as last_error, dead_at
            from _basalt.mail_outbox where dead_at is not null order by dead_at desc limit 1000";
        let tx = self.0.parts.db.as_platform(Purpose::Jobs).await?;
        let rows = tx.rows(LIST, &[]).await?;
        tx.rollback().await?;
        rows.iter()
            .map(|row| {
                Ok(DeadLetter {
                    id: row.try_get("id")?,
                    kind: row.try_get("kind")?,
                    recipient: row.try_get("recipient")?,
                    attempts: row.try_get("attempts")?,
                    last_error: row.try_get("last_error")?,
                    dead_at: row.try_get("dead_at")?,
                })
            })
            .collect()
    }

    /// Tries all dead letters once more, from the beginning.
    ///
    /// # Errors
    /// The database.
    pub async fn revive(&self) -> Result<u64, pg::Error> {
        const REVIVE: &str =
            "update _basalt.mail_outbox set dead_at = null, attempts = 0, due_at = $1 where dead_at is not null";
        let tx = self.0.parts.db.as_platform(Purpose::Jobs).await?;
        let count = tx.execute(REVIVE, &[&self.0.parts.clock.now()]).await?;
        tx.commit().await?;
        self.wake();
        Ok(count)
    }
}

/// Why a letter was not sent, and whether trying again is no use.
struct Failure {
    hopeless: bool,
    reason: String,
}

fn delay(attempts: i32) -> Duration {
    let exponent = u32::try_from(attempts - 1).unwrap_or(0).min(10);
    Duration::from_secs((FIRST_DELAY_SECONDS * 3_u64.pow(exponent)).min(LONGEST_DELAY_SECONDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_an_hour_and_tries_last_half_a_day() {
        assert_eq!([1, 2, 3].map(|n| delay(n).as_secs()), [5, 15, 45]);
        assert_eq!(delay(30).as_secs(), 3_600);
        let all: u64 = (1..MAX_EMAIL_ATTEMPTS).map(|n| delay(n).as_secs()).sum();
        assert!(all > 12 * 3_600, "{all}");
    }
}
