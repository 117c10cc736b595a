//! Text messages leave by HTTP.

use std::time::Duration;

use base::Secret;
use serde_json::{Value, json};

const TIMEOUT: Duration = Duration::from_secs(15);
/// Of what a provider answers, this much goes into the log.
const MAX_REASON: usize = 300;

/// A provider with its account. `url` is `None` for the provider's own address.
#[derive(Debug, Clone)]
pub enum Sms {
    /// Twilio's Messages, or anything that speaks them.
    Twilio {
        /// Account.
        account_sid: String,
        /// Its token.
        auth_token: Secret<String>,
        /// A messaging service (`MG…`) or the number to send from.
        sender: String,
        /// The template of WhatsApp messages.
        content_sid: Option<String>,
        /// Another address of the same API.
        url: Option<String>,
    },
    /// Twilio Verify: makes and checks codes itself.
    TwilioVerify {
        /// Account.
        account_sid: String,
        /// Its token.
        auth_token: Secret<String>,
        /// `VA…`
        service_sid: String,
        /// Another address of the same API.
        url: Option<String>,
    },
    /// MessageBird.
    MessageBird {
        /// Key.
        access_key: Secret<String>,
        /// Name or number of the sender.
        originator: String,
        /// Another address of the same API.
        url: Option<String>,
    },
    /// Vonage.
    Vonage {
        /// Key.
        api_key: String,
        /// Its secret.
        api_secret: Secret<String>,
        /// Name or number of the sender.
        from: String,
        /// Another address of the same API.
        url: Option<String>,
    },
    /// Textlocal.
    Textlocal {
        /// Key.
        api_key: Secret<String>,
        /// Name of the sender.
        sender: String,
        /// Another address of the same API.
        url: Option<String>,
    },
}

/// Why a message did not leave.
#[derive(Debug, thiserror::Error)]
pub enum SmsError {
    /// The network, or a time-out.
    #[error("the SMS provider cannot be reached: {0}")]
    Unreachable(String),
    /// It refused.
    #[error("the SMS provider answers {status}: {reason}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The beginning of what it said.
        reason: String,
    },
}

impl Sms {
    /// Sends a text to a number without `+`. `channel` is `sms` or `whatsapp`.
    ///
    /// # Errors
    /// [`SmsError`].
    pub async fn send(
        &self,
        client: &reqwest::Client,
        to: &str,
        text: &str,
        code: &str,
        channel: &str,
    ) -> Result<(), SmsError> {
        let request = self.request(client, to, text, code, channel);
        let body = answer(request).await?;
        match self {
            // These two answer 200 also when they refuse.
            Self::Vonage { .. } => {
                let first = &body["messages"][0];
                if first["status"] == "0" { Ok(()) } else { Err(refused(200, &first["error-text"].to_string())) }
            }
            Self::Textlocal { .. } if body["status"] != "success" => Err(refused(200, &body["errors"].to_string())),
            _ => Ok(()),
        }
    }

    /// Does the provider itself make and check the codes? Then ask it by [`Sms::check_code`].
    pub const fn checks_codes(&self) -> bool {
        matches!(self, Self::TwilioVerify { .. })
    }

    /// Asks Twilio Verify whether this is the code that it sent.
    ///
    /// # Errors
    /// [`SmsError`]; also for a provider that checks no codes.
    pub async fn check_code(&self, client: &reqwest::Client, to: &str, code: &str) -> Result<bool, SmsError> {
        let Self::TwilioVerify { account_sid, auth_token, service_sid, url } = self else {
            return Err(refused(501, "this provider checks no codes"));
        };
        let url = format!("{}/v2/Services/{service_sid}/VerificationCheck", base_url(url, "https://verify.twilio.com"));
        let request = client
            .post(url)
            .basic_auth(account_sid, Some(auth_token.expose()))
            .form(&[("To", format!("+{to}")), ("Code", code.to_owned())]);
        match answer(request).await {
            Ok(body) => Ok(body["status"] == "approved"),
            // Twilio forgets a check that expired or was used.
            Err(SmsError::Refused { status: 404, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn request(
        &self,
        client: &reqwest::Client,
        to: &str,
        text: &str,
        code: &str,
        channel: &str,
    ) -> reqwest::RequestBuilder {
        match self {
            Self::Twilio { account_sid, auth_token, sender, content_sid, url } => {
                let whatsapp = channel == "whatsapp";
                let prefix = if whatsapp { "whatsapp:" } else { "" };
                let base = base_url(url, "https://api.twilio.com");
                let mut form =
                    vec![("To", format!("{prefix}+{to}")), ("Channel", channel.to_owned()), ("Body", text.to_owned())];
                if sender.starts_with("MG") {
                    form.push(("MessagingServiceSid", sender.clone()));
                } else {
                    form.push(("From", format!("{prefix}{sender}")));
                }
                if let (true, Some(content)) = (whatsapp, content_sid) {
                    form.push(("ContentSid", content.clone()));
                    form.push(("ContentVariables", json!({ "1": code }).to_string()));
                }
                client
                    .post(format!("{base}/2010-04-01/Accounts/{account_sid}/Messages.json"))
                    .basic_auth(account_sid, Some(auth_token.expose()))
                    .form(&form)
            }
            Self::TwilioVerify { account_sid, auth_token, service_sid, url } => {
                let base = base_url(url, "https://verify.twilio.com");
                client
                    .post(format!("{base}/v2/Services/{service_sid}/Verifications"))
                    .basic_auth(account_sid, Some(auth_token.expose()))
                    .form(&[("To", format!("+{to}")), ("Channel", channel.to_owned())])
            }
            Self::MessageBird { access_key, originator, url } => client
                .post(format!("{}/messages", base_url(url, "https://rest.messagebird.com")))
                .header("authorization", format!("AccessKey {}", access_key.expose()))
                .form(&[("originator", originator.as_str()), ("body", text), ("recipients", to), ("type", "sms")]),
            Self::Vonage { api_key, api_secret, from, url } => {
                let kind = if text.is_ascii() { "text" } else { "unicode" };
                client.post(format!("{}/sms/json", base_url(url, "https://rest.nexmo.com"))).form(&[
                    ("from", from.as_str()),
                    ("to", to),
                    ("text", text),
                    ("type", kind),
                    ("api_key", api_key),
                    ("api_secret", api_secret.expose()),
                ])
            }
            Self::Textlocal { api_key, sender, url } => client
                .post(format!("{}/send", base_url(url, "https://api.textlocal.in")))
                .form(&[("sender", sender.as_str()), ("apikey", api_key.expose()), ("message", text), ("numbers", to)]),
        }
    }
}

fn base_url<'a>(own: &'a Option<String>, default: &'a str) -> &'a str {
    own.as_deref().unwrap_or(default).trim_end_matches('/')
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Value, SmsError> {
    // The URL may hold an account; it stays out of the log.
    let unreachable = |e: reqwest::Error| SmsError::Unreachable(e.without_url().to_string());
    let answer = request.timeout(TIMEOUT).send().await.map_err(unreachable)?;
    let status = answer.status();
    let text = answer.text().await.map_err(unreachable)?;
    if status.is_success() {
        return Ok(serde_json::from_str(&text).unwrap_or(Value::Null));
    }
    Err(refused(status.as_u16(), &text))
}

fn refused(status: u16, reason: &str) -> SmsError {
    SmsError::Refused { status, reason: reason.chars().take(MAX_REASON).collect() }
}
