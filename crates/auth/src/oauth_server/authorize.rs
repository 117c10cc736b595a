//! GET /oauth/authorize: a client sends a browser.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use uuid::Uuid;

use super::{enabled, scopes};
use crate::Auth;
use crate::error::{Code, Error};
use crate::request::Req;
use crate::routes::Answer;
use crate::routes::links::{redirect, with_query};
use crate::rules::pkce;
use crate::store::oauth::{self, Client, NewAuthorization};

/// Longest `state` and `nonce`, as the table has them.
const MAX_STATE: usize = 4096;
const MAX_NONCE: usize = 255;

pub(super) async fn authorize(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    enabled(&auth)?;
    let tx = auth.begin().await?;
    let (client, redirect_uri) = known(&tx, &req).await?;
    let state = req.query("state").unwrap_or_default();
    // From here on the client's own address is known to be right, and errors go there.
    let new = match checked(&auth, &req, &client, redirect_uri) {
        Ok(new) => new,
        Err((error, description)) => {
            return Ok(redirect(StatusCode::FOUND, &refusal(redirect_uri, error, &description, state)));
        }
    };
    let now = auth.clock.now();
    let id = oauth::insert_authorization(&tx, &new, now, now + auth.config.oauth_server.authorization_ttl).await?;
    tx.commit().await?;
    let page = format!(
        "{}/{}",
        auth.config.site_url.trim_end_matches('/'),
        auth.config.oauth_server.authorization_path.trim_start_matches('/')
    );
    Ok(redirect(StatusCode::FOUND, &with_query(&page, &[("authorization_id", &id)])))
}

/// Back to the client with an error (RFC 6749 §4.1.2.1).
pub(super) fn refusal(redirect_uri: &str, error: &str, description: &str, state: &str) -> String {
    let mut pairs = vec![("error", error), ("error_description", description)];
    if !state.is_empty() {
        pairs.push(("state", state));
    }
    with_query(redirect_uri, &pairs)
}

/// The client and its address; without these nobody is sent anywhere.
async fn known<'a>(tx: &pg::PlatformTx, req: &'a Req) -> Result<(Client, &'a str), Error> {
    let bad = |text: &'static str| Error::bad_request(Code::OauthClientNotFound, text);
    let id = req.query("client_id").filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| Error::invalid("client_id is required"))?;
    let id: Uuid = id.parse().map_err(|_| bad("invalid client_id"))?;
    let client = oauth::client(tx, id).await?.ok_or_else(|| bad("OAuth client not found"))?;
    let uri = req.query("redirect_uri").filter(|uri| !uri.is_empty());
    let uri = uri.ok_or_else(|| Error::invalid("redirect_uri is required"))?;
    if !client.redirect_uris.iter().any(|known| known == uri) {
        return Err(Error::invalid("invalid redirect_uri: it is not registered for this client"));
    }
    Ok((client, uri))
}

fn checked<'a>(
    auth: &'a Auth,
    req: &'a Req,
    client: &Client,
    redirect_uri: &'a str,
) -> Result<NewAuthorization<'a>, (&'static str, String)> {
    let invalid = |text: &str| ("invalid_request", text.to_owned());
    let given = |name: &str| req.query(name).filter(|text| !text.is_empty());
    match given("response_type") {
        None | Some("code") => {}
        Some(_) => return Err(("unsupported_response_type", "Only response_type=code is supported".to_owned())),
    }
    let method = given("code_challenge_method").unwrap_or("plain");
    let challenge = given("code_challenge").ok_or_else(|| invalid("PKCE is required: code_challenge is missing"))?;
    let challenge = pkce::challenge(challenge, method).map_err(|e| invalid(&e.public_message()))?;
    let challenge = challenge.ok_or_else(|| invalid("PKCE is required"))?;
    let asked = given("scope").unwrap_or(&auth.config.oauth_server.default_scope);
    let scopes =
        scopes::parse(asked).map_err(|unknown| ("invalid_scope", format!("scope {unknown:?} is not supported")))?;
    let (state, nonce) = (given("state"), given("nonce"));
    if state.is_some_and(|text| text.chars().count() > MAX_STATE) {
        return Err(invalid("state is too long"));
    }
    if nonce.is_some_and(|text| text.chars().count() > MAX_NONCE) {
        return Err(invalid("nonce is too long"));
    }
    let resource = given("resource");
    if resource
        .is_some_and(|text| text.len() > 2048 || !url::Url::parse(text).is_ok_and(|url| url.fragment().is_none()))
    {
        return Err(("invalid_target", "resource must be an absolute URL without a fragment".to_owned()));
    }
    Ok(NewAuthorization {
        client_id: client.id,
        redirect_uri,
        scope: scopes.join(" "),
        state,
        nonce,
        resource,
        challenge,
    })
}
