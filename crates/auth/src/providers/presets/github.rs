//! GitHub: OAuth, and a second question for the addresses.

use serde_json::{Value, json};

use super::{OAUTH, Preset, Protocol};
use crate::providers::profile::{Address, Profile, is_true, text};

pub(super) const PRESET: Preset = Preset {
    name: "github",
    base: "https://github.com",
    protocol: Protocol::OAuth {
        authorize: "{url}/login/oauth/authorize",
        token: "{url}/login/oauth/access_token",
        userinfo: "{api:https://api.github.com:/api/v3}/user",
        emails: "{api:https://api.github.com:/api/v3}/user/emails",
    },
    scopes: &["user:email"],
    read,
    ..OAUTH
};

fn read(user: &Value) -> Profile {
    let name = if text(&user["name"]).is_empty() { &user["login"] } else { &user["name"] };
    let mut profile = Profile::new(text(&user["id"]))
        .with("name", name)
        .with("preferred_username", &user["login"])
        .with("user_name", &user["login"])
        .with("picture", &user["avatar_url"])
        .with("iss", &json!("https://api.github.com"));
    for one in user["emails"].as_array().into_iter().flatten() {
        if let Some(email) = one["email"].as_str().filter(|email| !email.is_empty()) {
            let (verified, primary) = (is_true(&one["verified"]), is_true(&one["primary"]));
            profile.addresses.push(Address { email: email.to_lowercase(), verified, primary });
        }
    }
    profile
}
