//! Notion: the user comes with a header for the version of the API.

use serde_json::Value;

use super::{OAUTH, Preset, Protocol};
use crate::providers::profile::{Profile, text};

pub(super) const PRESET: Preset = Preset {
    name: "notion",
    base: "https://api.notion.com",
    protocol: Protocol::OAuth {
        authorize: "{url}/v1/oauth/authorize",
        token: "{url}/v1/oauth/token",
        userinfo: "{url}/v1/users/me",
        emails: "",
    },
    parameters: &[("owner", "user")],
    basic_auth: true,
    read,
    ..OAUTH
};

fn read(answer: &Value) -> Profile {
    let user = &answer["bot"]["owner"]["user"];
    Profile::new(text(&user["id"]))
        .with("name", &user["name"])
        .with("picture", &user["avatar_url"])
        .address(&user["person"]["email"], true)
}
