//! POST /logout

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::Value;

use super::Answer;
use crate::Auth;
use crate::audit::{Action, Actor};
use crate::error::Error;
use crate::request::Req;
use crate::store::sessions::Which;

pub(crate) async fn logout(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    let scope = match req.query("scope") {
        None | Some("" | "global") => "global",
        Some("local") => "local",
        Some("others") => "others",
        Some(other) => return Err(Error::invalid(format!("Unsupported logout scope {other:?}"))),
    };
    let tx = auth.begin().await?;
    let signed = auth.require_user(&tx, &req).await?;
    auth.audit(&tx, &req, Actor::User(&signed.user), Action::Logout, Value::Null).await?;
    let which = match (scope, &signed.session) {
        // An application that the user let in leaves alone.
        (_, Some(session)) if session.oauth_client_id.is_some() => Which::One(session.id),
        ("local", Some(session)) => Which::One(session.id),
        ("others", Some(session)) => Which::Except(session.id),
        // A token of before there were sessions ends them all.
        _ => Which::All,
    };
    let ended = auth.end_sessions(&tx, signed.user.id, which).await?;
    auth.commit_and_announce(tx, &ended).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
