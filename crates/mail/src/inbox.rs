//! The inbox of development: letters arrive in memory, by SMTP or straight from the outbox; tests and people read them over HTTP.

mod api;
mod page;
mod receive;
mod wire;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use base::Clock;
use lettre::message::Mailbox;
use parking_lot::RwLock;
use service::Tasks;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::letters::Letter;
use crate::smtp;

/// Letters that are kept; the oldest leave first.
const MAX_MESSAGES: usize = 500;
/// Bytes of all letters together.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Longest letter that is taken.
pub(crate) const MAX_MESSAGE_BYTES: usize = 10 * 1024 * 1024;

/// A letter in the inbox.
#[derive(Debug, Clone)]
pub struct ReceivedMessage {
    /// How the API calls it.
    pub id: String,
    /// To whom it was delivered (the envelope, which knows Bcc).
    pub recipients: Vec<String>,
    /// Who sent it, by the envelope.
    pub sender: String,
    /// When it arrived.
    pub at: OffsetDateTime,
    /// As it came.
    pub raw: Arc<[u8]>,
    /// Has anybody opened it?
    pub read: bool,
}

/// Why a letter was not taken.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    /// It cannot be made.
    #[error(transparent)]
    Letter(#[from] smtp::SmtpError),
    /// It is too long.
    #[error("the letter is longer than {MAX_MESSAGE_BYTES} bytes")]
    TooLong,
}

/// Letters in memory, bounded in number and bytes.
pub struct Inbox {
    /// Newest first.
    messages: RwLock<VecDeque<ReceivedMessage>>,
    clock: Clock,
    from: Mailbox,
}

/// Where the inbox listens.
#[derive(Debug, Clone, Default)]
pub struct Servers {
    /// Mailpit's API and the page; `[inbucket] port`.
    pub http: Option<SocketAddr>,
    /// SMTP; `[inbucket] smtp_port`.
    pub smtp: Option<SocketAddr>,
}

impl Inbox {
    /// An empty inbox. `sender` writes the letters that come straight from the outbox.
    ///
    /// # Errors
    /// The sender is no address.
    pub fn new(clock: Clock, sender: &str, sender_name: &str) -> Result<Arc<Self>, InboxError> {
        let settings = smtp::SmtpSettings {
            host: String::new(),
            port: 0,
            user: String::new(),
            password: base::Secret::default(),
            admin_email: sender.to_owned(),
            sender_name: sender_name.to_owned(),
            headers: Vec::new(),
            security: smtp::Security::Plain,
        };
        let from = smtp::from_mailbox(&settings)?;
        Ok(Arc::new(Self { messages: RwLock::default(), clock, from }))
    }

    /// Takes a letter of the outbox.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn deliver(&self, id: Uuid, to: &str, letter: &Letter) -> Result<(), InboxError> {
        let message = smtp::message(&self.from, &[], id, to, letter)?;
        self.receive(self.from.email.to_string(), vec![to.to_owned()], message.formatted())
    }

    /// Shows a text message as a letter, where no SMS provider is configured.
    pub fn deliver_message(&self, id: Uuid, to: &str, text: &str) {
        let html = format!("<p>{}</p>", text.replace('&', "&amp;").replace('<', "&lt;"));
        let letter = Letter { subject: format!("SMS to +{to}"), html, text: format!("{text}\n") };
        if let Err(error) = self.deliver(id, &format!("{to}@sms.localhost"), &letter) {
            tracing::warn!(target: "mail", %error, "a text message is not shown in the inbox");
        }
    }

    /// Takes a letter as it came over SMTP.
    ///
    /// # Errors
    /// It is too long.
    pub fn receive(&self, sender: String, recipients: Vec<String>, raw: Vec<u8>) -> Result<(), InboxError> {
        if raw.len() > MAX_MESSAGE_BYTES {
            return Err(InboxError::TooLong);
        }
        let id = crypto::random::string(b"23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", 22);
        let message = ReceivedMessage { id, recipients, sender, at: self.clock.now(), raw: raw.into(), read: false };
        let mut messages = self.messages.write();
        messages.push_front(message);
        let mut bytes: usize = messages.iter().map(|one| one.raw.len()).sum();
        while messages.len() > MAX_MESSAGES || bytes > MAX_BYTES {
            match messages.pop_back() {
                Some(oldest) => bytes -= oldest.raw.len(),
                None => break,
            }
        }
        Ok(())
    }

    /// All letters, newest first.
    pub fn messages(&self) -> Vec<ReceivedMessage> {
        self.messages.read().iter().cloned().collect()
    }

    /// One letter; `latest` is the newest.
    pub fn message(&self, id: &str) -> Option<ReceivedMessage> {
        let messages = self.messages.read();
        if id == "latest" { messages.front().cloned() } else { messages.iter().find(|one| one.id == id).cloned() }
    }

    pub(crate) fn set_read(&self, ids: &[String], read: bool) {
        for one in self.messages.write().iter_mut().filter(|one| ids.is_empty() || ids.contains(&one.id)) {
            one.read = read;
        }
    }

    /// Throws letters away: those with these ids, or all where none is named.
    pub fn delete(&self, ids: &[String]) {
        self.messages.write().retain(|one| !ids.is_empty() && !ids.contains(&one.id));
    }

    /// Binds the ports and serves until the project stops. Returns where it really listens (port 0 is any).
    ///
    /// # Errors
    /// A port is taken.
    pub async fn serve(self: &Arc<Self>, servers: &Servers, tasks: &Tasks) -> io::Result<Servers> {
        let mut bound = Servers::default();
        if let Some(address) = servers.http {
            let listener = bind(address).await?;
            bound.http = Some(listener.local_addr()?);
            api::serve(Arc::clone(self), listener, tasks);
        }
        if let Some(address) = servers.smtp {
            let listener = bind(address).await?;
            bound.smtp = Some(listener.local_addr()?);
            receive::serve(Arc::clone(self), listener, tasks);
        }
        Ok(bound)
    }
}

async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|e| io::Error::new(e.kind(), format!("the mail inbox cannot listen on {address}: {e}")))
}
