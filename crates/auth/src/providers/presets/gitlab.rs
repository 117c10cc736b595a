//! GitLab, also one's own (`url`).

use serde_json::Value;

use super::{OAUTH, Preset, Protocol};
use crate::providers::profile::{Profile, text};

pub(super) const PRESET: Preset = Preset {
    name: "gitlab",
    base: "https://gitlab.com",
    protocol: Protocol::OAuth {
        authorize: "{url}/oauth/authorize",
        token: "{url}/oauth/token",
        userinfo: "{url}/api/v4/user",
        emails: "",
    },
    scopes: &["read_user"],
    read,
    ..OAUTH
};

fn read(user: &Value) -> Profile {
    // An address counts as proved once the account is confirmed.
    let verified = user["confirmed_at"].is_string();
    Profile::new(text(&user["id"]))
        .with("name", &user["name"])
        .with("user_name", &user["username"])
        .with("picture", &user["avatar_url"])
        .address(&user["email"], verified)
}
