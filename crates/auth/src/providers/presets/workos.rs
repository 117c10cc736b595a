//! WorkOS: which connection is asked is a parameter of the request (`connection`, `organization` or `provider`).

use serde_json::{Value, json};

use super::{OAUTH, Preset, Protocol};
use crate::providers::profile::{Profile, text};

pub(super) const PRESET: Preset = Preset {
    name: "workos",
    base: "https://api.workos.com",
    protocol: Protocol::OAuth {
        authorize: "{url}/sso/authorize",
        token: "{url}/sso/token",
        userinfo: "{url}/sso/profile",
        emails: "",
    },
    read,
    ..OAUTH
};

fn read(user: &Value) -> Profile {
    let name = format!("{} {}", text(&user["first_name"]), text(&user["last_name"]));
    let custom = json!({
        "connection_id": user["connection_id"], "organization_id": user["organization_id"], "raw_attributes": user["raw_attributes"],
    });
    Profile::new(text(&user["id"]))
        .with("name", &json!(name.trim()))
        .with("custom_claims", &custom)
        .address(&user["email"], true)
}
