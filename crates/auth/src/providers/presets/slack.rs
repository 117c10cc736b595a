//! Slack: OpenID Connect.

use super::{OAUTH, Preset, Protocol};

pub(super) const PRESET: Preset = Preset {
    name: "slack_oidc",
    base: "https://slack.com",
    protocol: Protocol::Oidc { issuer: "{url}", also: &[] },
    scopes: &["openid", "profile", "email"],
    ..OAUTH
};
