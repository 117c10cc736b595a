//! GET and POST /callback: the browser comes back.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use pg::PlatformTx;
use uuid::Uuid;

use super::account::{self, Arrival, Entered};
use super::exchange::{self, Tokens};
use super::presets;
use super::profile::Profile;
use super::resolve::{Resolved, resolve};
use crate::Auth;
use crate::error::{Code, Error};
use crate::model::{FlowState, Method, User};
use crate::request::Req;
use crate::routes::Answer;
use crate::routes::links::{error_url, redirect, session_in_fragment, with_query};
use crate::store;

/// What the provider sent, in the query or (Apple) in a form.
#[derive(Default)]
struct Params {
    code: String,
    state: String,
    error: String,
    error_description: String,
    /// Apple's name of the user, once.
    user: String,
}

impl Params {
    fn read<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut params = Self::default();
        for (key, value) in pairs {
            let slot = match key {
                "code" => &mut params.code,
                "state" => &mut params.state,
                "error" => &mut params.error,
                "error_description" => &mut params.error_description,
                "user" => &mut params.user,
                _ => continue,
            };
            value.clone_into(slot);
        }
        params
    }
}

pub(crate) async fn from_query(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    let params = Params::read(req.query.iter().map(|(k, v)| (k.as_str(), v.as_str())));
    Ok(callback(&auth, &req, &params).await)
}

pub(crate) async fn from_form(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    let form: Vec<(String, String)> = form_urlencoded::parse(&req.body).into_owned().collect();
    let all = req.query.iter().chain(&form);
    let params = Params::read(all.map(|(k, v)| (k.as_str(), v.as_str())).filter(|(_, v)| !v.contains('\0')));
    Ok(callback(&auth, &req, &params).await)
}

/// Always a redirect: a person sits in front of it.
async fn callback(auth: &Auth, req: &Req, params: &Params) -> Response {
    let mut target = auth.config.site_url.clone();
    let url = match finish(auth, req, params, &mut target).await {
        Ok(url) => url,
        Err(error) => {
            error.log(&req.method, "/callback");
            error_url(&target, &told(error), true)
        }
    };
    redirect(StatusCode::FOUND, &url)
}

/// A closed sign-up is `access_denied` to OAuth.
fn told(error: Error) -> Error {
    match error {
        Error::Api { code: code @ (Code::SignupDisabled | Code::UserBanned), message, .. } => {
            Error::forbidden(code, message)
        }
        other => other,
    }
}

async fn finish(auth: &Auth, req: &Req, params: &Params, target: &mut String) -> Result<String, Error> {
    let flow = take_flow(auth, &params.state).await?;
    if let Some(referrer) = flow.referrer.as_deref().filter(|url| !url.is_empty()) {
        referrer.clone_into(target);
    }
    if !params.error.is_empty() {
        let text = if params.error_description.is_empty() { &params.error } else { &params.error_description };
        let code = Code::BadOauthCallback;
        return Err(match params.error.as_str() {
            "access_denied" => Error::forbidden(code, text.clone()),
            "server_error" | "temporarily_unavailable" => Error::new(StatusCode::BAD_GATEWAY, code, text.clone()),
            _ => Error::bad_request(code, text.clone()),
        });
    }
    if params.code.is_empty() {
        return Err(Error::bad_request(Code::BadOauthCallback, "OAuth callback with no code"));
    }
    let (provider, verifier) = provider_of(auth, &flow).await?;
    // The provider is asked without a transaction: it may take its time.
    let tokens = exchange::tokens(auth, &provider, &params.code, verifier.as_deref()).await?;
    let mut profile = exchange::profile(auth, &provider, &tokens).await?;
    if provider.name == "apple"
        && let Some(name) = presets::apple_name(&params.user)
    {
        profile = profile.with("name", &name.into());
    }
    let user = enter(auth, req, &provider, &profile, &flow).await?;
    close(auth, req, user, &flow, &tokens, target).await
}

/// The flow of a state, which is used once.
async fn take_flow(auth: &Auth, state: &str) -> Result<FlowState, Error> {
    let bad = |why: &str| Error::bad_request(Code::BadOauthState, why.to_owned());
    if state.is_empty() {
        return Err(bad("OAuth state parameter missing"));
    }
    let id: Uuid = state.parse().map_err(|_| bad("OAuth state parameter is invalid"))?;
    let tx = auth.begin().await?;
    let flow = store::flow_state::by_id(&tx, id).await?.ok_or_else(|| bad("OAuth state not found or expired"))?;
    if flow.user_id.is_some() || flow.auth_code_issued_at.is_some() {
        return Err(Error::bad_request(Code::FlowStateAlreadyUsed, "OAuth state has already been used"));
    }
    if auth.clock.now() > flow.created_at + auth.config.flow_state_expiry {
        return Err(bad("OAuth state has expired"));
    }
    // Marked while it is locked: a second callback with the same state comes too late.
    store::flow_state::issue_code(&tx, id, None, (None, None), auth.clock.now()).await?;
    tx.commit().await?;
    Ok(flow)
}

async fn provider_of(auth: &Auth, flow: &FlowState) -> Result<(Resolved, Option<String>), Error> {
    let tx = auth.begin().await?;
    let provider = resolve(auth, &tx, &flow.provider_type).await?;
    let verifier = match flow.oauth_client_state_id {
        Some(id) => {
            let verifier = store::client_states::take(&tx, id).await?;
            let missing = || Error::unprocessable(Code::OauthClientStateNotFound, "OAuth state not found");
            Some(verifier.ok_or_else(missing)?)
        }
        None => None,
    };
    tx.commit().await?;
    Ok((provider, verifier))
}

/// Whose account this is, in one transaction; it is kept also where the answer is an error that asks for a confirmation.
async fn enter(
    auth: &Auth,
    req: &Req,
    provider: &Resolved,
    profile: &Profile,
    flow: &FlowState,
) -> Result<Uuid, Error> {
    let tx = auth.begin().await?;
    let arrival = Arrival {
        provider: &provider.name,
        issuer: provider.addresses.issuer(),
        profile,
        email_optional: provider.email_optional || flow.email_optional,
    };
    let entered = match (flow.linking_target_id, flow.invite_token.as_deref()) {
        (Some(target), _) => account::link_to(auth, &tx, req, &arrival, target).await?,
        (None, Some(token)) => account::accept_invite(auth, &tx, req, &arrival, token).await?,
        (None, None) => account::enter(auth, &tx, req, &arrival).await?,
    };
    match entered {
        Entered::In(user) => {
            remember(auth, &tx, flow, &user).await?;
            tx.commit().await?;
            Ok(user.id)
        }
        Entered::MustConfirm(error) => {
            tx.commit().await?;
            Err(error)
        }
    }
}

async fn remember(auth: &Auth, tx: &PlatformTx, flow: &FlowState, user: &User) -> Result<(), Error> {
    if flow.auth_code.is_some() {
        store::flow_state::issue_code(tx, flow.id, Some(user.id), (None, None), auth.clock.now()).await?;
    }
    Ok(())
}

/// PKCE: a code, and the provider's tokens wait for its exchange. Else the session itself.
async fn close(
    auth: &Auth,
    req: &Req,
    user_id: Uuid,
    flow: &FlowState,
    tokens: &Tokens,
    target: &str,
) -> Result<String, Error> {
    let tx = auth.begin().await?;
    let given = [tokens.access_token.as_str(), tokens.refresh_token.as_str()];
    if let Some(code) = &flow.auth_code {
        let kept = (Some(given[0]), Some(given[1]).filter(|token| !token.is_empty()));
        store::flow_state::issue_code(&tx, flow.id, Some(user_id), kept, auth.clock.now()).await?;
        tx.commit().await?;
        return Ok(with_query(target, &[("code", code)]));
    }
    let user = auth.reload(&tx, user_id).await?;
    let issued = auth.open_session(&tx, user, Method::OAuth.into(), req).await?;
    store::flow_state::delete(&tx, flow.id).await?;
    tx.commit().await?;
    let mut extra = vec![("provider_token", given[0])];
    if !given[1].is_empty() {
        extra.push(("provider_refresh_token", given[1]));
    }
    Ok(session_in_fragment(target, &issued, &extra))
}
