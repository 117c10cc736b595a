//! `/admin/users/{id}/factors`

use std::sync::Arc;

use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Auth;
use crate::audit::{Action, Actor};
use crate::error::{Code, Error};
use crate::factors::by_id;
use crate::model::FactorKind;
use crate::request::Req;
use crate::routes::{Answer, ok};
use crate::rules::contact;
use crate::{store, wire};

pub(crate) async fn list(State(auth): State<Arc<Auth>>, Path(id): Path<String>, req: Req) -> Answer {
    auth.require_admin(&req)?;
    let tx = auth.begin().await?;
    let user = super::user_of_path(&auth, &tx, &id).await?;
    tx.commit().await?;
    ok(user.factors.iter().map(wire::factor).collect::<Vec<Value>>())
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Params {
    friendly_name: Option<String>,
    phone: Option<String>,
}

pub(crate) async fn update(
    State(auth): State<Arc<Auth>>,
    Path((id, factor)): Path<(String, String)>,
    req: Req,
) -> Answer {
    let admin = auth.require_admin(&req)?;
    let tx = auth.begin().await?;
    let user = super::user_of_path(&auth, &tx, &id).await?;
    let factor = by_id(&user.factors, &factor)?;
    let params: Params = req.json()?;
    let phone = params.phone.as_deref().filter(|p| !p.is_empty()).map(contact::phone).transpose()?;
    let phone = phone.filter(|_| factor.kind == FactorKind::Phone);
    let name = params.friendly_name.as_deref().filter(|name| !name.is_empty());
    store::factors::update(&tx, factor.id, name, phone.as_deref(), auth.clock.now()).await.map_err(|error| {
        if error.violates("mfa_factors_user_friendly_name_unique") || error.violates("unique_phone_factor_per_user") {
            Error::unprocessable(Code::MfaFactorNameConflict, "A factor of this user has this name or number already")
        } else {
            Error::saving("Database error updating factor", error)
        }
    })?;
    let traits = json!({"user_id": user.id, "factor_id": factor.id});
    auth.audit(&tx, &req, Actor::Admin(admin.role()), Action::FactorUpdated, traits).await?;
    let id = factor.id;
    let user = auth.reload(&tx, user.id).await?;
    tx.commit().await?;
    let factor = user.factors.iter().find(|factor| factor.id == id);
    ok(factor.map_or(Value::Null, wire::factor))
}

pub(crate) async fn delete(
    State(auth): State<Arc<Auth>>,
    Path((id, factor)): Path<(String, String)>,
    req: Req,
) -> Answer {
    let admin = auth.require_admin(&req)?;
    let tx = auth.begin().await?;
    let user = super::user_of_path(&auth, &tx, &id).await?;
    let factor = by_id(&user.factors, &factor)?;
    store::factors::downgrade_sessions(&tx, user.id, factor.id, auth.clock.now()).await?;
    store::factors::delete(&tx, factor.id).await?;
    let traits = json!({"user_id": user.id, "factor_id": factor.id});
    auth.audit(&tx, &req, Actor::Admin(admin.role()), Action::FactorDeleted, traits).await?;
    tx.commit().await?;
    ok(wire::factor(factor))
}
