//! Google: OpenID Connect.

use super::{OAUTH, Preset, Protocol};

pub(super) const PRESET: Preset = Preset {
    name: "google",
    base: "https://accounts.google.com",
    protocol: Protocol::Oidc { issuer: "{url}", also: &["accounts.google.com"] },
    scopes: &["openid", "email", "profile"],
    id_tokens: true,
    ..OAUTH
};
