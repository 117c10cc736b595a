//! Codes by text message.

use std::future::Future;
use std::pin::Pin;

use pg::PlatformTx;
use serde_json::{Value, json};

use crate::Auth;
use crate::config::HookPoint;
use crate::error::{Code, Error};
use crate::letters::{OneTime, Queued};
use crate::model::{OtpKind, User};
use crate::{store, wire};

/// A text message, ready to send.
#[derive(Debug, Clone)]
pub struct Message {
    /// The number, without `+`.
    pub to: String,
    /// The text.
    pub text: String,
    /// The code in it, for services that make their own text.
    pub code: String,
    /// `sms` or `whatsapp`.
    pub channel: String,
}

/// What a provider says of a code.
pub type Checked<'a> = Pin<Box<dyn Future<Output = Result<bool, anyhow::Error>> + Send + 'a>>;

/// Where text messages go.
pub trait Messages: Send + Sync {
    /// Puts a message into the outbox, on the caller's transaction.
    fn queue<'a>(&'a self, tx: &'a PlatformTx, message: Message) -> Queued<'a>;

    /// Does the provider make its own codes, so that it must be asked about them?
    fn checks_codes(&self) -> bool {
        false
    }

    /// Asks a provider that makes its own codes (Twilio Verify); `None`: it takes ours.
    fn check<'a>(&'a self, _to: &'a str, _code: &'a str) -> Option<Checked<'a>> {
        None
    }
}

/// Refuses a channel that no provider has.
///
/// # Errors
/// 400 `validation_failed`.
pub(crate) fn check_channel(channel: &str, provider: &str) -> Result<(), Error> {
    match channel {
        "" | "sms" => Ok(()),
        "whatsapp" if provider.starts_with("twilio") => Ok(()),
        _ => Err(Error::invalid(
            "Invalid channel, supported values are 'sms' or 'whatsapp'. 'whatsapp' is only supported if Twilio or Twilio Verify is used as the provider.",
        )),
    }
}

impl Auth {
    /// The fixed code of a tester's number.
    pub(crate) fn test_code(&self, phone: &str) -> Option<&str> {
        let settings = &self.config.phone;
        let valid = settings.test_otp_valid_until.is_none_or(|until| self.clock.unix_seconds() < until);
        settings.test_otp.get(phone).filter(|_| valid).map(String::as_str)
    }

    /// Sends a code to a number and stores its hash.
    ///
    /// # Errors
    /// 429 too soon or over the limit; 422 `sms_send_failed`.
    pub(crate) async fn send_phone_code(
        &self,
        tx: &PlatformTx,
        user: &User,
        phone: &str,
        otp: OtpKind,
        channel: &str,
    ) -> Result<(), Error> {
        // Of two requests at once the second sees what the first has sent.
        let now = store::users::lock(tx, user.id).await?;
        let user = now.as_ref().unwrap_or(user);
        let sent_at = match otp {
            OtpKind::PhoneChange => user.phone_change_sent_at,
            OtpKind::Reauthentication => user.reauthentication_sent_at,
            _ => user.confirmation_sent_at,
        };
        self.too_soon(sent_at, self.config.phone.max_frequency, Code::OverSmsSendRateLimit)?;
        let code = match self.test_code(phone) {
            Some(code) => code.to_owned(),
            None => {
                let code = OneTime::new(phone, self.config.phone.otp_length, false).code;
                let kind = match otp {
                    OtpKind::PhoneChange => "phone_change",
                    OtpKind::Reauthentication => "reauthentication",
                    _ => "confirmation",
                };
                let template = &self.config.phone.template;
                self.send_message(tx, user, phone, &code, kind, channel, template).await?;
                code
            }
        };
        let hash = crate::letters::token_hash(phone, &code);
        self.store_token(tx, user, otp, &hash, phone).await
    }

    /// Sends a message: by the hook where there is one, else through the outbox.
    ///
    /// # Errors
    /// 429 over the server's limit; 422 `sms_send_failed`; the hook's.
    pub(crate) async fn send_message(
        &self,
        tx: &PlatformTx,
        user: &User,
        phone: &str,
        code: &str,
        kind: &str,
        channel: &str,
        template: &str,
    ) -> Result<(), Error> {
        if !self.config.phone.autoconfirm {
            self.limit_message()?;
        }
        if self.has_hook(HookPoint::SendSms) {
            let input: Value =
                json!({"user": wire::user(user), "sms": {"otp": code, "phone": phone, "sms_type": kind}});
            self.run_hook(Some(tx), HookPoint::SendSms, &input).await?;
            return Ok(());
        }
        let text = fill(template, code);
        let channel = if channel.is_empty() { "sms" } else { channel };
        let message = Message { to: phone.to_owned(), text, code: code.to_owned(), channel: channel.to_owned() };
        self.messages.queue(tx, message).await.map_err(|error| {
            tracing::warn!(target: "auth", %error, "a text message could not be queued");
            Error::unprocessable(Code::SmsSendFailed, "Error sending confirmation OTP to provider")
        })
    }
}

/// The one variable of an SMS template.
fn fill(template: &str, code: &str) -> String {
    let mut text = template.to_owned();
    for variable in ["{{ .Code }}", "{{.Code}}", "{{ .Code}}", "{{.Code }}"] {
        text = text.replace(variable, code);
    }
    text
}
