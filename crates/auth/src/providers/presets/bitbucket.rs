//! Bitbucket.

use serde_json::Value;

use super::{OAUTH, Preset, Protocol};
use crate::providers::profile::{Address, Profile, is_true, text};

pub(super) const PRESET: Preset = Preset {
    name: "bitbucket",
    base: "https://bitbucket.org",
    protocol: Protocol::OAuth {
        authorize: "{url}/site/oauth2/authorize",
        token: "{url}/site/oauth2/access_token",
        userinfo: "{api:https://api.bitbucket.org:}/2.0/user",
        emails: "{api:https://api.bitbucket.org:}/2.0/user/emails",
    },
    scopes: &["account", "email"],
    read,
    ..OAUTH
};

fn read(user: &Value) -> Profile {
    let mut profile = Profile::new(text(&user["uuid"]))
        .with("name", &user["display_name"])
        .with("picture", &user["links"]["avatar"]["href"]);
    for one in user["emails"]["values"].as_array().into_iter().flatten() {
        if let Some(email) = one["email"].as_str().filter(|email| !email.is_empty()) {
            let (verified, primary) = (is_true(&one["is_confirmed"]), is_true(&one["is_primary"]));
            profile.addresses.push(Address { email: email.to_lowercase(), verified, primary });
        }
    }
    profile
}
