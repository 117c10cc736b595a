//! POST /sso: sends the browser to the identity provider of a domain.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::provider::metadata_of;
use super::request::{AuthnRequest, PERSISTENT};
use crate::Auth;
use crate::error::{Code, Error};
use crate::limits::Limited;
use crate::model::Method;
use crate::request::Req;
use crate::routes::links::see_other;
use crate::routes::{Answer, ok};
use crate::rules::pkce;
use crate::store::flow_state::NewFlowState;
use crate::store::{self, sso};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Params {
    provider_id: Option<Uuid>,
    domain: String,
    redirect_to: String,
    skip_http_redirect: bool,
    code_challenge: String,
    code_challenge_method: String,
}

pub(super) async fn sso(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    let saml = auth.saml()?;
    auth.limit(Limited::Sso, &req)?;
    auth.check_captcha(&req).await?;
    let params: Params = req.json()?;
    let challenge = pkce::challenge(&params.code_challenge, &params.code_challenge_method)?;
    let id = params.provider_id.filter(|id| !id.is_nil());
    let tx = auth.begin().await?;
    let (found, missing) = match (id, params.domain.as_str()) {
        (Some(_), domain) if !domain.is_empty() => {
            return Err(Error::invalid("Only one of provider_id or domain supported"));
        }
        (Some(id), _) => (sso::find(&tx, id).await?, "No such SSO provider"),
        (None, "") => return Err(Error::invalid("A provider_id or domain needs to be provided")),
        (None, domain) => (sso::by_domain(&tx, domain).await?, "No SSO provider assigned for this domain"),
    };
    tx.commit().await?;
    let provider = found.ok_or_else(|| Error::not_found(Code::SsoProviderNotFound, missing))?;
    if provider.disabled {
        return Err(disabled());
    }
    let identity_provider = metadata_of(&auth, &provider).await?;
    let destination = identity_provider.sign_in_url.ok_or_else(|| {
        Error::invalid("The SAML Metadata of this provider name no SingleSignOnService with the HTTP-Redirect binding")
    })?;
    let now = auth.clock.now();
    // An XML id must not begin with a digit.
    let request_id = format!("id-{}", hex::encode(crypto::random::bytes::<20>()));
    let tx = auth.begin().await?;
    let flow_state_id = match challenge {
        Some(challenge) => {
            let new = NewFlowState {
                provider: Method::SsoSaml.as_str(),
                challenge: Some(challenge),
                ..NewFlowState::default()
            };
            Some(store::flow_state::insert(&tx, &new, Method::SsoSaml, now).await?)
        }
        None => None,
    };
    let relay = sso::NewRelayState {
        provider_id: provider.id,
        request_id: &request_id,
        redirect_to: &params.redirect_to,
        flow_state_id,
    };
    let relay_state = sso::insert_relay_state(&tx, &relay, now).await?;
    tx.commit().await?;
    let request = AuthnRequest {
        id: &request_id,
        issued_at: now,
        destination: &destination,
        name_id_format: provider.name_id_format.as_deref().unwrap_or(PERSISTENT),
    };
    let url = request
        .redirect(&saml.us, &relay_state.to_string(), &saml.key)
        .map_err(|error| Error::internal("Error creating SAML authentication request redirect URL", error))?;
    if params.skip_http_redirect { ok(json!({ "url": url })) } else { Ok(see_other(&url)) }
}

/// An administrator switched the provider off.
pub(super) fn disabled() -> Error {
    Error::not_found(Code::SsoProviderDisabled, "SSO Provider assigned for this domain is currently disabled")
}
