//! The sections of config.toml: one file per top-level table, each key declared once with its default and its sentence.

mod api;
mod auth;
mod auth_email;
mod auth_external;
mod auth_factors;
mod auth_sms;
mod db;
mod other;
mod storage;

pub use api::{Api, Tls};
pub use auth::{
    Auth, Captcha, CaptchaProvider, Hook, Hooks, OauthServer, Passkey, PasswordRequirements, RateLimit, Saml, Sessions,
    WebAuthn,
};
pub use auth_email::{Email, EmailTemplate, Notification, Smtp};
pub use auth_external::{AuthZero, AwsCognito, Clerk, ExternalProvider, Firebase, ThirdParty, Web3, Web3Chain, WorkOs};
pub use auth_factors::{FactorType, Mfa, PhoneFactor};
pub use auth_sms::{MessageBird, Sms, TextLocal, Twilio, Vonage};
pub use db::{Db, DbSettings, Migrations, NetworkRestrictions, PoolMode, Pooler, Seed, SslEnforcement};
pub use other::{
    Analytics, AnalyticsBackend, EdgeRuntime, Experimental, Function, Inspect, InspectRule, IpVersion, LocalSmtp,
    PgDelta, Realtime, RequestPolicy, Studio, Webhooks,
};
pub use storage::{Bucket, ImageTransformation, S3Protocol, Storage, StorageAnalytics, StorageVector};

use std::collections::BTreeMap;

use crate::setting::section;

section! {
    /// A whole config.toml, with the CLI's defaults where it says nothing.
    pub struct ProjectConfig {
        /// Name of the project, to tell projects on one machine apart. Defaults to the name of the folder.
        project_id: String,
        /// REST and GraphQL over the database.
        api: Api,
        /// The database.
        db: Db,
        /// Channels, presence and changes.
        realtime: Realtime,
        /// The pages for developers.
        studio: Studio,
        /// The inbox that catches mail in development. `[inbucket]` is its older name.
        local_smtp: LocalSmtp,
        /// Files.
        storage: Storage,
        /// Users and sessions.
        auth: Auth,
        /// The runtime of edge functions.
        edge_runtime: EdgeRuntime,
        /// Edge functions, by name; a function in `supabase/functions` needs no entry.
        functions: BTreeMap<String, Function>,
        /// Log store of the hosted platform.
        analytics: Analytics,
        /// Trials of the CLI.
        experimental: Experimental,
    }
}
