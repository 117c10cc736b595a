//! Microsoft Entra ID. `url` names the tenant: `https://login.microsoftonline.com/<tenant>`.

use serde_json::{Value, json};

use super::{OAUTH, Preset, Protocol};
use crate::providers::profile::{Profile, is_true};

pub(super) const PRESET: Preset = Preset {
    name: "azure",
    base: "https://login.microsoftonline.com/common",
    protocol: Protocol::Oidc { issuer: "{url}/v2.0", also: &[] },
    scopes: &["openid"],
    id_tokens: true,
    read,
    ..OAUTH
};

fn read(claims: &Value) -> Profile {
    let mut profile = Profile::from_oidc(claims);
    // Entra sends addresses that nobody proved only where the tenant is one's own; `xms_edov` says so where it is switched on.
    let verified = claims.get("xms_edov").is_none_or(is_true);
    for address in &mut profile.addresses {
        address.verified = verified;
    }
    let custom = json!({"tid": claims["tid"], "oid": claims["oid"], "hd": claims["hd"]});
    let custom: serde_json::Map<String, Value> = custom
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, v)| !v.is_null())
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    if custom.is_empty() { profile } else { profile.with("custom_claims", &Value::Object(custom)) }
}
