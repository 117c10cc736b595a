//! Zoom.

use serde_json::{Value, json};

use super::{OAUTH, Preset, Protocol};
use crate::providers::profile::{Profile, is_true, text};

pub(super) const PRESET: Preset = Preset {
    name: "zoom",
    base: "https://zoom.us",
    protocol: Protocol::OAuth {
        authorize: "{url}/oauth/authorize",
        token: "{url}/oauth/token",
        userinfo: "{api:https://api.zoom.us:}/v2/users/me",
        emails: "",
    },
    basic_auth: true,
    read,
    ..OAUTH
};

fn read(user: &Value) -> Profile {
    let name = format!("{} {}", text(&user["first_name"]), text(&user["last_name"]));
    Profile::new(text(&user["id"]))
        .with("name", &json!(name.trim()))
        .with("picture", &user["pic_url"])
        .address(&user["email"], is_true(&user["verified"]))
}
