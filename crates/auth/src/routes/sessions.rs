//! A user's own sessions: where he is signed in, and how he ends one. Basalt's addition; GoTrue has none.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::StatusCode;
use pg::tokio_postgres::Row;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Answer, ok};
use crate::Auth;
use crate::audit::{Action, Actor};
use crate::error::{Code, Error};
use crate::request::Req;
use crate::store::sessions::Which;
use crate::store::{self, get};
use crate::wire::timestamp;

pub(crate) async fn list(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    let tx = auth.begin().await?;
    let signed = auth.require_owner(&tx, &req).await?;
    let rows = store::sessions::devices(&tx, signed.user.id).await?;
    tx.commit().await?;
    let current = signed.session.as_ref().map(|session| session.id);
    let sessions = rows.iter().map(|row| device(row, current)).collect::<Result<Vec<_>, _>>()?;
    ok(json!({"sessions": sessions}))
}

pub(crate) async fn end(State(auth): State<Arc<Auth>>, Path(id): Path<String>, req: Req) -> Answer {
    let tx = auth.begin().await?;
    let signed = auth.require_owner(&tx, &req).await?;
    let id = session_id(&id)?;
    let ended = auth.end_sessions(&tx, signed.user.id, Which::One(id)).await?;
    if ended.0.is_empty() {
        return Err(Error::not_found(Code::SessionNotFound, "Session not found"));
    }
    auth.audit(&tx, &req, Actor::User(&signed.user), Action::Logout, json!({"session_id": id})).await?;
    auth.commit_and_announce(tx, &ended).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(crate) fn session_id(text: &str) -> Result<Uuid, Error> {
    text.parse().map_err(|_| Error::not_found(Code::ValidationFailed, "session_id must be an UUID"))
}

/// Device facts of a session; `current` marks the one that asks.
pub(crate) fn device(row: &Row, current: Option<Uuid>) -> Result<Value, pg::Error> {
    let id: Uuid = get(row, "id")?;
    let time = |column: &str| get::<Option<OffsetDateTime>>(row, column).map(|at| at.map(timestamp));
    Ok(json!({
        "id": id,
        "created_at": time("created_at")?,
        "updated_at": time("updated_at")?,
        "refreshed_at": time("refreshed_at")?,
        "not_after": time("not_after")?,
        "user_agent": get::<Option<String>>(row, "user_agent")?,
        "ip": get::<Option<String>>(row, "ip")?,
        "aal": get::<String>(row, "aal")?,
        "oauth_client_id": get::<Option<Uuid>>(row, "oauth_client_id")?,
        "current": current == Some(id),
    }))
}
