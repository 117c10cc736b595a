//! Discord.

use serde_json::{Value, json};

use super::{OAUTH, Preset, Protocol};
use crate::providers::profile::{Profile, is_true, text};

pub(super) const PRESET: Preset = Preset {
    name: "discord",
    base: "https://discord.com",
    protocol: Protocol::OAuth {
        authorize: "{url}/api/oauth2/authorize",
        token: "{url}/api/oauth2/token",
        userinfo: "{url}/api/users/@me",
        emails: "",
    },
    scopes: &["email", "identify"],
    read,
    ..OAUTH
};

fn read(user: &Value) -> Profile {
    let (id, avatar) = (text(&user["id"]), text(&user["avatar"]));
    let picture = if avatar.is_empty() {
        // One of the five stock pictures, by the rule of Discord's own clients.
        let number = id.parse::<u64>().map_or(0, |id| (id >> 22) % 6);
        format!("https://cdn.discordapp.com/embed/avatars/{number}.png")
    } else {
        let kind = if avatar.starts_with("a_") { "gif" } else { "png" };
        format!("https://cdn.discordapp.com/avatars/{id}/{avatar}.{kind}")
    };
    let name = match text(&user["discriminator"]).as_str() {
        "" | "0" => text(&user["username"]),
        number => format!("{}#{number}", text(&user["username"])),
    };
    Profile::new(id)
        .with("name", &json!(name))
        .with("full_name", &user["username"])
        .with("picture", &json!(picture))
        .with("custom_claims", &json!({"global_name": user["global_name"]}))
        .address(&user["email"], is_true(&user["verified"]))
}
