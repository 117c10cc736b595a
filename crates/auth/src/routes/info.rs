use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use http::header;
use serde_json::{Map, Value, json};

use super::{Answer, ok};
use crate::Auth;

/// The names that `/settings` lists, in GoTrue's order.
const EXTERNAL: [&str; 25] = [
    "apple",
    "azure",
    "bitbucket",
    "discord",
    "facebook",
    "snapchat",
    "figma",
    "fly",
    "github",
    "gitlab",
    "google",
    "keycloak",
    "kakao",
    "linkedin",
    "linkedin_oidc",
    "notion",
    "spotify",
    "slack",
    "slack_oidc",
    "workos",
    "twitch",
    "twitter",
    "x",
    "zoom",
    "vercel_marketplace",
];

pub(crate) async fn health(State(auth): State<Arc<Auth>>) -> Answer {
    ok(json!({
        "version": auth.config.version,
        "name": "GoTrue",
        "description": "GoTrue is a user registration and authentication API",
    }))
}

pub(crate) async fn settings(State(auth): State<Arc<Auth>>) -> Answer {
    let config = &auth.config;
    let mut external = Map::new();
    external.insert("anonymous_users".into(), json!(config.anonymous_users_enabled));
    for name in EXTERNAL {
        external.insert(name.into(), json!(config.provider_enabled(name)));
    }
    for name in config.providers.keys().filter(|name| !EXTERNAL.contains(&name.as_str())) {
        external.insert(name.clone(), json!(config.provider_enabled(name)));
    }
    external.insert("email".into(), json!(config.email.enabled));
    external.insert("phone".into(), json!(config.phone.enabled));
    external.insert("web3_solana".into(), json!(config.web3.solana));
    external.insert("web3_ethereum".into(), json!(config.web3.ethereum));
    ok(json!({
        "external": Value::Object(external),
        "disable_signup": config.disable_signup,
        "mailer_autoconfirm": config.mailer.autoconfirm,
        "phone_autoconfirm": config.phone.autoconfirm,
        "sms_provider": config.phone.provider,
        "saml_enabled": config.saml.enabled,
        "saml_private_key_next_configured": false,
        "passkeys_enabled": config.webauthn.passkeys_enabled,
    }))
}

pub(crate) async fn jwks(State(auth): State<Arc<Auth>>) -> Answer {
    let cache = [(header::CACHE_CONTROL, "public, max-age=600")];
    Ok((cache, axum::Json(auth.keys().public_jwks())).into_response())
}

pub(crate) async fn openapi() -> Answer {
    let text = include_str!("../openapi.json");
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}
