//! /oauth/authorizations: what the application's consent page shows, and what the user decides there.

use std::sync::Arc;

use axum::extract::{Path, State};
use pg::PlatformTx;
use serde::Deserialize;
use serde_json::json;

use super::authorize::refusal;
use super::{clients, enabled, scopes};
use crate::Auth;
use crate::error::{Code, Error};
use crate::model::User;
use crate::request::Req;
use crate::routes::links::with_query;
use crate::routes::{Answer, ok};
use crate::store::oauth::{self, Authorization};

fn not_found() -> Error {
    Error::not_found(Code::OauthAuthorizationNotFound, "authorization not found")
}

/// The page runs on an allowed site: another one could trick a signed-in user.
fn check_origin(auth: &Auth, req: &Req) -> Result<(), Error> {
    match req.header("origin") {
        Some(origin) if !auth.allow_list.allows(origin) => Err(Error::invalid("unauthorized request origin")),
        _ => Ok(()),
    }
}

/// The pending authorization; it belongs to the first user who looks at it.
async fn pending(auth: &Auth, tx: &PlatformTx, user: &User, id: &str) -> Result<Authorization, Error> {
    let mut found = oauth::lock_authorization(tx, id).await?.ok_or_else(not_found)?;
    if found.user_id.is_some_and(|owner| owner != user.id) {
        return Err(not_found());
    }
    if auth.clock.now() > found.expires_at {
        return Err(not_found());
    }
    if found.status != "pending" {
        return Err(Error::invalid("authorization request cannot be processed: it was decided already"));
    }
    if found.user_id.is_none() {
        oauth::bind_authorization(tx, found.id, user.id).await?;
        found.user_id = Some(user.id);
    }
    Ok(found)
}

pub(super) async fn details(State(auth): State<Arc<Auth>>, Path(id): Path<String>, req: Req) -> Answer {
    enabled(&auth)?;
    check_origin(&auth, &req)?;
    let tx = auth.begin().await?;
    let signed = auth.require_owner(&tx, &req).await?;
    let authorization = pending(&auth, &tx, &signed.user, &id).await?;
    let consent = oauth::consent(&tx, signed.user.id, authorization.client_id).await?;
    if consent.is_some_and(|granted| scopes::covers(&granted, &authorization.scope)) {
        let url = approve(&auth, &tx, &authorization).await?;
        tx.commit().await?;
        return ok(json!({ "redirect_url": url }));
    }
    let client = oauth::client(&tx, authorization.client_id).await?.ok_or_else(not_found)?;
    tx.commit().await?;
    ok(json!({
        "authorization_id": authorization.authorization_id,
        "redirect_uri": authorization.redirect_uri,
        "client": clients::brief(&client),
        "user": {"id": signed.user.id, "email": signed.user.email()},
        "scope": authorization.scope,
    }))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Decision {
    action: String,
}

pub(super) async fn decide(State(auth): State<Arc<Auth>>, Path(id): Path<String>, req: Req) -> Answer {
    enabled(&auth)?;
    check_origin(&auth, &req)?;
    let tx = auth.begin().await?;
    let signed = auth.require_owner(&tx, &req).await?;
    let decision: Decision = req.json()?;
    let authorization = pending(&auth, &tx, &signed.user, &id).await?;
    let url = match decision.action.as_str() {
        "approve" => {
            let before = oauth::consent(&tx, signed.user.id, authorization.client_id).await?.unwrap_or_default();
            // An empty scope is a consent too; the column wants a word.
            let all = scopes::union(&before, &authorization.scope);
            let all = if all.is_empty() { "none".to_owned() } else { all };
            oauth::put_consent(&tx, signed.user.id, authorization.client_id, &all, auth.clock.now()).await?;
            approve(&auth, &tx, &authorization).await?
        }
        "deny" => {
            oauth::deny(&tx, authorization.id).await?;
            let state = authorization.state.as_deref().unwrap_or_default();
            refusal(&authorization.redirect_uri, "access_denied", "User denied the request", state)
        }
        _ => return Err(Error::invalid("action must be 'approve' or 'deny'")),
    };
    tx.commit().await?;
    ok(json!({ "redirect_url": url }))
}

/// A code, and the client's address with it.
async fn approve(auth: &Auth, tx: &PlatformTx, authorization: &Authorization) -> Result<String, Error> {
    let code = crypto::random::base64url::<32>();
    oauth::approve(tx, authorization.id, &code, auth.clock.now()).await?;
    let mut pairs = vec![("code", code.as_str())];
    if let Some(state) = &authorization.state {
        pairs.push(("state", state));
    }
    // RFC 9207: the client can tell who answered.
    pairs.push(("iss", super::discovery::issuer(auth)));
    Ok(with_query(&authorization.redirect_uri, &pairs))
}
