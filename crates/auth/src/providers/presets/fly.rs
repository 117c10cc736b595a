//! Fly.io.

use serde_json::{Value, json};

use super::{OAUTH, Preset, Protocol};
use crate::providers::profile::{Profile, text};

pub(super) const PRESET: Preset = Preset {
    name: "fly",
    base: "https://api.fly.io",
    protocol: Protocol::OAuth {
        authorize: "{url}/oauth/authorize",
        token: "{url}/oauth/token",
        userinfo: "{url}/oauth/token/info",
        emails: "",
    },
    scopes: &["read"],
    read,
    ..OAUTH
};

fn read(user: &Value) -> Profile {
    Profile::new(text(&user["user_id"]))
        .with("name", &user["user_name"])
        .with(
            "custom_claims",
            &json!({"organizations": user["organizations"], "resource_owner_id": user["resource_owner_id"]}),
        )
        .address(&user["email"], true)
}
