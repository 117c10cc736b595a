//! Vercel's marketplace: only ID tokens.

use super::{OAUTH, Preset, Protocol};

pub(super) const PRESET: Preset = Preset {
    name: "vercel_marketplace",
    base: "https://marketplace.vercel.com",
    protocol: Protocol::Oidc { issuer: "{url}", also: &[] },
    scopes: &["openid"],
    id_tokens: true,
    ..OAUTH
};
