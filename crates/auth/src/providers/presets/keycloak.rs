//! Keycloak: `url` names the realm, `https://host/realms/<realm>`.

use super::{OAUTH, Preset, Protocol};

pub(super) const PRESET: Preset = Preset {
    name: "keycloak",
    protocol: Protocol::Oidc { issuer: "{url}", also: &[] },
    scopes: &["openid", "profile", "email"],
    id_tokens: true,
    ..OAUTH
};
