//! X, by OAuth 2 with PKCE. `twitter` is the same under its old name: the OAuth 1 of GoTrue's `twitter` is not spoken.

use serde_json::Value;

use super::{OAUTH, Preset, Protocol};
use crate::providers::profile::{Profile, text};

pub(super) const PRESET: Preset = Preset { name: "x", ..TWITTER };

pub(super) const TWITTER: Preset = Preset {
    name: "twitter",
    base: "https://x.com",
    protocol: Protocol::OAuth {
        authorize: "{url}/i/oauth2/authorize",
        token: "{api:https://api.x.com:}/2/oauth2/token",
        userinfo: "{api:https://api.x.com:}/2/users/me?user.fields=confirmed_email,name,profile_image_url,username",
        emails: "",
    },
    scopes: &["users.read", "users.email", "tweet.read", "offline.access"],
    pkce: true,
    basic_auth: true,
    read,
    ..OAUTH
};

fn read(answer: &Value) -> Profile {
    let user = &answer["data"];
    Profile::new(text(&user["id"]))
        .with("name", &user["name"])
        .with("user_name", &user["username"])
        .with("preferred_username", &user["username"])
        .with("picture", &user["profile_image_url"])
        .address(&user["confirmed_email"], true)
}
