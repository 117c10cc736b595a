//! Factors of the user who asks.

use std::sync::Arc;

use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::{Answer, ok};
use crate::Auth;
use crate::audit::{Action, Actor};
use crate::error::{Code, Error};
use crate::factors::{by_id, not_anonymous};
use crate::letters::LetterKind;
use crate::model::{Aal, FactorStatus};
use crate::request::Req;
use crate::{store, wire};

pub(crate) mod challenge;
pub(crate) mod enroll;
pub(crate) mod verify;

pub(crate) async fn list(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    let tx = auth.begin().await?;
    let signed = auth.require_owner(&tx, &req).await?;
    tx.commit().await?;
    let factors: Vec<Value> = signed.user.factors.iter().map(wire::factor).collect();
    ok(json!({"factors": factors}))
}

pub(crate) async fn unenroll(State(auth): State<Arc<Auth>>, Path(id): Path<String>, req: Req) -> Answer {
    let tx = auth.begin().await?;
    let signed = auth.require_owner(&tx, &req).await?;
    not_anonymous(&signed)?;
    let factor = by_id(&signed.user.factors, &id)?;
    if factor.status == FactorStatus::Verified && signed.session()?.aal < Aal::Aal2 {
        return Err(Error::unprocessable(Code::InsufficientAal, "AAL2 required to unenroll verified factor"));
    }
    let traits = json!({"factor_id": factor.id, "factor_status": factor.status.as_str()});
    auth.audit(&tx, &req, Actor::User(&signed.user), Action::FactorUnenrolled, traits).await?;
    store::factors::downgrade_sessions(&tx, signed.user.id, factor.id, auth.clock.now()).await?;
    store::factors::delete(&tx, factor.id).await?;
    if factor.status == FactorStatus::Verified {
        let kind = [("FactorType", factor.kind.as_str())];
        auth.notify(&tx, &signed.user, LetterKind::MfaFactorUnenrolled, &kind).await?;
    }
    tx.commit().await?;
    ok(json!({"id": factor.id}))
}
