//! Snapchat: it knows no addresses; one is made of the id, unproved.

use serde_json::{Value, json};

use super::{OAUTH, Preset, Protocol};
use crate::providers::profile::{Profile, text};

pub(super) const PRESET: Preset = Preset {
    name: "snapchat",
    base: "https://accounts.snapchat.com",
    protocol: Protocol::OAuth {
        authorize: "{url}/accounts/oauth2/auth",
        token: "{url}/accounts/oauth2/token",
        userinfo: "{api:https://kit.snapchat.com:}/v1/me?query=%7Bme%7BexternalId%20displayName%20bitmoji%7Bavatar%20id%7D%7D%7D",
        emails: "",
    },
    scopes: &[
        "https://auth.snapchat.com/oauth2/api/user.external_id",
        "https://auth.snapchat.com/oauth2/api/user.display_name",
    ],
    read,
    ..OAUTH
};

fn read(answer: &Value) -> Profile {
    let user = &answer["data"]["me"];
    let id = text(&user["externalId"]);
    let email = if id.is_empty() { String::new() } else { format!("{id}@snapchat.id") };
    Profile::new(id)
        .with("name", &user["displayName"])
        .with("picture", &user["bitmoji"]["avatar"])
        .address(&json!(email), false)
}
