//! What clients read first: RFC 8414 and OIDC Discovery, one document.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use http::header;
use serde_json::{Value, json};

use super::{enabled, scopes};
use crate::Auth;
use crate::routes::Answer;

/// Served also where the server is off: verifiers of access tokens find the keys by it.
pub(super) async fn openid(State(auth): State<Arc<Auth>>) -> Answer {
    answer(&auth)
}

pub(super) async fn oauth(State(auth): State<Arc<Auth>>) -> Answer {
    enabled(&auth)?;
    answer(&auth)
}

fn answer(auth: &Auth) -> Answer {
    let cache = [(header::CACHE_CONTROL, "public, max-age=600")];
    Ok((cache, axum::Json(document(auth))).into_response())
}

/// Who issues: the setting, or where this service is reached.
pub(super) fn issuer(auth: &Auth) -> &str {
    let issuer = &auth.config.jwt.issuer;
    if issuer.is_empty() { auth.config.external_url.trim_end_matches('/') } else { issuer.trim_end_matches('/') }
}

fn document(auth: &Auth) -> Value {
    let issuer = issuer(auth);
    let at = |path: &str| format!("{issuer}{path}");
    let algorithm = auth.keys().signing_algorithm().map_or("HS256", |algorithm| algorithm.name());
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": at("/oauth/authorize"),
        "token_endpoint": at("/oauth/token"),
        "jwks_uri": at("/.well-known/jwks.json"),
        "userinfo_endpoint": at("/oauth/userinfo"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [algorithm],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "claims_supported": [
            "sub", "aud", "iss", "exp", "iat", "auth_time", "nonce", "email", "email_verified", "phone_number", "phone_number_verified",
            "name", "picture", "preferred_username", "updated_at",
        ],
        "code_challenge_methods_supported": ["S256", "plain"],
        "scopes_supported": scopes::SUPPORTED,
    });
    if auth.config.oauth_server.enabled && auth.config.oauth_server.allow_dynamic_registration {
        document["registration_endpoint"] = json!(at("/oauth/clients/register"));
    }
    document
}
