//! Every setting of the service, with GoTrue's defaults except where decisions differ: a reuse interval of 10 s, and the peer's
//! address as the client's address unless a header is trusted by name.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Secret;

mod duration;
mod env;
mod mailing;
mod project;

pub use duration::parse_duration;
pub use env::{EnvError, GoTrueEnv};
pub use mailing::Mailing;

/// What the service is told at start.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// Where clients reach this service, e.g. `https://api.example.org/auth/v1`: links in mails and OAuth callbacks start with it.
    pub external_url: String,
    /// The application's own page: the default target of redirects.
    pub site_url: String,
    /// Globs of further allowed targets.
    pub uri_allow_list: Vec<String>,
    /// Nobody can sign up; admins can still create users.
    pub disable_signup: bool,
    /// Access tokens.
    pub jwt: Jwt,
    /// Sign-in with e-mail.
    pub email: Email,
    /// Sign-in with a phone.
    pub phone: Phone,
    /// Users without any contact.
    pub anonymous_users_enabled: bool,
    /// Sign-in with Ethereum and Solana wallets.
    pub web3: Web3,
    /// Letters, and how their links look.
    pub mailer: Mailer,
    /// What a password must be.
    pub password: Password,
    /// Sessions and refresh tokens.
    pub sessions: Sessions,
    /// Factors.
    pub mfa: Mfa,
    /// Passkeys and WebAuthn factors.
    pub webauthn: WebAuthn,
    /// Upstream identity providers by name, e.g. `google`.
    pub providers: BTreeMap<String, Provider>,
    /// May users link further identities by hand?
    pub manual_linking_enabled: bool,
    /// Providers stored in the database (`custom:<name>`).
    pub custom_providers_enabled: bool,
    /// How long an OAuth round trip or a PKCE code may take.
    pub flow_state_expiry: Duration,
    /// SAML 2.0.
    pub saml: Saml,
    /// This service as an OAuth 2.1 server.
    pub oauth_server: OAuthServer,
    /// Limits per client and per server.
    pub limits: RateLimits,
    /// Captcha.
    pub captcha: Option<Captcha>,
    /// Hooks by name, e.g. `custom_access_token`.
    pub hooks: BTreeMap<HookPoint, Hook>,
    /// Write `auth.audit_log_entries`.
    pub audit_to_database: bool,
    /// Delete what nobody needs any more, a little with each run of the job.
    pub cleanup_enabled: bool,
    /// A request that takes longer is answered with 504.
    pub request_timeout: Duration,
    /// The version that `/health` names.
    pub version: String,
}

/// Access tokens.
#[derive(Debug, Clone)]
pub struct Jwt {
    /// Seconds an access token lives.
    pub exp_seconds: i64,
    /// `aud` of users and of their tokens.
    pub aud: String,
    /// `role` of new users.
    pub default_group: String,
    /// Roles whose tokens may use `/admin`.
    pub admin_roles: Vec<String>,
    /// `iss`; empty: left out.
    pub issuer: String,
}

/// Sign-in with e-mail.
#[derive(Debug, Clone)]
pub struct Email {
    /// At all?
    pub enabled: bool,
    /// By one-time password or link?
    pub magic_link_enabled: bool,
    /// Where not empty: only these addresses get mail.
    pub authorized_addresses: Vec<String>,
}

/// Sign-in with a phone.
#[derive(Debug, Clone)]
pub struct Phone {
    /// At all?
    pub enabled: bool,
    /// A new number counts as confirmed.
    pub autoconfirm: bool,
    /// Name of the SMS provider, for `/settings`.
    pub provider: String,
    /// How long a code lives.
    pub otp_exp: Duration,
    /// Digits of a code, 6 to 10.
    pub otp_length: usize,
    /// Least time between two messages to one user.
    pub max_frequency: Duration,
    /// Text; `{{ .Code }}` is the code.
    pub template: String,
    /// Fixed codes for numbers of testers; nothing is sent to them.
    pub test_otp: BTreeMap<String, String>,
    /// Unix seconds after which `test_otp` is not used.
    pub test_otp_valid_until: Option<i64>,
}

/// Wallets.
#[derive(Debug, Clone, Default)]
pub struct Web3 {
    /// Solana.
    pub solana: bool,
    /// Ethereum.
    pub ethereum: bool,
}

/// Letters.
#[derive(Debug, Clone)]
pub struct Mailer {
    /// A new address counts as confirmed.
    pub autoconfirm: bool,
    /// OAuth users may sign in before their address is verified.
    pub allow_unverified_email_sign_ins: bool,
    /// A change of address must be confirmed at both addresses.
    pub secure_email_change: bool,
    /// How long a link or code lives.
    pub otp_exp: Duration,
    /// Digits of a code, 6 to 10.
    pub otp_length: usize,
    /// Least time between two letters of a kind to one user.
    pub max_frequency: Duration,
    /// Wrong codes after which a one-time password is burnt.
    pub otp_max_attempts: i32,
    /// Path or URL per kind (`invite`, `confirmation`, `recovery`, `email_change`), default `/verify`.
    pub url_paths: BTreeMap<String, String>,
    /// Host names that may stand in `X-Forwarded-Host` and then in links.
    pub external_hosts: Vec<String>,
    /// Notifications to send after the fact, e.g. `password_changed`.
    pub notifications: Vec<String>,
    /// A server or a hook for mail is configured. Without, nothing limits the number of letters by default.
    pub transport_configured: bool,
    /// GET /verify shows a button instead of using up the token: mail scanners follow links.
    pub confirm_page: bool,
}

/// What a password must be.
#[derive(Debug, Clone)]
pub struct Password {
    /// Characters at least, and at least 6.
    pub min_length: usize,
    /// Each of these sets must occur.
    pub required_characters: Vec<String>,
    /// Where breached passwords are looked up, by the k-anonymity protocol of haveibeenpwned.
    pub breached: Option<Breached>,
    /// A nonce is needed to change it in a session older than a day.
    pub require_reauthentication: bool,
    /// The old one is needed to change it.
    pub require_current: bool,
}

/// Where breached passwords are looked up.
#[derive(Debug, Clone)]
pub enum Breached {
    /// `<url>/range/<first five hex digits of SHA-1>`.
    Http {
        /// Without the trailing slash.
        url: String,
        /// Refuse the password where the source cannot be asked.
        fail_closed: bool,
    },
    /// A text file of passwords, one per line, read at start.
    Words(std::sync::Arc<std::collections::HashSet<String>>),
}

/// Sessions and refresh tokens.
#[derive(Debug, Clone)]
pub struct Sessions {
    /// A session ends this long after it began.
    pub timebox: Option<Duration>,
    /// A session ends when it was not refreshed for this long.
    pub inactivity_timeout: Option<Duration>,
    /// The newest session of a user ends the older ones.
    pub single_per_user: bool,
    /// Tags that divide sessions for `single_per_user`.
    pub tags: Vec<String>,
    /// A session below the user's possible assurance level ends after this long.
    pub allow_low_aal: Option<Duration>,
    /// A refresh token is used once.
    pub rotation_enabled: bool,
    /// For this long after its use, a used token gets an answer.
    pub reuse_interval: Duration,
    /// 0, 1: rows in `refresh_tokens`; 2: HMAC tokens with a counter in `sessions`.
    pub algorithm_version: u8,
    /// Per cent of version 1 tokens that become version 2 at their next use.
    pub upgrade_percentage: u8,
    /// Version 2: a reused token never ends the session.
    pub allow_reuse: bool,
}

/// Factors.
#[derive(Debug, Clone)]
pub struct Mfa {
    /// TOTP.
    pub totp: FactorSwitch,
    /// Codes by SMS.
    pub phone: FactorSwitch,
    /// WebAuthn.
    pub webauthn: FactorSwitch,
    /// Factors of a user at most.
    pub max_enrolled: usize,
    /// How long a challenge lives.
    pub challenge_expiry: Duration,
    /// An unverified factor is removed after this long.
    pub factor_expiry: Duration,
    /// Digits of a code by SMS.
    pub phone_otp_length: usize,
    /// Least time between two messages to a factor.
    pub phone_max_frequency: Duration,
    /// Text; `{{ .Code }}` is the code.
    pub phone_template: String,
}

/// What may be done with a kind of factor.
#[derive(Debug, Clone, Copy)]
pub struct FactorSwitch {
    /// New ones.
    pub enroll: bool,
    /// Sign in with existing ones.
    pub verify: bool,
}

/// The relying party.
#[derive(Debug, Clone, Default)]
pub struct WebAuthn {
    /// `/passkeys`.
    pub passkeys_enabled: bool,
    /// Domain.
    pub rp_id: String,
    /// Name that the browser shows.
    pub rp_display_name: String,
    /// Allowed origins.
    pub rp_origins: Vec<String>,
}

/// An upstream identity provider.
#[derive(Debug, Clone, Default)]
pub struct Provider {
    /// May it be used?
    pub enabled: bool,
    /// The first one signs in; all are accepted in ID tokens.
    pub client_ids: Vec<String>,
    /// Its secret.
    pub secret: Secret,
    /// Where it sends the browser back to; default: `<external_url>/callback`.
    pub redirect_uri: Option<String>,
    /// Its own address (GitLab, Keycloak, Azure's tenant, any OIDC issuer).
    pub url: Option<String>,
    /// ID tokens need no nonce.
    pub skip_nonce_check: bool,
    /// Users without e-mail may come in.
    pub email_optional: bool,
}

/// SAML 2.0.
#[derive(Debug, Clone, Default)]
pub struct Saml {
    /// At all?
    pub enabled: bool,
    /// PKCS#1 DER in base64.
    pub private_key: Secret,
    /// Where identity providers reach us; default: `external_url`.
    pub external_url: Option<String>,
    /// Not supported: a warning at start says so.
    pub allow_encrypted_assertions: bool,
    /// How long a sign-in may take.
    pub relay_state_validity: Duration,
}

/// This service as an OAuth 2.1 server.
#[derive(Debug, Clone)]
pub struct OAuthServer {
    /// At all?
    pub enabled: bool,
    /// Clients may register themselves (RFC 7591).
    pub allow_dynamic_registration: bool,
    /// Page of the application that asks for consent, below `site_url`.
    pub authorization_path: String,
    /// How long an authorization waits.
    pub authorization_ttl: Duration,
    /// Scope where none is asked for.
    pub default_scope: String,
}

/// Events per time; `None`: no limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// How many.
    pub events: f64,
    /// In how long.
    pub over: Duration,
}

/// Limits.
#[derive(Debug, Clone)]
pub struct RateLimits {
    /// Header whose first value is the client's address; `None`: the peer's.
    pub client_header: Option<String>,
    /// Limit requests at all? (GoTrue does only where a header is configured.)
    pub per_client: bool,
    /// Letters of the whole server.
    pub email_sent: Option<Rate>,
    /// Text messages of the whole server.
    pub sms_sent: Option<Rate>,
    /// `/verify`.
    pub verify: Rate,
    /// `/token`.
    pub token_refresh: Rate,
    /// `/otp`, `/magiclink`, `/recover`, `/resend`, `/signup`, `PUT /user`.
    pub otp: Rate,
    /// `/sso`.
    pub sso: Rate,
    /// `/sso/saml/acs`.
    pub saml_assertion: Rate,
    /// Anonymous sign-ups.
    pub anonymous_users: Rate,
    /// `grant_type=web3`.
    pub web3: Rate,
    /// `/passkeys/authentication`.
    pub passkey: Rate,
    /// `/factors/{id}/challenge` and `/verify`.
    pub mfa: Rate,
    /// `/oauth/clients/register`.
    pub dynamic_registration: Rate,
}

/// Captcha.
#[derive(Debug, Clone)]
pub struct Captcha {
    /// Who checks.
    pub provider: CaptchaProvider,
    /// The site's secret.
    pub secret: Secret,
    /// Where tokens are checked; tests point it elsewhere.
    pub url: String,
}

impl Captcha {
    /// At the provider's own address.
    pub fn new(provider: CaptchaProvider, secret: Secret) -> Self {
        let url = match provider {
            CaptchaProvider::HCaptcha => "https://hcaptcha.com/siteverify",
            CaptchaProvider::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/siteverify",
        };
        Self { provider, secret, url: url.to_owned() }
    }
}

/// Who checks captchas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptchaProvider {
    /// hcaptcha.com
    HCaptcha,
    /// Cloudflare Turnstile
    Turnstile,
}

/// Where the application may step in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HookPoint {
    /// Claims of each access token.
    CustomAccessToken,
    /// In place of mail.
    SendEmail,
    /// In place of SMS.
    SendSms,
    /// After a factor's code was checked.
    MfaVerificationAttempt,
    /// After a password was checked.
    PasswordVerificationAttempt,
    /// Before a user is inserted.
    BeforeUserCreated,
    /// After a user was inserted.
    AfterUserCreated,
}

impl HookPoint {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::CustomAccessToken,
        Self::SendEmail,
        Self::SendSms,
        Self::MfaVerificationAttempt,
        Self::PasswordVerificationAttempt,
        Self::BeforeUserCreated,
        Self::AfterUserCreated,
    ];

    /// As in `[auth.hook.<name>]`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CustomAccessToken => "custom_access_token",
            Self::SendEmail => "send_email",
            Self::SendSms => "send_sms",
            Self::MfaVerificationAttempt => "mfa_verification_attempt",
            Self::PasswordVerificationAttempt => "password_verification_attempt",
            Self::BeforeUserCreated => "before_user_created",
            Self::AfterUserCreated => "after_user_created",
        }
    }
}

/// How a hook is called.
#[derive(Debug, Clone, PartialEq)]
pub struct Hook {
    /// `pg-functions://postgres/<schema>/<function>` or `https://…`.
    pub uri: String,
    /// `v1,whsec_…`, several joined by `|`.
    pub secrets: Secret,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            external_url: "http://localhost:9999".to_owned(),
            site_url: "http://localhost:3000".to_owned(),
            uri_allow_list: Vec::new(),
            disable_signup: false,
            jwt: Jwt {
                exp_seconds: 3600,
                aud: "authenticated".to_owned(),
                default_group: "authenticated".to_owned(),
                admin_roles: vec!["service_role".to_owned(), "supabase_admin".to_owned()],
                issuer: String::new(),
            },
            email: Email { enabled: true, magic_link_enabled: true, authorized_addresses: Vec::new() },
            phone: Phone {
                enabled: false,
                autoconfirm: false,
                provider: String::new(),
                otp_exp: Duration::from_secs(60),
                otp_length: 6,
                max_frequency: Duration::from_secs(60),
                template: "Your code is {{ .Code }}".to_owned(),
                test_otp: BTreeMap::new(),
                test_otp_valid_until: None,
            },
            anonymous_users_enabled: false,
            web3: Web3::default(),
            mailer: Mailer::default(),
            password: Password {
                min_length: 6,
                required_characters: Vec::new(),
                breached: None,
                require_reauthentication: false,
                require_current: false,
            },
            sessions: Sessions::default(),
            mfa: Mfa::default(),
            webauthn: WebAuthn::default(),
            providers: BTreeMap::new(),
            manual_linking_enabled: false,
            custom_providers_enabled: false,
            flow_state_expiry: Duration::from_secs(300),
            saml: Saml { relay_state_validity: Duration::from_secs(120), ..Saml::default() },
            oauth_server: OAuthServer {
                enabled: false,
                allow_dynamic_registration: false,
                authorization_path: "/oauth/consent".to_owned(),
                authorization_ttl: Duration::from_secs(600),
                default_scope: "email".to_owned(),
            },
            limits: RateLimits::default(),
            captcha: None,
            hooks: BTreeMap::new(),
            audit_to_database: true,
            cleanup_enabled: true,
            request_timeout: Duration::from_secs(10),
            version: concat!("basalt-", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

impl Default for Mailer {
    fn default() -> Self {
        Self {
            autoconfirm: false,
            allow_unverified_email_sign_ins: false,
            secure_email_change: true,
            otp_exp: Duration::from_secs(86_400),
            otp_length: 6,
            max_frequency: Duration::from_secs(60),
            otp_max_attempts: 10,
            url_paths: BTreeMap::new(),
            external_hosts: Vec::new(),
            notifications: Vec::new(),
            transport_configured: false,
            confirm_page: false,
        }
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            timebox: None,
            inactivity_timeout: None,
            single_per_user: false,
            tags: Vec::new(),
            allow_low_aal: None,
            rotation_enabled: true,
            reuse_interval: Duration::from_secs(10),
            algorithm_version: 1,
            upgrade_percentage: 0,
            allow_reuse: false,
        }
    }
}

impl Default for Mfa {
    fn default() -> Self {
        Self {
            totp: FactorSwitch { enroll: true, verify: true },
            phone: FactorSwitch { enroll: false, verify: false },
            webauthn: FactorSwitch { enroll: false, verify: false },
            max_enrolled: 10,
            challenge_expiry: Duration::from_secs(300),
            factor_expiry: Duration::from_secs(300),
            phone_otp_length: 6,
            phone_max_frequency: Duration::from_secs(60),
            phone_template: "Your code is {{ .Code }}".to_owned(),
        }
    }
}

impl Default for RateLimits {
    fn default() -> Self {
        let per_5_minutes = |events| Rate { events, over: Duration::from_secs(300) };
        Self {
            client_header: None,
            per_client: true,
            email_sent: Some(Rate { events: 30.0, over: Duration::from_secs(3600) }),
            sms_sent: Some(Rate { events: 30.0, over: Duration::from_secs(3600) }),
            verify: per_5_minutes(30.0),
            token_refresh: per_5_minutes(150.0),
            otp: per_5_minutes(30.0),
            sso: per_5_minutes(30.0),
            saml_assertion: per_5_minutes(15.0),
            anonymous_users: Rate { events: 30.0, over: Duration::from_secs(3600) },
            web3: per_5_minutes(30.0),
            passkey: per_5_minutes(30.0),
            mfa: Rate { events: 15.0, over: Duration::from_secs(60) },
            dynamic_registration: Rate { events: 10.0, over: Duration::from_secs(3600) },
        }
    }
}

impl AuthConfig {
    /// Whether `/settings` says that this provider is on.
    pub fn provider_enabled(&self, name: &str) -> bool {
        self.providers.get(name).is_some_and(|provider| provider.enabled)
    }

    /// Where a link in a mail of this kind leads.
    pub fn verify_url(&self, kind: &str) -> String {
        let path = self.mailer.url_paths.get(kind).map_or("/verify", String::as_str);
        if path.starts_with("http://") || path.starts_with("https://") {
            return path.to_owned();
        }
        format!("{}/{}", self.external_url.trim_end_matches('/'), path.trim_start_matches('/'))
    }
}
