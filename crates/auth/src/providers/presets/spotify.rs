//! Spotify.

use serde_json::Value;

use super::{OAUTH, Preset, Protocol};
use crate::providers::profile::{Profile, text};

pub(super) const PRESET: Preset = Preset {
    name: "spotify",
    base: "https://accounts.spotify.com",
    protocol: Protocol::OAuth {
        authorize: "{url}/authorize",
        token: "{url}/api/token",
        userinfo: "{api:https://api.spotify.com:}/v1/me",
        emails: "",
    },
    scopes: &["user-read-email"],
    read,
    ..OAUTH
};

fn read(user: &Value) -> Profile {
    // Spotify says of itself that its addresses are not verified.
    Profile::new(text(&user["id"]))
        .with("name", &user["display_name"])
        .with("picture", &user["images"][0]["url"])
        .address(&user["email"], false)
}
