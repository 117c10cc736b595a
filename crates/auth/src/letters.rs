//! E-mail of the flows: a one-time token is stored and its letter queued in the same transaction, so a sign-up never waits on SMTP.

use std::future::Future;
use std::pin::Pin;

use pg::PlatformTx;
use serde_json::{Value, json};

use crate::Auth;
use crate::config::HookPoint;
use crate::error::{Code, Error};
use crate::model::{Object, OtpKind, User};
use crate::request::Req;
use crate::store::users::Changes;
use crate::{store, wire};

/// Which letter; the names are those of `[auth.email.template.<name>]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LetterKind {
    /// Confirm the address of a sign-up.
    Confirmation,
    /// An admin invites.
    Invite,
    /// A forgotten password.
    Recovery,
    /// Sign in by link or code.
    MagicLink,
    /// Confirm a change of address.
    EmailChange,
    /// Prove presence before a password change.
    Reauthentication,
    /// Told after the fact.
    PasswordChanged,
    /// Told after the fact, to the old address.
    EmailChanged,
    /// Told after the fact.
    PhoneChanged,
    /// Told after the fact.
    IdentityLinked,
    /// Told after the fact.
    IdentityUnlinked,
    /// Told after the fact.
    MfaFactorEnrolled,
    /// Told after the fact.
    MfaFactorUnenrolled,
}

impl LetterKind {
    /// As in config.toml.
    pub const fn template(self) -> &'static str {
        match self {
            Self::Confirmation => "confirmation",
            Self::Invite => "invite",
            Self::Recovery => "recovery",
            Self::MagicLink => "magic_link",
            Self::EmailChange => "email_change",
            Self::Reauthentication => "reauthentication",
            Self::PasswordChanged => "password_changed_notification",
            Self::EmailChanged => "email_changed_notification",
            Self::PhoneChanged => "phone_changed_notification",
            Self::IdentityLinked => "identity_linked_notification",
            Self::IdentityUnlinked => "identity_unlinked_notification",
            Self::MfaFactorEnrolled => "mfa_factor_enrolled_notification",
            Self::MfaFactorUnenrolled => "mfa_factor_unenrolled_notification",
        }
    }

    /// `type` of the link, and `email_action_type` of the hook.
    pub const fn action(self) -> &'static str {
        match self {
            Self::Confirmation => "signup",
            Self::MagicLink => "magiclink",
            other => other.template(),
        }
    }

    /// Name of the setting that says where the link leads.
    const fn url_path(self) -> &'static str {
        match self {
            Self::Confirmation => "confirmation",
            Self::Invite => "invite",
            Self::EmailChange => "email_change",
            _ => "recovery",
        }
    }
}

/// A letter, before its template is filled in.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Which template.
    pub kind: LetterKind,
    /// One address.
    pub to: String,
    /// What the template may name: `SiteURL`, `ConfirmationURL`, `Token`, `TokenHash`, `Email`, `NewEmail`, `SendingTo`, `RedirectTo`, `Data`.
    pub variables: serde_json::Map<String, Value>,
}

/// A future that a trait object returns.
pub type Queued<'a> = Pin<Box<dyn Future<Output = Result<(), anyhow::Error>> + Send + 'a>>;

/// Where letters go: an outbox that sends them after the commit, again and again until they are gone.
pub trait Letters: Send + Sync {
    /// Puts a letter into the outbox, on the caller's transaction.
    fn queue<'a>(&'a self, tx: &'a PlatformTx, letter: Letter) -> Queued<'a>;
}

/// A one-time password and the hash under which it is stored.
pub(crate) struct OneTime {
    pub code: String,
    pub hash: String,
}

/// hex(SHA-224(contact ‖ code)), as GoTrue stores it.
pub(crate) fn token_hash(contact: &str, code: &str) -> String {
    crypto::sha224_hex(format!("{contact}{code}").as_bytes())
}

impl OneTime {
    /// A new code for an address or number; `pkce_` marks the hash of a flow that ends with a code.
    pub fn new(contact: &str, digits: usize, pkce: bool) -> Self {
        let code = crypto::random::digits(digits.clamp(6, 10));
        let hash = token_hash(contact, &code);
        Self { code, hash: if pkce { format!("pkce_{hash}") } else { hash } }
    }
}

/// What a letter of a flow says.
pub(crate) struct Content<'a> {
    pub kind: LetterKind,
    pub to: &'a str,
    pub one_time: &'a OneTime,
    pub redirect_to: &'a str,
    /// Of the other letter of a double confirmation: for the hook, which gets both at once.
    pub other: Option<&'a OneTime>,
}

impl Auth {
    pub(crate) fn new_code(&self, contact: &str, pkce: bool) -> OneTime {
        OneTime::new(contact, self.config.mailer.otp_length, pkce)
    }

    /// The link of a letter.
    pub(crate) fn action_link(&self, req: &Req, kind: LetterKind, hash: &str, redirect_to: &str) -> String {
        let mut base = self.config.verify_url(kind.url_path());
        if let Some(host) = req.external_host(self)
            && let Ok(mut url) = url::Url::parse(&base)
            && url.set_host(Some(&host)).is_ok()
        {
            base = url.to_string();
        }
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("token", hash)
            .append_pair("type", kind.action())
            .append_pair("redirect_to", redirect_to)
            .finish();
        let separator = if base.contains('?') { '&' } else { '?' };
        format!("{base}{separator}{query}")
    }

    /// Sends one letter of a flow: by the hook where there is one, else through the outbox.
    ///
    /// # Errors
    /// 429 over the server's limit, the hook's error, or the database's.
    pub(crate) async fn send_letter(
        &self,
        tx: &PlatformTx,
        req: &Req,
        user: &User,
        content: Content<'_>,
    ) -> Result<(), Error> {
        self.check_recipient(content.to)?;
        if !self.config.mailer.autoconfirm {
            self.limit_email()?;
        }
        let link = self.action_link(req, content.kind, &content.one_time.hash, content.redirect_to);
        if self.has_hook(HookPoint::SendEmail) {
            let (new, new_hash) = content.other.map_or(("", ""), |o| (o.code.as_str(), o.hash.as_str()));
            let input = json!({"user": wire::user(user), "email_data": {
                "token": content.one_time.code, "token_hash": content.one_time.hash, "redirect_to": content.redirect_to,
                "email_action_type": content.kind.action(), "site_url": self.config.external_url,
                "token_new": new, "token_hash_new": new_hash,
                "old_email": "", "old_phone": "", "provider": "", "factor_type": "",
            }});
            self.run_hook(Some(tx), HookPoint::SendEmail, &input).await?;
            return Ok(());
        }
        let mut variables = self.variables(user, content.to, content.redirect_to);
        variables.insert("ConfirmationURL".into(), json!(link));
        variables.insert("Token".into(), json!(content.one_time.code));
        variables.insert("TokenHash".into(), json!(content.one_time.hash));
        self.queue(tx, Letter { kind: content.kind, to: content.to.to_owned(), variables }).await
    }

    /// Tells a user that something changed, where the settings ask for that.
    ///
    /// # Errors
    /// The hook's, or the database's.
    pub(crate) async fn notify(
        &self,
        tx: &PlatformTx,
        user: &User,
        kind: LetterKind,
        details: &[(&str, &str)],
    ) -> Result<(), Error> {
        let name = kind.template().trim_end_matches("_notification");
        let asked = self.config.mailer.notifications.iter().any(|known| known == name);
        if !asked || user.email().is_empty() {
            return Ok(());
        }
        let to = details.iter().find(|(key, _)| *key == "OldEmail").map_or(user.email(), |(_, old)| old);
        if self.has_hook(HookPoint::SendEmail) {
            let detail = |wanted: &str| details.iter().find(|(key, _)| *key == wanted).map_or("", |(_, value)| value);
            let input = json!({"user": wire::user(user), "email_data": {
                "token": "", "token_hash": "", "redirect_to": "", "email_action_type": kind.action(),
                "site_url": self.config.external_url, "token_new": "", "token_hash_new": "",
                "old_email": detail("OldEmail"), "old_phone": detail("OldPhone"), "provider": detail("Provider"),
                "factor_type": detail("FactorType"),
            }});
            self.run_hook(Some(tx), HookPoint::SendEmail, &input).await?;
            return Ok(());
        }
        let mut variables = self.variables(user, to, "");
        for (key, value) in details {
            variables.insert((*key).to_owned(), json!(value));
        }
        self.queue(tx, Letter { kind, to: to.to_owned(), variables }).await
    }

    fn variables(&self, user: &User, to: &str, redirect_to: &str) -> Object {
        let mut variables = Object::new();
        variables.insert("SiteURL".into(), json!(self.config.site_url));
        variables.insert("Email".into(), json!(user.email()));
        variables.insert("NewEmail".into(), json!(user.email_change));
        variables.insert("SendingTo".into(), json!(to));
        variables.insert("RedirectTo".into(), json!(redirect_to));
        variables.insert("Phone".into(), json!(user.phone()));
        variables.insert("Data".into(), Value::Object(user.user_metadata.clone()));
        variables
    }

    async fn queue(&self, tx: &PlatformTx, letter: Letter) -> Result<(), Error> {
        let name = letter.kind.template();
        self.letters.queue(tx, letter).await.map_err(|e| Error::internal(format!("Error sending {name} email"), e))
    }

    fn check_recipient(&self, to: &str) -> Result<(), Error> {
        let allowed = &self.config.email.authorized_addresses;
        if allowed.is_empty() || allowed.iter().any(|address| address.eq_ignore_ascii_case(to)) {
            return Ok(());
        }
        Err(Error::bad_request(
            Code::EmailAddressNotAuthorized,
            format!("Email address \"{to}\" cannot be used as it is not authorized"),
        ))
    }

    /// Sign-up: a token for the address, and its letter.
    ///
    /// # Errors
    /// As [`Auth::send_token`].
    pub(crate) async fn send_confirmation(
        &self,
        tx: &PlatformTx,
        req: &Req,
        user: &User,
        pkce: bool,
    ) -> Result<(), Error> {
        self.send_token(tx, req, user, LetterKind::Confirmation, OtpKind::Confirmation, pkce).await.map(drop)
    }

    /// Stores a token of a kind and sends its letter to the user's address.
    ///
    /// # Errors
    /// 429 too soon after the last one, but for invitations; and as [`Auth::send_letter`].
    pub(crate) async fn send_token(
        &self,
        tx: &PlatformTx,
        req: &Req,
        user: &User,
        kind: LetterKind,
        otp: OtpKind,
        pkce: bool,
    ) -> Result<OneTime, Error> {
        // Of two requests at once the second sees what the first has sent, and its letter is the later one as its token is.
        let now = store::users::lock(tx, user.id).await?;
        if kind != LetterKind::Invite
            && let Some(now) = &now
        {
            let sent_at = match otp {
                OtpKind::Recovery => now.recovery_sent_at,
                OtpKind::Reauthentication => now.reauthentication_sent_at,
                _ => now.confirmation_sent_at,
            };
            self.too_soon(sent_at, self.config.mailer.max_frequency, Code::OverEmailSendRateLimit)?;
        }
        let one_time = self.new_code(user.email(), pkce);
        let redirect_to = req.redirect_to(self);
        let content = Content { kind, to: user.email(), one_time: &one_time, redirect_to: &redirect_to, other: None };
        self.send_letter(tx, req, user, content).await?;
        self.store_token(tx, user, otp, &one_time.hash, user.email()).await?;
        Ok(one_time)
    }

    /// Writes a token's hash where GoTrue has it: the user's column, and `one_time_tokens`.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn store_token(
        &self,
        tx: &PlatformTx,
        user: &User,
        otp: OtpKind,
        hash: &str,
        relates_to: &str,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let changes = Changes::new();
        let hash = &hash.to_owned();
        let at = &now;
        let changes = match otp {
            OtpKind::Confirmation => changes.set("confirmation_token", hash).set("confirmation_sent_at", at),
            OtpKind::Reauthentication => {
                changes.set("reauthentication_token", hash).set("reauthentication_sent_at", at)
            }
            OtpKind::Recovery => changes.set("recovery_token", hash).set("recovery_sent_at", at),
            OtpKind::EmailChangeNew => changes.set("email_change_token_new", hash).set("email_change_sent_at", at),
            OtpKind::EmailChangeCurrent => {
                changes.set("email_change_token_current", hash).set("email_change_sent_at", at)
            }
            OtpKind::PhoneChange => changes.set("phone_change_token", hash).set("phone_change_sent_at", at),
        };
        changes.apply(tx, user.id, now).await.map_err(|e| Error::saving("Database error updating user", e))?;
        store::one_time_tokens::put(tx, user.id, otp, hash, relates_to, now).await?;
        Ok(())
    }
}
