//! DELETE /user/identities/{id}

use std::sync::Arc;

use axum::extract::{Path, State};
use serde_json::json;

use super::{Answer, ok};
use crate::Auth;
use crate::error::{Code, Error};
use crate::request::Req;

pub(crate) async fn unlink(State(auth): State<Arc<Auth>>, Path(id): Path<String>, req: Req) -> Answer {
    let tx = auth.begin().await?;
    let signed = auth.require_owner(&tx, &req).await?;
    if !auth.config.manual_linking_enabled {
        return Err(Error::not_found(Code::ManualLinkingDisabled, "Manual linking is disabled"));
    }
    let id = id.parse().map_err(|_| Error::not_found(Code::ValidationFailed, "identity_id must be an UUID"))?;
    auth.unlink(&tx, &req, &signed.user, id).await?;
    tx.commit().await?;
    ok(json!({}))
}
