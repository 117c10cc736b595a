//! `[auth]` of a project's config.toml.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::config as toml;
use base::Secret;
use mail::{Security, Sms, SmtpSettings, Source};

use super::mailing::Mailing;
use super::{AuthConfig, Captcha, CaptchaProvider, FactorSwitch, Hook, HookPoint, Provider, Rate};

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";
const SYMBOLS: &str = "!@#$%^&*()_+-=[]{};'\\:\"|<>?,./`~";

impl AuthConfig {
    /// The settings of a project that is served at `api_url` (without a slash at the end).
    pub fn from_project(auth: &toml::Auth, api_url: &str) -> Self {
        let external_url = match auth.external_url.as_str() {
            "" => format!("{api_url}/auth/v1"),
            given => given.trim_end_matches('/').to_owned(),
        };
        let mut config = Self {
            site_url: auth.site_url.clone(),
            uri_allow_list: auth.additional_redirect_urls.clone(),
            disable_signup: !auth.enable_signup,
            anonymous_users_enabled: auth.enable_anonymous_sign_ins,
            manual_linking_enabled: auth.enable_manual_linking,
            ..Self::default()
        };
        config.jwt.exp_seconds = i64::from(auth.jwt_expiry);
        config.jwt.issuer = match auth.jwt_issuer.as_str() {
            "" => external_url.clone(),
            given => given.to_owned(),
        };
        config.external_url = external_url;
        contacts(auth, &mut config);
        security(auth, &mut config);
        limits(auth, &mut config);
        config.providers =
            auth.external.iter().map(|(name, provider)| (name.clone(), read_provider(provider))).collect();
        config.hooks = hooks(&auth.hook);
        config.mailer.transport_configured = auth.email.smtp.as_ref().is_some_and(|smtp| smtp.enabled)
            || config.hooks.contains_key(&HookPoint::SendEmail);
        if !config.mailer.transport_configured || config.hooks.contains_key(&HookPoint::SendEmail) {
            // The inbox of development and a hook cost nothing: only a real server is protected.
            config.limits.email_sent = None;
        }
        config
    }
}

fn contacts(auth: &toml::Auth, config: &mut AuthConfig) {
    let seconds = |n: u32| Duration::from_secs(u64::from(n));
    let email = &auth.email;
    config.email.enabled = email.enabled;
    config.mailer.autoconfirm = !email.enable_confirmations;
    config.mailer.secure_email_change = email.double_confirm_changes;
    config.mailer.max_frequency = email.max_frequency.0;
    config.mailer.otp_length = email.otp_length as usize;
    config.mailer.otp_exp = seconds(email.otp_expiry);
    config.mailer.notifications =
        email.notification.iter().filter(|(_, notice)| notice.enabled).map(|(kind, _)| kind.clone()).collect();
    let sms = &auth.sms;
    config.phone.enabled = sms.enabled;
    config.phone.autoconfirm = !sms.enable_confirmations;
    config.phone.provider = sms_provider(sms).0.to_owned();
    config.phone.otp_exp = seconds(sms.otp_expiry);
    config.phone.otp_length = sms.otp_length as usize;
    config.phone.max_frequency = sms.max_frequency.0;
    config.phone.template.clone_from(&sms.template);
    config.phone.test_otp = sms.test_otp.clone();
    config.web3.solana = auth.web3.solana.enabled;
    config.web3.ethereum = auth.web3.ethereum.enabled;
    if let Some(saml) = &auth.saml {
        config.saml.enabled = saml.enabled;
        config.saml.private_key = saml.private_key.clone().unwrap_or_default();
    }
    config.oauth_server.enabled = auth.oauth_server.enabled;
    config.oauth_server.allow_dynamic_registration = auth.oauth_server.allow_dynamic_registration;
    config.oauth_server.authorization_path.clone_from(&auth.oauth_server.authorization_url_path);
}

fn security(auth: &toml::Auth, config: &mut AuthConfig) {
    config.password.min_length = (auth.minimum_password_length as usize).max(6);
    config.password.required_characters = match auth.password_requirements {
        toml::PasswordRequirements::None => Vec::new(),
        toml::PasswordRequirements::LettersDigits => vec![LETTERS.into(), DIGITS.into()],
        toml::PasswordRequirements::LowerUpperLettersDigits => vec![LOWER.into(), UPPER.into(), DIGITS.into()],
        toml::PasswordRequirements::LowerUpperLettersDigitsSymbols => {
            vec![LOWER.into(), UPPER.into(), DIGITS.into(), SYMBOLS.into()]
        }
    };
    config.password.require_reauthentication = auth.email.secure_password_change;
    config.password.require_current = auth.email.require_current_password;
    let sessions = &mut config.sessions;
    let span = |given: &Option<toml::GoDuration>| given.map(|given| given.0).filter(|span| !span.is_zero());
    sessions.rotation_enabled = auth.enable_refresh_token_rotation;
    sessions.reuse_interval = Duration::from_secs(u64::from(auth.refresh_token_reuse_interval));
    sessions.timebox = span(&auth.sessions.timebox);
    sessions.inactivity_timeout = span(&auth.sessions.inactivity_timeout);
    let mfa = &auth.mfa;
    config.mfa.totp = FactorSwitch { enroll: mfa.totp.enroll_enabled, verify: mfa.totp.verify_enabled };
    config.mfa.phone = FactorSwitch { enroll: mfa.phone.enroll_enabled, verify: mfa.phone.verify_enabled };
    config.mfa.webauthn = FactorSwitch { enroll: mfa.web_authn.enroll_enabled, verify: mfa.web_authn.verify_enabled };
    config.mfa.max_enrolled = mfa.max_enrolled_factors as usize;
    config.mfa.phone_otp_length = mfa.phone.otp_length as usize;
    config.mfa.phone_max_frequency = mfa.phone.max_frequency.0;
    config.mfa.phone_template.clone_from(&mfa.phone.template);
    config.webauthn.passkeys_enabled = auth.passkey.as_ref().is_some_and(|passkey| passkey.enabled);
    if let Some(webauthn) = &auth.webauthn {
        config.webauthn.rp_id.clone_from(&webauthn.rp_id);
        config.webauthn.rp_display_name.clone_from(&webauthn.rp_display_name);
        config.webauthn.rp_origins.clone_from(&webauthn.rp_origins);
    }
    config.captcha = auth.captcha.as_ref().filter(|captcha| captcha.enabled).map(|captcha| {
        let provider = match captcha.provider {
            toml::CaptchaProvider::Hcaptcha => CaptchaProvider::HCaptcha,
            toml::CaptchaProvider::Turnstile => CaptchaProvider::Turnstile,
        };
        Captcha::new(provider, captcha.secret.clone().unwrap_or_default())
    });
}

fn limits(auth: &toml::Auth, config: &mut AuthConfig) {
    let rate = |events: u32, seconds: u64| Rate { events: f64::from(events), over: Duration::from_secs(seconds) };
    let given = &auth.rate_limit;
    config.limits.email_sent = Some(rate(given.email_sent, 3600));
    config.limits.sms_sent = Some(rate(given.sms_sent, 3600));
    config.limits.anonymous_users = rate(given.anonymous_users, 3600);
    config.limits.token_refresh = rate(given.token_refresh, 300);
    config.limits.otp = rate(given.sign_in_sign_ups, 300);
    config.limits.verify = rate(given.token_verifications, 300);
    config.limits.web3 = rate(given.web3, 300);
}

fn read_provider(provider: &toml::ExternalProvider) -> Provider {
    let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Provider {
        enabled: provider.enabled,
        client_ids: provider
            .client_id
            .split(',')
            .map(str::trim)
            .filter(|id| !id.is_empty())
            .map(str::to_owned)
            .collect(),
        secret: provider.secret.clone().unwrap_or_default(),
        redirect_uri: filled(&provider.redirect_uri),
        url: filled(&provider.url),
        skip_nonce_check: provider.skip_nonce_check,
        email_optional: provider.email_optional,
    }
}

fn hooks(hooks: &toml::Hooks) -> BTreeMap<HookPoint, Hook> {
    let all = [
        (HookPoint::CustomAccessToken, &hooks.custom_access_token),
        (HookPoint::SendEmail, &hooks.send_email),
        (HookPoint::SendSms, &hooks.send_sms),
        (HookPoint::MfaVerificationAttempt, &hooks.mfa_verification_attempt),
        (HookPoint::PasswordVerificationAttempt, &hooks.password_verification_attempt),
        (HookPoint::BeforeUserCreated, &hooks.before_user_created),
        (HookPoint::AfterUserCreated, &hooks.after_user_created),
    ];
    let enabled = all.into_iter().filter_map(|(point, hook)| Some((point, hook.as_ref().filter(|hook| hook.enabled)?)));
    enabled
        .map(|(point, hook)| (point, Hook { uri: hook.uri.clone(), secrets: hook.secrets.clone().unwrap_or_default() }))
        .collect()
}

/// The first provider that is switched on, with its name.
fn sms_provider(sms: &toml::Sms) -> (&'static str, Option<Sms>) {
    let token = |secret: &Option<Secret>| secret.clone().unwrap_or_default();
    let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    if sms.twilio.enabled {
        let twilio = &sms.twilio;
        return (
            "twilio",
            Some(Sms::Twilio {
                account_sid: twilio.account_sid.clone(),
                auth_token: token(&twilio.auth_token),
                sender: twilio.message_service_sid.clone(),
                content_sid: filled(&twilio.content_sid),
                url: None,
            }),
        );
    }
    if sms.twilio_verify.enabled {
        let verify = &sms.twilio_verify;
        return (
            "twilio_verify",
            Some(Sms::TwilioVerify {
                account_sid: verify.account_sid.clone(),
                auth_token: token(&verify.auth_token),
                service_sid: verify.message_service_sid.clone(),
                url: None,
            }),
        );
    }
    if sms.messagebird.enabled {
        let bird = &sms.messagebird;
        let access_key = token(&bird.access_key);
        return ("messagebird", Some(Sms::MessageBird { access_key, originator: bird.originator.clone(), url: None }));
    }
    if sms.textlocal.enabled {
        let local = &sms.textlocal;
        return (
            "textlocal",
            Some(Sms::Textlocal { api_key: token(&local.api_key), sender: local.sender.clone(), url: None }),
        );
    }
    if sms.vonage.enabled {
        let vonage = &sms.vonage;
        return (
            "vonage",
            Some(Sms::Vonage {
                api_key: vonage.api_key.clone(),
                api_secret: token(&vonage.api_secret),
                from: vonage.from.clone(),
                url: None,
            }),
        );
    }
    ("", None)
}

impl Mailing {
    /// Templates and transports of a project whose files lie in `folder`.
    pub fn from_project(auth: &toml::Auth, folder: &Path) -> Self {
        let mut templates: HashMap<String, Source> = HashMap::new();
        for (kind, template) in &auth.email.template {
            let source = source(template.subject.as_ref(), template.content.as_ref(), &template.content_path, folder);
            templates.insert(kind.clone(), source);
        }
        for (kind, notice) in &auth.email.notification {
            let source = source(
                notice.subject.as_ref(),
                notice.content.as_ref(),
                &notice.content_path,
                &folder.join("supabase"),
            );
            templates.insert(format!("{kind}_notification"), source);
        }
        let smtp = auth.email.smtp.as_ref().filter(|smtp| smtp.enabled && !smtp.host.is_empty());
        let smtp = smtp.map(|smtp| SmtpSettings {
            host: smtp.host.clone(),
            port: smtp.port,
            user: smtp.user.clone(),
            password: smtp.pass.clone().unwrap_or_default(),
            admin_email: smtp.admin_email.clone(),
            sender_name: smtp.sender_name.clone(),
            headers: Vec::new(),
            security: Security::Auto,
        });
        Self { templates, smtp, sms: sms_provider(&auth.sms).1 }
    }
}

/// The file where there is one, since its variants for other languages lie beside it; else what was read from it.
fn source(subject: Option<&String>, content: Option<&String>, path: &str, folder: &Path) -> Source {
    let path: Option<PathBuf> = (!path.is_empty()).then(|| folder.join(path)).filter(|path| path.exists());
    let content = if path.is_some() { None } else { content.cloned() };
    Source { subject: subject.cloned(), content, path, url: None }
}
