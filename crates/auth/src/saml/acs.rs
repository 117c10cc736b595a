//! POST /sso/saml/acs: the browser brings the identity provider's answer.

use std::sync::Arc;

use axum::extract::State;
use uuid::Uuid;

use super::assertion::Assertion;
use super::provider::metadata_of;
use super::response::{self, Expected, SKEW};
use super::sso::disabled;
use crate::Auth;
use crate::error::{Code, Error};
use crate::limits::Limited;
use crate::model::Method;
use crate::providers::{Arrival, Entered, enter};
use crate::request::Req;
use crate::routes::Answer;
use crate::routes::links::{error_url, redirect, see_other, session_in_fragment, with_query};
use crate::sessions::Opening;
use crate::store::sso::{RelayState, SsoProvider};
use crate::store::{self, sso};

/// A redirect in any case: a person sits in front of it.
pub(super) async fn acs(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    auth.saml()?;
    auth.limit(Limited::SamlAssertion, &req)?;
    match finish(&auth, &req).await {
        Ok(url) => Ok(redirect(http::StatusCode::FOUND, &url)),
        Err(error) => {
            error.log(&req.method, "/sso/saml/acs");
            Ok(see_other(&error_url(&auth.config.site_url, &error, true)))
        }
    }
}

/// What the form holds.
#[derive(Default)]
struct Form {
    response: String,
    relay_state: String,
    has_artifact: bool,
}

impl Form {
    fn read(req: &Req) -> Self {
        let mut form = Self::default();
        for (key, value) in form_urlencoded::parse(&req.body).filter(|(_, value)| !value.contains('\0')) {
            match key.as_ref() {
                "SAMLResponse" => form.response = value.into_owned(),
                "RelayState" => form.relay_state = value.into_owned(),
                "SAMLart" => form.has_artifact = true,
                _ => {}
            }
        }
        form
    }
}

/// The sign-in that an answer belongs to.
struct Begun {
    provider: SsoProvider,
    /// Where the provider did not begin it.
    ours: Option<RelayState>,
    redirect_to: String,
}

async fn finish(auth: &Auth, req: &Req) -> Result<String, Error> {
    let form = Form::read(req);
    if form.response.is_empty() {
        let artifact = "SAML Artifact responses are not supported";
        return Err(Error::invalid(if form.has_artifact { artifact } else { "SAMLResponse is missing" }));
    }
    let text = response::decode(&form.response).map_err(Error::invalid)?;
    let begun = begun(auth, &form, &text).await?;
    if begun.provider.disabled {
        return Err(disabled());
    }
    let from = metadata_of(auth, &begun.provider).await?;
    let expected = Expected {
        from: &from,
        us: &auth.saml()?.us,
        request_id: begun.ours.as_ref().map(|relay| relay.request_id.as_str()),
        now: auth.clock.now(),
    };
    let assertion = response::check(&text, &expected).map_err(|why| {
        tracing::warn!(target: "auth", provider = %begun.provider.id, why, "a SAML response was refused");
        Error::invalid(format!("SAML Assertion is not valid: {why}"))
    })?;
    sign_in(auth, req, &begun, &assertion).await
}

async fn begun(auth: &Auth, form: &Form, text: &str) -> Result<Begun, Error> {
    if let Ok(id) = form.relay_state.parse::<Uuid>() {
        return by_relay_state(auth, id).await;
    }
    if !form.relay_state.is_empty() && url::Url::parse(&form.relay_state).is_err() {
        return Err(Error::invalid("SAML RelayState is not a valid UUID or URL"));
    }
    let issuer = response::claimed_issuer(text)
        .map_err(|why| Error::invalid(format!("SAMLResponse is not a valid XML SAML assertion: {why}")))?;
    let tx = auth.begin().await?;
    let provider = sso::by_entity_id(&tx, &issuer).await?;
    tx.commit().await?;
    let missing = "A SAML connection has not been established with this Identity Provider";
    let provider = provider.ok_or_else(|| Error::not_found(Code::SamlIdpNotFound, missing))?;
    Ok(Begun { provider, ours: None, redirect_to: form.relay_state.clone() })
}

/// Takes the relay state: it is good for one answer, right or wrong.
async fn by_relay_state(auth: &Auth, id: Uuid) -> Result<Begun, Error> {
    let tx = auth.begin().await?;
    let relay = sso::take_relay_state(&tx, id).await?.ok_or_else(|| {
        Error::not_found(Code::SamlRelayStateNotFound, "SAML RelayState does not exist, try logging in again?")
    })?;
    let provider = sso::find(&tx, relay.provider_id).await?;
    tx.commit().await?;
    if auth.clock.now() >= relay.created_at + auth.config.saml.relay_state_validity {
        return Err(Error::unprocessable(
            Code::SamlRelayStateExpired,
            "SAML RelayState has expired. Try logging in again?",
        ));
    }
    // The provider cannot be missing: with it, its relay states go.
    let provider = provider.ok_or_else(|| Error::not_found(Code::SsoProviderNotFound, "No such SSO provider"))?;
    Ok(Begun { provider, redirect_to: relay.redirect_to.clone(), ours: Some(relay) })
}

/// One transaction: the assertion is used up, the user is there, and the session or the code for it.
async fn sign_in(auth: &Auth, req: &Req, begun: &Begun, assertion: &Assertion) -> Result<String, Error> {
    let no_id = "SAML Assertion did not contain a persistent Subject Identifier attribute or Subject NameID uniquely identifying this user";
    let user_id = assertion.user_id().ok_or_else(|| Error::bad_request(Code::SamlAssertionNoUserId, no_id))?;
    let no_email = "SAML Assertion does not contain an email address";
    let profile = assertion
        .profile(user_id, &begun.provider.mapping())
        .ok_or_else(|| Error::bad_request(Code::SamlAssertionNoEmail, no_email))?;
    let name = format!("sso:{}", begun.provider.id);
    let arrival =
        Arrival { provider: &name, issuer: &begun.provider.entity_id, profile: &profile, email_optional: false };
    let now = auth.clock.now();
    let tx = auth.begin().await?;
    if !sso::remember_assertion(&tx, begun.provider.id, &assertion.id, assertion.expires_at + SKEW, now).await? {
        return Err(Error::invalid("SAML Assertion is not valid: it was used before"));
    }
    let user = match enter(auth, &tx, req, &arrival).await? {
        Entered::In(user) => *user,
        Entered::MustConfirm(error) => {
            tx.commit().await?;
            return Err(error);
        }
    };
    let target = req.allowed_target(auth, &begun.redirect_to);
    let Some(flow_id) = begun.ours.as_ref().and_then(|relay| relay.flow_state_id) else {
        let opening = Opening { not_after: assertion.session_ends_at, ..Opening::from(Method::SsoSaml) };
        let issued = auth.open_session(&tx, user, opening, req).await?;
        tx.commit().await?;
        return Ok(session_in_fragment(&target, &issued, &[]));
    };
    let missing = || Error::not_found(Code::FlowStateNotFound, "invalid flow state, no valid flow state found");
    let flow = store::flow_state::by_id(&tx, flow_id).await?.ok_or_else(missing)?;
    if flow.user_id.is_some() {
        return Err(Error::bad_request(Code::FlowStateAlreadyUsed, "State has already been used"));
    }
    let code = flow.auth_code.ok_or_else(missing)?;
    store::flow_state::issue_code(&tx, flow.id, Some(user.id), (None, None), now).await?;
    sso::set_session_end(&tx, flow.id, assertion.session_ends_at).await?;
    tx.commit().await?;
    Ok(with_query(&target, &[("code", &code)]))
}
