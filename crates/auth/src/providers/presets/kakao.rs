//! Kakao.

use serde_json::Value;

use super::{OAUTH, Preset, Protocol};
use crate::providers::profile::{Profile, is_true, text};

pub(super) const PRESET: Preset = Preset {
    name: "kakao",
    base: "https://kauth.kakao.com",
    protocol: Protocol::OAuth {
        authorize: "{url}/oauth/authorize",
        token: "{url}/oauth/token",
        userinfo: "{api:https://kapi.kakao.com:}/v2/user/me",
        emails: "",
    },
    scopes: &["account_email", "profile_image", "profile_nickname"],
    id_tokens: true,
    read,
    ..OAUTH
};

fn read(user: &Value) -> Profile {
    if user["sub"].is_string() {
        // An ID token: Kakao puts only proved addresses into it.
        let mut profile = Profile::from_oidc(user).with("name", &user["nickname"]);
        profile.addresses.iter_mut().for_each(|address| address.verified = true);
        return profile;
    }
    let account = &user["kakao_account"];
    let verified = is_true(&account["is_email_verified"]) && is_true(&account["is_email_valid"]);
    Profile::new(text(&user["id"]))
        .with("name", &account["profile"]["nickname"])
        .with("preferred_username", &account["profile"]["nickname"])
        .with("picture", &account["profile"]["profile_image_url"])
        .address(&account["email"], verified)
}
