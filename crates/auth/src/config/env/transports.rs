//! SMTP, SMS and templates.

use std::collections::HashMap;
use std::path::PathBuf;

use mail::{Security, Sms, SmtpSettings, Source};

use super::{EnvError, Vars};
use crate::config::mailing::Mailing;

pub(super) fn read(vars: &Vars<'_>) -> Result<Mailing, EnvError> {
    Ok(Mailing { templates: templates(vars), smtp: smtp(vars)?, sms: sms(vars)? })
}

fn smtp(vars: &Vars<'_>) -> Result<Option<SmtpSettings>, EnvError> {
    let Some(host) = vars.get("SMTP_HOST") else { return Ok(None) };
    let headers = vars.read("SMTP_HEADERS", Vec::new(), |text| {
        let map: HashMap<String, Vec<String>> =
            serde_json::from_str(text).map_err(|e| format!("not a JSON object of lists: {e}"))?;
        Ok(map.into_iter().flat_map(|(name, values)| values.into_iter().map(move |v| (name.clone(), v))).collect())
    })?;
    Ok(Some(SmtpSettings {
        host: host.to_owned(),
        port: vars.number("SMTP_PORT", 587)?,
        user: vars.text("SMTP_USER", ""),
        password: vars.secret("SMTP_PASS"),
        admin_email: vars.text("SMTP_ADMIN_EMAIL", ""),
        sender_name: vars.text("SMTP_SENDER_NAME", ""),
        headers,
        security: Security::Auto,
    }))
}

fn sms(vars: &Vars<'_>) -> Result<Option<Sms>, EnvError> {
    let optional = |name: &str| vars.get(name).map(str::to_owned);
    Ok(match vars.get("SMS_PROVIDER") {
        None => None,
        Some("twilio") => Some(Sms::Twilio {
            account_sid: vars.text("SMS_TWILIO_ACCOUNT_SID", ""),
            auth_token: vars.secret("SMS_TWILIO_AUTH_TOKEN"),
            sender: vars.text("SMS_TWILIO_MESSAGE_SERVICE_SID", ""),
            content_sid: optional("SMS_TWILIO_CONTENT_SID"),
            url: optional("SMS_TWILIO_URL"),
        }),
        Some("twilio_verify") => Some(Sms::TwilioVerify {
            account_sid: vars.text("SMS_TWILIO_VERIFY_ACCOUNT_SID", ""),
            auth_token: vars.secret("SMS_TWILIO_VERIFY_AUTH_TOKEN"),
            service_sid: vars.text("SMS_TWILIO_VERIFY_MESSAGE_SERVICE_SID", ""),
            url: optional("SMS_TWILIO_VERIFY_URL"),
        }),
        Some("messagebird") => Some(Sms::MessageBird {
            access_key: vars.secret("SMS_MESSAGEBIRD_ACCESS_KEY"),
            originator: vars.text("SMS_MESSAGEBIRD_ORIGINATOR", ""),
            url: None,
        }),
        Some("vonage") => Some(Sms::Vonage {
            api_key: vars.text("SMS_VONAGE_API_KEY", ""),
            api_secret: vars.secret("SMS_VONAGE_API_SECRET"),
            from: vars.text("SMS_VONAGE_FROM", ""),
            url: None,
        }),
        Some("textlocal") => Some(Sms::Textlocal {
            api_key: vars.secret("SMS_TEXTLOCAL_API_KEY"),
            sender: vars.text("SMS_TEXTLOCAL_SENDER", ""),
            url: None,
        }),
        Some(other) => {
            let reason = format!("{other:?} is not one of twilio, twilio_verify, messagebird, vonage, textlocal");
            return Err(EnvError { name: "GOTRUE_SMS_PROVIDER".into(), reason });
        }
    })
}

/// A URL as upstream; a file, or the text itself, too: people write them so, and upstream then sends its own letter.
fn templates(vars: &Vars<'_>) -> HashMap<String, Source> {
    let mut sources: HashMap<String, Source> = HashMap::new();
    for (kind, subject) in vars.below("MAILER_SUBJECTS_") {
        sources.entry(kind).or_default().subject = Some(subject);
    }
    for (kind, template) in vars.below("MAILER_TEMPLATES_") {
        let source = sources.entry(kind).or_default();
        if template.starts_with("http://") || template.starts_with("https://") {
            source.url = Some(template);
        } else if template.contains('<') || template.contains("{{") {
            source.content = Some(template);
        } else {
            source.path = Some(PathBuf::from(template));
        }
    }
    sources
}
