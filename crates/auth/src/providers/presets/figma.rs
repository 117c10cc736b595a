//! Figma.

use serde_json::Value;

use super::{OAUTH, Preset, Protocol};
use crate::providers::profile::{Profile, text};

pub(super) const PRESET: Preset = Preset {
    name: "figma",
    base: "https://www.figma.com",
    protocol: Protocol::OAuth {
        authorize: "{url}/oauth",
        token: "{api:https://api.figma.com:}/v1/oauth/token",
        userinfo: "{api:https://api.figma.com:}/v1/me",
        emails: "",
    },
    scopes: &["current_user:read"],
    basic_auth: true,
    read,
    ..OAUTH
};

fn read(user: &Value) -> Profile {
    Profile::new(text(&user["id"]))
        .with("name", &user["handle"])
        .with("picture", &user["img_url"])
        .address(&user["email"], true)
}
