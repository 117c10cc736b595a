//! `GOTRUE_*`: the variables of the binary that `basalt serve auth` stands in for.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use base::Secret;

use super::mailing::Mailing;
use super::{
    AuthConfig, Breached, Captcha, CaptchaProvider, FactorSwitch, Hook, HookPoint, Provider, Rate, parse_duration,
};
use crate::rules::password::required_characters;

mod transports;

/// Why the variables cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct EnvError {
    /// The variable.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
}

/// All that GoTrue reads from its environment.
#[derive(Debug, Clone)]
pub struct GoTrueEnv {
    /// The service's settings.
    pub config: AuthConfig,
    /// Letters and messages.
    pub mailing: Mailing,
    /// `DATABASE_URL`.
    pub database_url: String,
    /// `JWT_SECRET`.
    pub jwt_secret: Secret,
    /// `JWT_KEYS`.
    pub jwt_keys: Secret,
    /// `API_HOST`; all addresses where it is not given.
    pub host: String,
    /// `PORT`, default 8081.
    pub port: u16,
}

/// The variables, read by the names of GoTrue without their prefix.
struct Vars<'a>(&'a HashMap<String, String>);

impl Vars<'_> {
    /// A variable with or without the prefix; an empty one is absent.
    fn get(&self, name: &str) -> Option<&str> {
        let prefixed = format!("GOTRUE_{name}");
        self.0.get(&prefixed).or_else(|| self.0.get(name)).map(String::as_str).filter(|text| !text.is_empty())
    }

    fn text(&self, name: &str, default: &str) -> String {
        self.get(name).unwrap_or(default).to_owned()
    }

    fn secret(&self, name: &str) -> Secret {
        Secret::new(self.text(name, ""))
    }

    fn read<T>(&self, name: &str, default: T, read: impl Fn(&str) -> Result<T, String>) -> Result<T, EnvError> {
        match self.get(name) {
            Some(text) => read(text).map_err(|reason| EnvError { name: format!("GOTRUE_{name}"), reason }),
            None => Ok(default),
        }
    }

    fn flag(&self, name: &str, default: bool) -> Result<bool, EnvError> {
        self.read(name, default, |text| match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "1" => Ok(true),
            "false" | "f" | "0" => Ok(false),
            _ => Err(format!("{text:?} is neither true nor false")),
        })
    }

    fn number<T: std::str::FromStr>(&self, name: &str, default: T) -> Result<T, EnvError> {
        self.read(name, default, |text| text.trim().parse().map_err(|_| format!("{text:?} is not a number")))
    }

    /// Go's notation; a bare number is seconds.
    fn span(&self, name: &str, default: Duration) -> Result<Duration, EnvError> {
        self.read(name, default, parse_duration)
    }

    /// Absent and zero are none.
    fn optional_span(&self, name: &str) -> Result<Option<Duration>, EnvError> {
        Ok(Some(self.span(name, Duration::ZERO)?).filter(|span| !span.is_zero()))
    }

    fn list(&self, name: &str) -> Vec<String> {
        let text = self.get(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    /// `30`, or `30/1h`: over an hour where nothing is said.
    fn rate(&self, name: &str, default: Rate) -> Result<Rate, EnvError> {
        self.read(name, default, |text| read_rate(text, default.over))
    }

    /// Names of variables below a prefix, without it, in small letters.
    fn below(&self, prefix: &str) -> Vec<(String, String)> {
        let prefix = format!("GOTRUE_{prefix}");
        let mut found: Vec<_> = self
            .0
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .filter_map(|(name, value)| Some((name.strip_prefix(&prefix)?.to_ascii_lowercase(), value.clone())))
            .collect();
        found.sort();
        found
    }
}

fn read_rate(text: &str, over: Duration) -> Result<Rate, String> {
    let (events, over) = match text.split_once('/') {
        Some((events, over)) => (events, parse_duration(over)?),
        None => (text, over),
    };
    let events: f64 = events.trim().parse().map_err(|_| format!("{text:?} is not a rate; write 30 or 30/1h"))?;
    if events.is_finite() && events >= 0.0 && !over.is_zero() {
        return Ok(Rate { events, over });
    }
    Err(format!("{text:?} is not a rate; write 30 or 30/1h"))
}

impl GoTrueEnv {
    /// Reads the variables; what is not named has GoTrue's default, except as the module above says.
    ///
    /// # Errors
    /// The first variable that cannot be read.
    pub fn read(variables: &HashMap<String, String>) -> Result<Self, EnvError> {
        let vars = Vars(variables);
        let mut config = AuthConfig::default();
        site(&vars, &mut config)?;
        contacts(&vars, &mut config)?;
        security(&vars, &mut config)?;
        factors(&vars, &mut config)?;
        limits(&vars, &mut config)?;
        config.providers = providers(&vars)?;
        config.hooks = hooks(&vars)?;
        let mailing = transports::read(&vars)?;
        config.mailer.transport_configured = mailing.smtp.is_some() || config.hooks.contains_key(&HookPoint::SendEmail);
        if config.mailer.transport_configured && vars.get("RATE_LIMIT_EMAIL_SENT").is_none() {
            // 30 letters an hour protect a shared server; a server of one's own has limits of its own.
            config.limits.email_sent = None;
        }
        let database_url = vars.get("DB_DATABASE_URL").or_else(|| vars.get("DATABASE_URL")).unwrap_or_default();
        if database_url.is_empty() {
            return Err(EnvError {
                name: "DATABASE_URL".into(),
                reason: "required, e.g. postgres://user:password@host/db".into(),
            });
        }
        let jwt_secret = vars.secret("JWT_SECRET");
        if jwt_secret.expose().is_empty() && vars.get("JWT_KEYS").is_none() {
            return Err(EnvError {
                name: "GOTRUE_JWT_SECRET".into(),
                reason: "required: it signs access tokens".into(),
            });
        }
        Ok(Self {
            database_url: database_url.to_owned(),
            jwt_secret,
            jwt_keys: vars.secret("JWT_KEYS"),
            host: vars.get("API_HOST").or_else(|| vars.get("HOST")).unwrap_or("0.0.0.0").to_owned(),
            port: vars.number("API_PORT", vars.number("PORT", 8081)?)?,
            config,
            mailing,
        })
    }
}

fn site(vars: &Vars<'_>, config: &mut AuthConfig) -> Result<(), EnvError> {
    let required = |name: &str| {
        vars.get(name)
            .map(str::to_owned)
            .ok_or_else(|| EnvError { name: format!("GOTRUE_{name}"), reason: "required".to_owned() })
    };
    config.site_url = required("SITE_URL")?;
    config.external_url = required("API_EXTERNAL_URL")?.trim_end_matches('/').to_owned();
    config.uri_allow_list = vars.list("URI_ALLOW_LIST");
    config.disable_signup = vars.flag("DISABLE_SIGNUP", false)?;
    let jwt = &mut config.jwt;
    jwt.exp_seconds = vars.number("JWT_EXP", jwt.exp_seconds)?;
    jwt.aud = vars.text("JWT_AUD", &jwt.aud);
    jwt.default_group = vars.text("JWT_DEFAULT_GROUP_NAME", &jwt.default_group);
    jwt.issuer = vars.text("JWT_ISSUER", &config.external_url);
    let roles = vars.list("JWT_ADMIN_ROLES");
    if !roles.is_empty() {
        jwt.admin_roles = roles;
    }
    config.request_timeout = vars.span("API_MAX_REQUEST_DURATION", config.request_timeout)?;
    config.audit_to_database = !vars.flag("AUDIT_LOG_DISABLE_POSTGRES", false)?;
    config.cleanup_enabled = vars.flag("DB_CLEANUP_ENABLED", true)?;
    config.version = vars.text("VERSION", &config.version);
    let server = &mut config.oauth_server;
    server.enabled = vars.flag("OAUTH_SERVER_ENABLED", false)?;
    server.allow_dynamic_registration = vars.flag("OAUTH_SERVER_ALLOW_DYNAMIC_REGISTRATION", false)?;
    server.authorization_path = vars.text("OAUTH_SERVER_AUTHORIZATION_PATH", &server.authorization_path);
    server.authorization_ttl = vars.span("OAUTH_SERVER_AUTHORIZATION_TTL", server.authorization_ttl)?;
    server.default_scope = vars.text("OAUTH_SERVER_DEFAULT_SCOPE", &server.default_scope);
    config.saml.enabled = vars.flag("SAML_ENABLED", false)?;
    config.saml.private_key = vars.secret("SAML_PRIVATE_KEY");
    config.saml.external_url = vars.get("SAML_EXTERNAL_URL").map(str::to_owned);
    config.saml.allow_encrypted_assertions = vars.flag("SAML_ALLOW_ENCRYPTED_ASSERTIONS", false)?;
    config.saml.relay_state_validity =
        vars.span("SAML_RELAY_STATE_VALIDITY_PERIOD", config.saml.relay_state_validity)?;
    Ok(())
}

fn contacts(vars: &Vars<'_>, config: &mut AuthConfig) -> Result<(), EnvError> {
    config.email.enabled = vars.flag("EXTERNAL_EMAIL_ENABLED", true)?;
    config.email.magic_link_enabled = vars.flag("EXTERNAL_EMAIL_MAGIC_LINK_ENABLED", true)?;
    config.email.authorized_addresses = vars.list("EXTERNAL_EMAIL_AUTHORIZED_ADDRESSES");
    config.anonymous_users_enabled = vars.flag("EXTERNAL_ANONYMOUS_USERS_ENABLED", false)?;
    config.web3.solana = vars.flag("EXTERNAL_WEB3_SOLANA_ENABLED", false)?;
    config.web3.ethereum = vars.flag("EXTERNAL_WEB3_ETHEREUM_ENABLED", false)?;
    config.flow_state_expiry = vars.span("EXTERNAL_FLOW_STATE_EXPIRY_DURATION", config.flow_state_expiry)?;
    config.custom_providers_enabled = vars.flag("CUSTOM_OAUTH_ENABLED", false)?;
    let mailer = &mut config.mailer;
    mailer.autoconfirm = vars.flag("MAILER_AUTOCONFIRM", false)?;
    mailer.allow_unverified_email_sign_ins = vars.flag("MAILER_ALLOW_UNVERIFIED_EMAIL_SIGN_INS", false)?;
    mailer.secure_email_change = vars.flag("MAILER_SECURE_EMAIL_CHANGE_ENABLED", true)?;
    mailer.otp_exp = vars.span("MAILER_OTP_EXP", mailer.otp_exp)?;
    mailer.otp_length = vars.number("MAILER_OTP_LENGTH", mailer.otp_length)?;
    mailer.max_frequency = vars.span("SMTP_MAX_FREQUENCY", mailer.max_frequency)?;
    mailer.external_hosts = vars.list("MAILER_EXTERNAL_HOSTS");
    mailer.url_paths = vars.below("MAILER_URLPATHS_").into_iter().collect();
    mailer.notifications = vars
        .below("MAILER_NOTIFICATIONS_")
        .into_iter()
        .filter(|(_, on)| on == "true" || on == "1")
        .filter_map(|(name, _)| name.strip_suffix("_enabled").map(str::to_owned))
        .collect();
    let phone = &mut config.phone;
    phone.enabled = vars.flag("EXTERNAL_PHONE_ENABLED", false)?;
    phone.autoconfirm = vars.flag("SMS_AUTOCONFIRM", false)?;
    phone.provider = vars.text("SMS_PROVIDER", "");
    phone.otp_exp = vars.span("SMS_OTP_EXP", phone.otp_exp)?;
    phone.otp_length = vars.number("SMS_OTP_LENGTH", phone.otp_length)?;
    phone.max_frequency = vars.span("SMS_MAX_FREQUENCY", phone.max_frequency)?;
    phone.template = vars.text("SMS_TEMPLATE", &phone.template);
    for pair in vars.list("SMS_TEST_OTP") {
        let Some((number, code)) = pair.split_once([':', '=']) else {
            return Err(EnvError {
                name: "GOTRUE_SMS_TEST_OTP".into(),
                reason: format!("{pair:?} is not <phone>:<code>"),
            });
        };
        phone.test_otp.insert(number.trim().trim_start_matches('+').to_owned(), code.trim().to_owned());
    }
    phone.test_otp_valid_until = vars.read("SMS_TEST_OTP_VALID_UNTIL", None, |text| {
        time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339)
            .map(|at| Some(at.unix_timestamp()))
            .map_err(|_| format!("{text:?} is not a time like 2026-12-31T00:00:00Z"))
    })?;
    Ok(())
}

fn security(vars: &Vars<'_>, config: &mut AuthConfig) -> Result<(), EnvError> {
    let password = &mut config.password;
    password.min_length = vars.number("PASSWORD_MIN_LENGTH", 6_usize)?.max(6);
    password.required_characters = required_characters(&vars.text("PASSWORD_REQUIRED_CHARACTERS", ""));
    if vars.flag("PASSWORD_HIBP_ENABLED", false)? {
        let url = vars.text("PASSWORD_HIBP_URL", "https://api.pwnedpasswords.com");
        let fail_closed = vars.flag("PASSWORD_HIBP_FAIL_CLOSED", false)?;
        password.breached = Some(Breached::Http { url: url.trim_end_matches('/').to_owned(), fail_closed });
    }
    password.require_reauthentication = vars.flag("SECURITY_UPDATE_PASSWORD_REQUIRE_REAUTHENTICATION", false)?;
    password.require_current = vars.flag("SECURITY_UPDATE_PASSWORD_REQUIRE_CURRENT_PASSWORD", false)?;
    config.manual_linking_enabled = vars.flag("SECURITY_MANUAL_LINKING_ENABLED", false)?;
    let sessions = &mut config.sessions;
    sessions.timebox = vars.optional_span("SESSIONS_TIMEBOX")?;
    sessions.inactivity_timeout = vars.optional_span("SESSIONS_INACTIVITY_TIMEOUT")?;
    sessions.allow_low_aal = vars.optional_span("SESSIONS_ALLOW_LOW_AAL")?;
    sessions.single_per_user = vars.flag("SESSIONS_SINGLE_PER_USER", false)?;
    sessions.tags = vars.list("SESSIONS_TAGS");
    sessions.rotation_enabled = vars.flag("SECURITY_REFRESH_TOKEN_ROTATION_ENABLED", true)?;
    sessions.reuse_interval = vars.span("SECURITY_REFRESH_TOKEN_REUSE_INTERVAL", sessions.reuse_interval)?;
    sessions.algorithm_version = vars.number("SECURITY_REFRESH_TOKEN_ALGORITHM_VERSION", 1)?;
    sessions.upgrade_percentage = vars.number("SECURITY_REFRESH_TOKEN_UPGRADE_PERCENTAGE", 0)?;
    sessions.allow_reuse = vars.flag("SECURITY_REFRESH_TOKEN_ALLOW_REUSE", false)?;
    if vars.flag("SECURITY_CAPTCHA_ENABLED", false)? {
        let provider = vars.read("SECURITY_CAPTCHA_PROVIDER", CaptchaProvider::HCaptcha, captcha_provider)?;
        config.captcha = Some(Captcha::new(provider, vars.secret("SECURITY_CAPTCHA_SECRET")));
    }
    Ok(())
}

fn captcha_provider(text: &str) -> Result<CaptchaProvider, String> {
    match text {
        "hcaptcha" => Ok(CaptchaProvider::HCaptcha),
        "turnstile" => Ok(CaptchaProvider::Turnstile),
        other => Err(format!("{other:?} is neither hcaptcha nor turnstile")),
    }
}

fn factors(vars: &Vars<'_>, config: &mut AuthConfig) -> Result<(), EnvError> {
    let switch = |name: &str, default: bool| {
        Ok::<_, EnvError>(FactorSwitch {
            enroll: vars.flag(&format!("MFA_{name}_ENROLL_ENABLED"), default)?,
            verify: vars.flag(&format!("MFA_{name}_VERIFY_ENABLED"), default)?,
        })
    };
    let mfa = &mut config.mfa;
    mfa.totp = switch("TOTP", true)?;
    mfa.phone = switch("PHONE", false)?;
    mfa.webauthn = switch("WEB_AUTHN", false)?;
    mfa.max_enrolled = vars.number("MFA_MAX_ENROLLED_FACTORS", mfa.max_enrolled)?;
    mfa.challenge_expiry = vars.span("MFA_CHALLENGE_EXPIRY_DURATION", mfa.challenge_expiry)?;
    mfa.factor_expiry = vars.span("MFA_FACTOR_EXPIRY_DURATION", mfa.factor_expiry)?;
    mfa.phone_otp_length = vars.number("MFA_PHONE_OTP_LENGTH", mfa.phone_otp_length)?;
    mfa.phone_max_frequency = vars.span("MFA_PHONE_MAX_FREQUENCY", mfa.phone_max_frequency)?;
    mfa.phone_template = vars.text("MFA_PHONE_TEMPLATE", &mfa.phone_template);
    let webauthn = &mut config.webauthn;
    webauthn.passkeys_enabled = vars.flag("PASSKEY_ENABLED", false)?;
    webauthn.rp_id = vars.text("WEBAUTHN_RP_ID", "");
    webauthn.rp_display_name = vars.text("WEBAUTHN_RP_DISPLAY_NAME", "");
    webauthn.rp_origins = vars.list("WEBAUTHN_RP_ORIGINS");
    Ok(())
}

fn limits(vars: &Vars<'_>, config: &mut AuthConfig) -> Result<(), EnvError> {
    let limits = &mut config.limits;
    limits.client_header = vars.get("RATE_LIMIT_HEADER").map(str::to_owned);
    let hour = Rate { events: 30.0, over: Duration::from_secs(3600) };
    limits.email_sent = Some(vars.rate("RATE_LIMIT_EMAIL_SENT", hour)?);
    limits.sms_sent = Some(vars.rate("RATE_LIMIT_SMS_SENT", hour)?);
    limits.verify = vars.rate("RATE_LIMIT_VERIFY", limits.verify)?;
    limits.token_refresh = vars.rate("RATE_LIMIT_TOKEN_REFRESH", limits.token_refresh)?;
    limits.otp = vars.rate("RATE_LIMIT_OTP", limits.otp)?;
    limits.sso = vars.rate("RATE_LIMIT_SSO", limits.sso)?;
    limits.saml_assertion = vars.rate("SAML_RATE_LIMIT_ASSERTION", limits.saml_assertion)?;
    limits.anonymous_users = vars.rate("RATE_LIMIT_ANONYMOUS_USERS", limits.anonymous_users)?;
    limits.web3 = vars.rate("RATE_LIMIT_WEB3", limits.web3)?;
    limits.passkey = vars.rate("RATE_LIMIT_PASSKEY", limits.passkey)?;
    limits.mfa = vars.rate("MFA_RATE_LIMIT_CHALLENGE_AND_VERIFY", limits.mfa)?;
    limits.dynamic_registration = vars.rate("RATE_LIMIT_OAUTH_DYNAMIC_CLIENT_REGISTER", limits.dynamic_registration)?;
    Ok(())
}

/// `EXTERNAL_<NAME>_<SETTING>`, for any name: a provider is known to its own file and not here.
fn providers(vars: &Vars<'_>) -> Result<BTreeMap<String, Provider>, EnvError> {
    const NOT_PROVIDERS: [&str; 5] = ["email", "phone", "anonymous_users", "web3_solana", "web3_ethereum"];
    let mut providers: BTreeMap<String, Provider> = BTreeMap::new();
    for (name, value) in vars.below("EXTERNAL_") {
        const SETTINGS: [&str; 7] =
            ["_enabled", "_client_id", "_secret", "_redirect_uri", "_url", "_skip_nonce_check", "_email_optional"];
        let Some((provider, setting)) =
            SETTINGS.iter().find_map(|setting| Some((name.strip_suffix(setting)?, *setting)))
        else {
            continue;
        };
        if NOT_PROVIDERS.contains(&provider) || provider.is_empty() {
            continue;
        }
        let variable = format!("EXTERNAL_{}", name.to_ascii_uppercase());
        let entry = providers.entry(provider.to_owned()).or_default();
        match setting {
            "_enabled" => entry.enabled = vars.flag(&variable, false)?,
            "_client_id" => entry.client_ids = vars.list(&variable),
            "_secret" => entry.secret = Secret::new(value),
            "_redirect_uri" => entry.redirect_uri = Some(value),
            "_url" => entry.url = Some(value),
            "_skip_nonce_check" => entry.skip_nonce_check = vars.flag(&variable, false)?,
            _ => entry.email_optional = vars.flag(&variable, false)?,
        }
    }
    Ok(providers)
}

fn hooks(vars: &Vars<'_>) -> Result<BTreeMap<HookPoint, Hook>, EnvError> {
    let mut hooks = BTreeMap::new();
    for point in HookPoint::ALL {
        let name = point.name().to_ascii_uppercase();
        if vars.flag(&format!("HOOK_{name}_ENABLED"), false)? {
            let uri = vars.text(&format!("HOOK_{name}_URI"), "");
            hooks.insert(point, Hook { uri, secrets: vars.secret(&format!("HOOK_{name}_SECRETS")) });
        }
    }
    Ok(hooks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<GoTrueEnv, EnvError> {
        let must = [
            ("GOTRUE_SITE_URL", "https://app.test"),
            ("API_EXTERNAL_URL", "https://api.test/auth/v1/"),
            ("GOTRUE_DB_DATABASE_URL", "postgres://u:p@h/db"),
            ("GOTRUE_JWT_SECRET", "secret"),
        ];
        let all = must.iter().chain(pairs).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        GoTrueEnv::read(&all.collect())
    }

    #[test]
    fn defaults_are_gotrues_but_for_the_reuse_interval() {
        let env = read(&[]).unwrap();
        assert_eq!(env.config.external_url, "https://api.test/auth/v1");
        assert_eq!(env.config.sessions.reuse_interval, Duration::from_secs(10));
        assert_eq!(env.config.jwt.exp_seconds, 3600);
        assert!(env.config.limits.email_sent.is_some());
        assert!(!env.config.mailer.autoconfirm);
        assert_eq!(env.port, 8081);
    }

    #[test]
    fn variables_of_compose_files_are_read() {
        let env = read(&[
            ("GOTRUE_EXTERNAL_GOOGLE_ENABLED", "true"),
            ("GOTRUE_EXTERNAL_GOOGLE_CLIENT_ID", "a, b"),
            ("GOTRUE_EXTERNAL_LINKEDIN_OIDC_ENABLED", "true"),
            ("GOTRUE_EXTERNAL_WEB3_SOLANA_ENABLED", "true"),
            ("GOTRUE_SMS_TEST_OTP", "+15550100:123456,15550101=654321"),
            ("GOTRUE_RATE_LIMIT_EMAIL_SENT", "5/10m"),
            ("GOTRUE_HOOK_SEND_SMS_ENABLED", "true"),
            ("GOTRUE_HOOK_SEND_SMS_URI", "pg-functions://postgres/public/sms"),
            ("GOTRUE_MAILER_URLPATHS_INVITE", "https://x.test/invite"),
            ("GOTRUE_MAILER_NOTIFICATIONS_PASSWORD_CHANGED_ENABLED", "true"),
            ("GOTRUE_PASSWORD_REQUIRED_CHARACTERS", "abc:123"),
            ("GOTRUE_SMTP_HOST", "mail.test"),
        ])
        .unwrap();
        assert_eq!(env.config.providers["google"].client_ids, ["a", "b"]);
        assert!(env.config.provider_enabled("linkedin_oidc"));
        assert_eq!(env.config.providers.len(), 2);
        assert_eq!(env.config.phone.test_otp["15550100"], "123456");
        assert_eq!(env.config.limits.email_sent, Some(Rate { events: 5.0, over: Duration::from_secs(600) }));
        assert!(env.config.hooks.contains_key(&HookPoint::SendSms));
        assert_eq!(env.config.verify_url("invite"), "https://x.test/invite");
        assert_eq!(env.config.verify_url("recovery"), "https://api.test/auth/v1/verify");
        assert_eq!(env.config.mailer.notifications, ["password_changed"]);
        assert_eq!(env.mailing.smtp.unwrap().host, "mail.test");
    }

    #[test]
    fn a_bad_value_names_its_variable() {
        let error = read(&[("GOTRUE_MAILER_AUTOCONFIRM", "maybe")]).unwrap_err();
        assert_eq!(error.name, "GOTRUE_MAILER_AUTOCONFIRM");
        let error = GoTrueEnv::read(&HashMap::new()).unwrap_err();
        assert_eq!(error.name, "GOTRUE_SITE_URL");
    }
}
