//! Twitch.

use serde_json::{Value, json};

use super::{OAUTH, Preset, Protocol};
use crate::providers::profile::{Profile, text};

pub(super) const PRESET: Preset = Preset {
    name: "twitch",
    base: "https://id.twitch.tv",
    protocol: Protocol::OAuth {
        authorize: "{url}/oauth2/authorize",
        token: "{url}/oauth2/token",
        userinfo: "{api:https://api.twitch.tv:}/helix/users",
        emails: "",
    },
    scopes: &["user:read:email"],
    read,
    ..OAUTH
};

fn read(answer: &Value) -> Profile {
    let user = &answer["data"][0];
    let custom =
        json!({"broadcaster_type": user["broadcaster_type"], "description": user["description"], "type": user["type"]});
    Profile::new(text(&user["id"]))
        .with("name", &user["login"])
        .with("nickname", &user["display_name"])
        .with("picture", &user["profile_image_url"])
        .with("custom_claims", &custom)
        // Twitch gives an address only once it is proved.
        .address(&user["email"], true)
}
