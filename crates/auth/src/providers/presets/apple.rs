//! Apple: OpenID Connect with a form for an answer. The name comes once, beside the first token.

use serde_json::{Value, json};

use super::{OAUTH, Preset, Protocol};
use crate::providers::profile::Profile;

pub(super) const PRESET: Preset = Preset {
    name: "apple",
    base: "https://appleid.apple.com",
    protocol: Protocol::Oidc { issuer: "{url}", also: &["https://account.apple.com"] },
    scopes: &["email", "name"],
    parameters: &[("response_mode", "form_post")],
    id_tokens: true,
    read,
    ..OAUTH
};

fn read(claims: &Value) -> Profile {
    let private = crate::providers::profile::is_true(&claims["is_private_email"]);
    let mut profile = Profile::from_oidc(claims);
    if private {
        profile = profile.with("custom_claims", &json!({"is_private_email": true}));
    }
    profile
}

/// The name in the callback's field `user`: `{"name":{"firstName":…,"lastName":…}}`.
pub(in crate::providers) fn name_of(user: &str) -> Option<String> {
    let user: Value = serde_json::from_str(user).ok()?;
    let words: Vec<&str> = ["firstName", "lastName"]
        .iter()
        .filter_map(|key| user["name"][*key].as_str())
        .filter(|w| !w.is_empty())
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}
