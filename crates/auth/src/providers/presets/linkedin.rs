//! LinkedIn: OpenID Connect; the user is read from the userinfo endpoint's names.

use super::{OAUTH, Preset, Protocol};

pub(super) const PRESET: Preset = Preset {
    name: "linkedin_oidc",
    base: "https://www.linkedin.com/oauth",
    protocol: Protocol::Oidc { issuer: "{url}", also: &["https://www.linkedin.com"] },
    scopes: &["openid", "email", "profile"],
    ..OAUTH
};
