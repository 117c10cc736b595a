//! `/admin/users/{id}/sessions`: where a user is signed in. Basalt's addition; GoTrue has none.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::json;

use crate::Auth;
use crate::audit::{Action, Actor};
use crate::error::{Code, Error};
use crate::request::Req;
use crate::routes::sessions::{device, session_id};
use crate::routes::{Answer, ok};
use crate::store;
use crate::store::sessions::Which;

pub(crate) async fn list(State(auth): State<Arc<Auth>>, Path(id): Path<String>, req: Req) -> Answer {
    auth.require_admin(&req)?;
    let tx = auth.begin().await?;
    let user = super::user_of_path(&auth, &tx, &id).await?;
    let rows = store::sessions::devices(&tx, user.id).await?;
    tx.commit().await?;
    let sessions = rows.iter().map(|row| device(row, None)).collect::<Result<Vec<_>, _>>()?;
    ok(json!({"sessions": sessions}))
}

pub(crate) async fn end_all(State(auth): State<Arc<Auth>>, Path(id): Path<String>, req: Req) -> Answer {
    end_which(&auth, &req, &id, None).await
}

pub(crate) async fn end(
    State(auth): State<Arc<Auth>>,
    Path((id, session)): Path<(String, String)>,
    req: Req,
) -> Answer {
    end_which(&auth, &req, &id, Some(&session)).await
}

async fn end_which(auth: &Auth, req: &Req, id: &str, session: Option<&str>) -> Answer {
    let admin = auth.require_admin(req)?;
    let tx = auth.begin().await?;
    let user = super::user_of_path(auth, &tx, id).await?;
    let which = session.map(session_id).transpose()?.map_or(Which::All, Which::One);
    let ended = auth.end_sessions(&tx, user.id, which).await?;
    if ended.0.is_empty() && session.is_some() {
        return Err(Error::not_found(Code::SessionNotFound, "Session not found"));
    }
    let traits = json!({"user_id": user.id, "sessions": ended.0.len()});
    auth.audit(&tx, req, Actor::Admin(admin.role()), Action::Logout, traits).await?;
    auth.commit_and_announce(tx, &ended).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
