//! Facebook.

use serde_json::Value;

use super::{OAUTH, Preset, Protocol};
use crate::providers::profile::{Profile, text};

pub(super) const PRESET: Preset = Preset {
    name: "facebook",
    base: "https://www.facebook.com",
    protocol: Protocol::OAuth {
        authorize: "{url}/dialog/oauth",
        token: "{api:https://graph.facebook.com:}/oauth/access_token",
        userinfo: "{api:https://graph.facebook.com:}/me?fields=email,first_name,last_name,name,picture",
        emails: "",
    },
    scopes: &["email"],
    separator: ',',
    id_tokens: true,
    read,
    ..OAUTH
};

fn read(user: &Value) -> Profile {
    // Limited Login brings an ID token with OIDC's names.
    if user["sub"].is_string() {
        let mut profile = Profile::from_oidc(user);
        profile.addresses.iter_mut().for_each(|address| address.verified = true);
        return profile;
    }
    Profile::new(text(&user["id"]))
        .with("name", &user["name"])
        .with("nickname", &user["alias"])
        .with("given_name", &user["first_name"])
        .with("family_name", &user["last_name"])
        .with("picture", &user["picture"]["data"]["url"])
        // Facebook gives only addresses that were proved.
        .address(&user["email"], true)
}
