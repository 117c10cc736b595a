use std::collections::BTreeMap;

use base::Secret;

use super::{Email, ExternalProvider, Mfa, Sms, ThirdParty, Web3};
use crate::GoDuration;
use crate::setting::{choice, section};

section! {
    /// Users and sessions.
    pub struct Auth {
        /// Serve `/auth/v1` at all.
        enabled: bool = true,
        /// The application's URL: where links in mails lead, and always an allowed redirect.
        site_url: String = "http://127.0.0.1:3000".into(),
        /// Public URL of auth; empty: that of the API with `/auth/v1`.
        external_url: String,
        /// Further URLs that a redirect may lead to; `*` and `**` are wildcards.
        additional_redirect_urls: Vec<String> = vec!["https://127.0.0.1:3000".into()],
        /// Life of an access token, in seconds; at most a week.
        jwt_expiry: u32 = 3600,
        /// Issuer of access tokens; empty: the public URL of auth.
        jwt_issuer: String,
        /// JSON file with private keys (a list of JWKs), relative to `supabase/`; the first one signs.
        signing_keys_path: String,
        /// Give a new refresh token at each refresh.
        enable_refresh_token_rotation: bool = true,
        /// Seconds during which the previous refresh token still works.
        refresh_token_reuse_interval: u32 = 10,
        /// Let users link identities themselves.
        enable_manual_linking: bool,
        /// Let new users sign up.
        enable_signup: bool = true,
        /// Let users in without an e-mail or a phone.
        enable_anonymous_sign_ins: bool,
        /// Shortest password.
        minimum_password_length: u32 = 6,
        /// Kinds of characters that a password needs.
        password_requirements: PasswordRequirements,
        /// Publishable API key instead of the well-known one.
        publishable_key: Option<Secret>,
        /// Secret API key instead of the well-known one.
        secret_key: Option<Secret>,
        /// Secret that signs tokens (HS256) instead of the well-known one; 32 characters at least.
        jwt_secret: Option<Secret>,
        /// API key of the role anon, instead of one signed with the secret.
        anon_key: Option<Secret>,
        /// API key of the role service_role, instead of one signed with the secret.
        service_role_key: Option<Secret>,
        /// How often things may happen.
        rate_limit: RateLimit,
        /// Check that a person signs up.
        captcha: Option<Captcha>,
        /// Functions that have a say.
        hook: Hooks,
        /// Second factors.
        mfa: Mfa,
        /// Ends of sessions.
        sessions: Sessions,
        /// Sign-in by e-mail.
        email: Email,
        /// Sign-in by phone.
        sms: Sms,
        /// Sign-in by other providers, by their name (`google`, `github`, `apple`, …).
        external: BTreeMap<String, ExternalProvider>,
        /// Sign-in by SAML providers of companies, which administrators add. The Supabase CLI has no such section.
        saml: Option<Saml>,
        /// Sign-in by wallets.
        web3: Web3,
        /// Tokens of other issuers that the API accepts.
        third_party: ThirdParty,
        /// Auth as an OAuth server.
        oauth_server: OauthServer,
        /// Sign-in by passkey.
        passkey: Option<Passkey>,
        /// The relying party of passkeys and security keys.
        webauthn: Option<WebAuthn>,
    }
}

choice! {
    /// Kinds of characters that a password needs.
    pub enum PasswordRequirements {
        /// Any.
        None = "",
        /// Letters and digits.
        LettersDigits = "letters_digits",
        /// Lower and upper case letters and digits.
        LowerUpperLettersDigits = "lower_upper_letters_digits",
        /// Lower and upper case letters, digits and symbols.
        LowerUpperLettersDigitsSymbols = "lower_upper_letters_digits_symbols",
    }
}

section! {
    /// How often things may happen.
    pub struct RateLimit {
        /// E-mails in an hour.
        email_sent: u32 = 2,
        /// Text messages in an hour.
        sms_sent: u32 = 30,
        /// Anonymous sign-ins in an hour, by address.
        anonymous_users: u32 = 30,
        /// Refreshes in five minutes, by address.
        token_refresh: u32 = 150,
        /// Sign-ups and sign-ins in five minutes, by address.
        sign_in_sign_ups: u32 = 30,
        /// Codes and links checked in five minutes, by address.
        token_verifications: u32 = 30,
        /// Wallet sign-ins in five minutes, by address.
        web3: u32 = 30,
    }
}

choice! {
    /// Who checks that a person signs up.
    pub enum CaptchaProvider {
        /// hCaptcha.
        Hcaptcha = "hcaptcha",
        /// Cloudflare Turnstile.
        Turnstile = "turnstile",
    }
}

section! {
    /// Check that a person signs up.
    pub struct Captcha {
        /// Check.
        enabled: bool,
        /// Who checks.
        provider: CaptchaProvider,
        /// The provider's secret.
        secret: Option<Secret>,
    }
}

section! {
    /// Functions that have a say.
    pub struct Hooks {
        /// Before a second factor counts.
        mfa_verification_attempt: Option<Hook>,
        /// Before a password counts.
        password_verification_attempt: Option<Hook>,
        /// Before a token is signed: may change its claims.
        custom_access_token: Option<Hook>,
        /// Instead of sending a text message.
        send_sms: Option<Hook>,
        /// Instead of sending a mail.
        send_email: Option<Hook>,
        /// Before a user is created: may refuse.
        before_user_created: Option<Hook>,
        /// After a user was created.
        after_user_created: Option<Hook>,
    }
}

section! {
    /// A function that has a say.
    pub struct Hook {
        /// Ask it.
        enabled: bool,
        /// `pg-functions://postgres/<schema>/<function>` or an HTTP URL.
        uri: String,
        /// Secrets that sign the HTTP request (`v1,whsec_…`), separated by `|`.
        secrets: Option<Secret>,
    }
}

section! {
    /// Ends of sessions.
    pub struct Sessions {
        /// A session ends after this time.
        timebox: Option<GoDuration>,
        /// A session ends when it was not used for this time.
        inactivity_timeout: Option<GoDuration>,
    }
}

section! {
    /// Auth as an OAuth server.
    pub struct OauthServer {
        /// Serve `/auth/v1/oauth`.
        enabled: bool,
        /// Path of the application's consent page.
        authorization_url_path: String = "/oauth/consent".into(),
        /// Let clients register themselves.
        allow_dynamic_registration: bool,
    }
}

section! {
    /// Sign-in by SAML.
    pub struct Saml {
        /// Serve `/auth/v1/sso`.
        enabled: bool,
        /// RSA key of 2048 bits or more, PKCS#1 DER in base64: it signs requests.
        private_key: Option<Secret>,
    }
}

section! {
    /// Sign-in by passkey.
    pub struct Passkey {
        /// Offer it.
        enabled: bool,
    }
}

section! {
    /// The relying party of passkeys and security keys.
    pub struct WebAuthn {
        /// Name shown to users.
        rp_display_name: String,
        /// Domain.
        rp_id: String,
        /// Origins of the application.
        rp_origins: Vec<String>,
    }
}
