//! The nouns, as rows of schema `auth` have them. NULL in a token column reads as empty: seeds are written by hand.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// `auth.users` with its identities and factors.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub id: Uuid,
    pub aud: String,
    pub role: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub encrypted_password: Option<String>,
    pub email_confirmed_at: Option<OffsetDateTime>,
    pub invited_at: Option<OffsetDateTime>,
    pub confirmation_token: String,
    pub confirmation_sent_at: Option<OffsetDateTime>,
    pub recovery_token: String,
    pub recovery_sent_at: Option<OffsetDateTime>,
    pub email_change_token_new: String,
    pub email_change_token_current: String,
    pub email_change: String,
    pub email_change_sent_at: Option<OffsetDateTime>,
    pub email_change_confirm_status: i16,
    pub phone_confirmed_at: Option<OffsetDateTime>,
    pub phone_change: String,
    pub phone_change_token: String,
    pub phone_change_sent_at: Option<OffsetDateTime>,
    pub reauthentication_token: String,
    pub reauthentication_sent_at: Option<OffsetDateTime>,
    pub last_sign_in_at: Option<OffsetDateTime>,
    pub app_metadata: Object,
    pub user_metadata: Object,
    pub is_sso_user: bool,
    pub is_anonymous: bool,
    pub banned_until: Option<OffsetDateTime>,
    pub deleted_at: Option<OffsetDateTime>,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
    pub identities: Vec<Identity>,
    pub factors: Vec<Factor>,
}

impl User {
    /// The address, empty where there is none.
    pub fn email(&self) -> &str {
        self.email.as_deref().unwrap_or("")
    }

    /// The number without `+`, empty where there is none.
    pub fn phone(&self) -> &str {
        self.phone.as_deref().unwrap_or("")
    }

    pub fn is_confirmed(&self) -> bool {
        self.email_confirmed_at.is_some()
    }

    pub fn is_phone_confirmed(&self) -> bool {
        self.phone_confirmed_at.is_some()
    }

    pub fn is_banned(&self, now: OffsetDateTime) -> bool {
        self.banned_until.is_some_and(|until| until > now)
    }

    pub fn has_password(&self) -> bool {
        self.encrypted_password.as_deref().is_some_and(|hash| !hash.is_empty())
    }

    pub fn confirmed_at(&self) -> Option<OffsetDateTime> {
        match (self.email_confirmed_at, self.phone_confirmed_at) {
            (Some(email), Some(phone)) => Some(email.min(phone)),
            (email, phone) => email.or(phone),
        }
    }

    pub fn identity(&self, provider: &str) -> Option<&Identity> {
        self.identities.iter().find(|identity| identity.provider == provider)
    }

    pub fn verified_factors(&self) -> impl Iterator<Item = &Factor> {
        self.factors.iter().filter(|factor| factor.status == FactorStatus::Verified)
    }
}

/// `auth.identities`.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub id: Uuid,
    pub provider_id: String,
    pub user_id: Uuid,
    pub data: Object,
    pub provider: String,
    pub last_sign_in_at: Option<OffsetDateTime>,
    pub created_at: Option<OffsetDateTime>,
    pub updated_at: Option<OffsetDateTime>,
}

impl Identity {
    /// As the generated column `email` has it.
    pub fn email(&self) -> Option<String> {
        self.data.get("email").and_then(Value::as_str).map(str::to_lowercase)
    }
}

/// `auth.mfa_factors`, without its secret.
#[derive(Debug, Clone)]
pub(crate) struct Factor {
    pub id: Uuid,
    pub friendly_name: Option<String>,
    pub kind: FactorKind,
    pub status: FactorStatus,
    pub phone: Option<String>,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
    pub last_challenged_at: Option<OffsetDateTime>,
}

/// `auth.factor_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FactorKind {
    Totp,
    Phone,
    WebAuthn,
}

impl FactorKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Phone => "phone",
            Self::WebAuthn => "webauthn",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Totp, Self::Phone, Self::WebAuthn].into_iter().find(|kind| kind.as_str() == text)
    }

    /// The method that it proves.
    pub const fn method(self) -> Method {
        match self {
            Self::Totp => Method::Totp,
            Self::Phone => Method::MfaPhone,
            Self::WebAuthn => Method::MfaWebAuthn,
        }
    }
}

/// `auth.factor_status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FactorStatus {
    Unverified,
    Verified,
}

impl FactorStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Verified => "verified",
        }
    }
}

/// `auth.sessions`.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub id: Uuid,
    pub user_id: Uuid,
    pub created_at: OffsetDateTime,
    pub aal: Aal,
    pub not_after: Option<OffsetDateTime>,
    pub refreshed_at: Option<OffsetDateTime>,
    pub tag: Option<String>,
    pub oauth_client_id: Option<Uuid>,
    pub scopes: Option<String>,
    pub hmac_key: Option<String>,
    pub counter: Option<i64>,
    pub amr: Vec<AmrClaim>,
}

/// `auth.mfa_amr_claims`: how the session proved who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AmrClaim {
    pub method: String,
    pub at: OffsetDateTime,
}

/// `auth.aal_level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Aal {
    Aal1,
    Aal2,
    Aal3,
}

impl Aal {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aal1 => "aal1",
            Self::Aal2 => "aal2",
            Self::Aal3 => "aal3",
        }
    }

    pub fn parse(text: &str) -> Self {
        match text {
            "aal2" => Self::Aal2,
            "aal3" => Self::Aal3,
            _ => Self::Aal1,
        }
    }
}

/// `amr` methods, as GoTrue names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Password,
    Otp,
    OAuth,
    Totp,
    MfaPhone,
    MfaWebAuthn,
    SsoSaml,
    Recovery,
    Invite,
    MagicLink,
    EmailSignup,
    EmailChange,
    Anonymous,
    Web3,
    Passkey,
    OAuthProvider,
}

impl Method {
    pub const ALL: [Self; 16] = [
        Self::Password,
        Self::Otp,
        Self::OAuth,
        Self::Totp,
        Self::MfaPhone,
        Self::MfaWebAuthn,
        Self::SsoSaml,
        Self::Recovery,
        Self::Invite,
        Self::MagicLink,
        Self::EmailSignup,
        Self::EmailChange,
        Self::Anonymous,
        Self::Web3,
        Self::Passkey,
        Self::OAuthProvider,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Otp => "otp",
            Self::OAuth => "oauth",
            Self::Totp => "totp",
            Self::MfaPhone => "mfa/phone",
            Self::MfaWebAuthn => "mfa/webauthn",
            Self::SsoSaml => "sso/saml",
            Self::Recovery => "recovery",
            Self::Invite => "invite",
            Self::MagicLink => "magiclink",
            Self::EmailSignup => "email/signup",
            Self::EmailChange => "email_change",
            Self::Anonymous => "anonymous",
            Self::Web3 => "web3",
            Self::Passkey => "passkey",
            Self::OAuthProvider => "oauth_provider/authorization_code",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }
}

/// `auth.one_time_token_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OtpKind {
    Confirmation,
    Reauthentication,
    Recovery,
    EmailChangeNew,
    EmailChangeCurrent,
    PhoneChange,
}

impl OtpKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirmation => "confirmation_token",
            Self::Reauthentication => "reauthentication_token",
            Self::Recovery => "recovery_token",
            Self::EmailChangeNew => "email_change_token_new",
            Self::EmailChangeCurrent => "email_change_token_current",
            Self::PhoneChange => "phone_change_token",
        }
    }
}

/// `auth.refresh_tokens`.
#[derive(Debug, Clone)]
pub(crate) struct RefreshToken {
    pub id: i64,
    pub token: String,
    pub parent: Option<String>,
    pub revoked: bool,
    pub updated_at: OffsetDateTime,
    pub session_id: Option<Uuid>,
}

/// `auth.flow_state`.
#[derive(Debug, Clone)]
pub(crate) struct FlowState {
    pub id: Uuid,
    pub user_id: Option<Uuid>,
    pub auth_code: Option<String>,
    pub code_challenge: Option<String>,
    pub code_challenge_method: Option<String>,
    pub provider_type: String,
    pub provider_access_token: Option<String>,
    pub provider_refresh_token: Option<String>,
    pub authentication_method: String,
    pub auth_code_issued_at: Option<OffsetDateTime>,
    pub created_at: OffsetDateTime,
    pub invite_token: Option<String>,
    pub referrer: Option<String>,
    pub oauth_client_state_id: Option<Uuid>,
    pub linking_target_id: Option<Uuid>,
    pub email_optional: bool,
}
