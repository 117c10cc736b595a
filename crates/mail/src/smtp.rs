//! Letters leave by SMTP.

use std::time::Duration;

use base::Secret;
use lettre::address::Envelope;
use lettre::message::{Mailbox, MultiPart, header};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use uuid::Uuid;

use crate::letters::Letter;

/// A server that says nothing for so long is slow; the letter is tried again later.
const TIMEOUT: Duration = Duration::from_secs(30);

/// When the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Security {
    /// From the first byte on port 465, else STARTTLS where the server offers it (GoTrue's way).
    #[default]
    Auto,
    /// STARTTLS or nothing is sent.
    RequireStartTls,
    /// From the first byte.
    ImplicitTls,
    /// Never; for a server on this machine.
    Plain,
}

/// `[auth.email.smtp]`.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// Host name.
    pub host: String,
    /// 587, 465 or 25.
    pub port: u16,
    /// Empty: no authentication.
    pub user: String,
    /// Its password.
    pub password: Secret<String>,
    /// The sender's address.
    pub admin_email: String,
    /// The sender's name; may be empty.
    pub sender_name: String,
    /// Further headers of each letter.
    pub headers: Vec<(String, String)>,
    /// See [`Security`].
    pub security: Security,
}

/// Why a letter did not leave, or the settings cannot be.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// A setting cannot be.
    #[error("SMTP settings: {0}")]
    Settings(String),
    /// This letter can never be sent, e.g. its address has no form.
    #[error("the letter cannot be made: {0}")]
    Letter(String),
    /// What the server or the network said.
    #[error("SMTP server {server}: {reason}")]
    Server {
        /// Host and port.
        server: String,
        /// The whole chain of causes.
        reason: String,
    },
}

/// An SMTP server to send by. Connections are pooled.
pub struct Smtp(Box<Sender>);

struct Sender {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    settings: SmtpSettings,
    from: Mailbox,
}

impl Smtp {
    /// Checks the settings; nothing is connected yet.
    ///
    /// # Errors
    /// [`SmtpError::Settings`].
    pub fn new(settings: SmtpSettings) -> Result<Self, SmtpError> {
        let wrong = |what: &str| SmtpError::Settings(what.to_owned());
        if settings.host.is_empty() {
            return Err(wrong("the host is empty"));
        }
        let from = from_mailbox(&settings)?;
        let parameters = TlsParameters::new(settings.host.clone()).map_err(|e| SmtpError::Settings(chain(&e)))?;
        let tls = match settings.security {
            Security::Auto if settings.port == 465 => Tls::Wrapper(parameters),
            Security::Auto => Tls::Opportunistic(parameters),
            Security::RequireStartTls => Tls::Required(parameters),
            Security::ImplicitTls => Tls::Wrapper(parameters),
            Security::Plain => Tls::None,
        };
        for (name, _) in &settings.headers {
            header::HeaderName::new_from_ascii(name.clone()).map_err(|_| wrong("a header has no valid name"))?;
        }
        let hello = ClientId::Domain(from.email.domain().to_owned());
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .port(settings.port)
            .tls(tls)
            .hello_name(hello)
            .timeout(Some(TIMEOUT));
        if !settings.user.is_empty() {
            builder = builder.credentials(Credentials::new(settings.user.clone(), settings.password.expose().clone()));
        }
        Ok(Self(Box::new(Sender { transport: builder.build(), settings, from })))
    }

    /// Sends a letter, and returns what the server said to it. `id` names it for ever: a letter that arrives twice has the same
    /// `Message-ID`.
    ///
    /// # Errors
    /// [`SmtpError::Letter`] where trying again is no use, [`SmtpError::Server`] where it may be.
    pub async fn send(&self, id: Uuid, to: &str, letter: &Letter) -> Result<String, SmtpError> {
        let Sender { transport, settings, from } = &*self.0;
        let message = message(from, &settings.headers, id, to, letter)?;
        let answer = transport.send(message).await.map_err(|error| SmtpError::Server {
            server: format!("{}:{}", settings.host, settings.port),
            reason: chain(&error),
        })?;
        Ok(format!("{} {}", answer.code(), answer.message().collect::<Vec<_>>().join(" ")))
    }
}

/// The sender of the settings.
pub(crate) fn from_mailbox(settings: &SmtpSettings) -> Result<Mailbox, SmtpError> {
    let email: Address = settings
        .admin_email
        .parse()
        .map_err(|_| SmtpError::Settings(format!("the sender {:?} is no address", settings.admin_email)))?;
    let name = Some(settings.sender_name.trim().to_owned()).filter(|name| !name.is_empty());
    Ok(Mailbox::new(name, email))
}

/// A letter as it goes over the wire.
pub(crate) fn message(
    from: &Mailbox,
    headers: &[(String, String)],
    id: Uuid,
    to: &str,
    letter: &Letter,
) -> Result<Message, SmtpError> {
    let to = address(to).ok_or_else(|| SmtpError::Letter("the recipient is no address".to_owned()))?;
    let domain = from.email.domain();
    let envelope = Envelope::new(Some(from.email.clone()), vec![to.clone()]);
    let envelope = envelope.map_err(|e| SmtpError::Letter(e.to_string()))?;
    let mut message = Message::builder()
        // Else it is read from the header, and names in quotes are not understood there.
        .envelope(envelope)
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(&letter.subject)
        .message_id(Some(format!("<{id}@{domain}>")))
        .multipart(MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone()))
        .map_err(|e| SmtpError::Letter(e.to_string()))?;
    for (name, value) in headers {
        let name = header::HeaderName::new_from_ascii(name.clone())
            .map_err(|_| SmtpError::Letter("a header has no valid name".to_owned()))?;
        message.headers_mut().insert_raw(header::HeaderValue::new(name, value.replace(['\r', '\n'], " ")));
    }
    Ok(message)
}

/// Some providers gave away names with dots at the end or in a row, which RFC 5321 has in quotes only.
fn address(text: &str) -> Option<Address> {
    let quoted = || text.rsplit_once('@').and_then(|(name, domain)| format!("\"{name}\"@{domain}").parse().ok());
    text.parse().ok().or_else(|| if text.contains(['"', '\\', ' ']) { None } else { quoted() })
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let next_text = next.to_string();
        if !text.contains(&next_text) {
            text.push_str(": ");
            text.push_str(&next_text);
        }
        cause = next.source();
    }
    text
}
