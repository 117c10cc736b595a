//! GET /authorize and GET /user/identities/authorize: the browser goes to the provider.

use std::sync::Arc;

use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use pg::PlatformTx;
use serde_json::json;
use uuid::Uuid;

use super::exchange;
use super::resolve::{Resolved, resolve};
use crate::Auth;
use crate::error::{Code, Error};
use crate::model::Method;
use crate::request::Req;
use crate::routes::links::redirect;
use crate::routes::{Answer, ok};
use crate::rules::pkce;
use crate::store;
use crate::store::flow_state::NewFlowState;

/// Parameters that are ours or OAuth's; all others go on to the provider.
const RESERVED: [&str; 16] = [
    "provider",
    "scopes",
    "invite_token",
    "redirect_to",
    "code_challenge",
    "code_challenge_method",
    "skip_http_redirect",
    "client_id",
    "client_secret",
    "redirect_uri",
    "response_type",
    "state",
    "code",
    "grant_type",
    "apikey",
    "scope",
];

pub(crate) async fn authorize(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    let url = begin(&auth, &req, None).await?;
    Ok(redirect(StatusCode::FOUND, &url))
}

pub(crate) async fn link(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    let tx = auth.begin().await?;
    let signed = auth.require_owner(&tx, &req).await?;
    tx.commit().await?;
    if !auth.config.manual_linking_enabled {
        return Err(Error::not_found(Code::ManualLinkingDisabled, "Manual linking is disabled"));
    }
    let url = begin(&auth, &req, Some(signed.user.id)).await?;
    if matches!(req.query("skip_http_redirect"), Some("true" | "1")) {
        return ok(json!({ "url": url }));
    }
    Ok(redirect(StatusCode::FOUND, &url))
}

/// Remembers the flow and makes the provider's URL.
async fn begin(auth: &Auth, req: &Req, linking: Option<Uuid>) -> Result<String, Error> {
    let name = req.query("provider").unwrap_or_default();
    let tx = auth.begin().await?;
    let provider = resolve(auth, &tx, name).await?;
    let challenge = pkce::challenge(
        req.query("code_challenge").unwrap_or_default(),
        req.query("code_challenge_method").unwrap_or_default(),
    )?;
    let (verifier_id, provider_challenge) = provider_pkce(auth, &tx, &provider).await?;
    let invite_token = req.query("invite_token").filter(|token| !token.is_empty());
    let referrer = req.redirect_to(auth);
    let flow = NewFlowState {
        provider: &provider.name,
        user_id: None,
        challenge,
        invite_token,
        referrer: Some(&referrer),
        oauth_client_state_id: verifier_id,
        linking_target_id: linking,
        email_optional: provider.email_optional,
    };
    let state = store::flow_state::insert(&tx, &flow, Method::OAuth, auth.clock.now()).await?;
    tx.commit().await?;
    let base = exchange::authorize_url(auth, &provider).await?;
    url(&base, &provider, req, state, provider_challenge.as_deref())
}

/// A verifier of our own towards a provider that wants one.
async fn provider_pkce(
    auth: &Auth,
    tx: &PlatformTx,
    provider: &Resolved,
) -> Result<(Option<Uuid>, Option<String>), Error> {
    if !provider.pkce {
        return Ok((None, None));
    }
    let verifier = crypto::random::base64url::<48>();
    let challenge = URL_SAFE_NO_PAD.encode(crypto::sha256(verifier.as_bytes()));
    let id = store::client_states::insert(tx, &provider.name, &verifier, auth.clock.now()).await?;
    Ok((Some(id), Some(challenge)))
}

fn url(base: &str, provider: &Resolved, req: &Req, state: Uuid, challenge: Option<&str>) -> Result<String, Error> {
    let mut url = url::Url::parse(base).map_err(|e| Error::internal("The provider's URL cannot be read", e))?;
    let mut scopes = provider.scopes.clone();
    let asked = req.query("scopes").unwrap_or_default();
    for scope in asked.split([' ', ',']).filter(|scope| !scope.is_empty()) {
        if !scopes.iter().any(|known| known == scope) {
            scopes.push(scope.to_owned());
        }
    }
    {
        let mut query = url.query_pairs_mut();
        query.append_pair("client_id", provider.client_ids.first().map(String::as_str).unwrap_or_default());
        query.append_pair("redirect_uri", &provider.redirect_uri);
        query.append_pair("response_type", "code");
        if !scopes.is_empty() {
            query.append_pair("scope", &scopes.join(&provider.separator.to_string()));
        }
        query.append_pair("state", &state.to_string());
        if let Some(challenge) = challenge {
            query.append_pair("code_challenge", challenge).append_pair("code_challenge_method", "S256");
        }
        for (key, value) in &provider.parameters {
            query.append_pair(key, value);
        }
        for (key, value) in &req.query {
            let ours = provider.parameters.iter().any(|(known, _)| known == key);
            if !RESERVED.contains(&key.as_str()) && !ours {
                query.append_pair(key, value);
            }
        }
    }
    Ok(url.into())
}
