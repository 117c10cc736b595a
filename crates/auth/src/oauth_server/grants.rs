//! /user/oauth/grants: which applications a user let in, and how he shows them out.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{clients, enabled};
use crate::Auth;
use crate::error::{Code, Error};
use crate::request::Req;
use crate::routes::{Answer, ok};
use crate::store::oauth;
use crate::store::sessions::Which;
use crate::wire::timestamp;

pub(super) async fn list(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    enabled(&auth)?;
    let tx = auth.begin().await?;
    let signed = auth.require_owner(&tx, &req).await?;
    let mut grants: Vec<Value> = Vec::new();
    for (client_id, scopes, at) in oauth::consents(&tx, signed.user.id).await? {
        if let Some(client) = oauth::client(&tx, client_id).await? {
            let scopes: Vec<&str> = scopes.split_whitespace().collect();
            grants.push(json!({"client": clients::brief(&client), "scopes": scopes, "granted_at": timestamp(at)}));
        }
    }
    tx.commit().await?;
    ok(grants)
}

pub(super) async fn revoke(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    enabled(&auth)?;
    let tx = auth.begin().await?;
    let signed = auth.require_owner(&tx, &req).await?;
    let client = req.query("client_id").unwrap_or_default();
    let client: Uuid = client.parse().map_err(|_| Error::invalid("client_id must be an UUID"))?;
    if !oauth::revoke_consent(&tx, signed.user.id, client, auth.clock.now()).await? {
        return Err(Error::not_found(Code::OauthConsentNotFound, "OAuth grant not found"));
    }
    let ended = auth.end_sessions(&tx, signed.user.id, Which::Client(client)).await?;
    auth.commit_and_announce(tx, &ended).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
