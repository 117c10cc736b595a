//! DELETE /admin/users/{id}: gone, or only emptied where the application needs the row.

use std::sync::Arc;

use axum::extract::{Path, State};
use pg::PlatformTx;
use pg::tokio_postgres::types::Json;
use serde::Deserialize;
use serde_json::json;

use crate::Auth;
use crate::audit::{Action, Actor};
use crate::error::{Code, Error};
use crate::model::{Object, User};
use crate::request::Req;
use crate::routes::{Answer, ok};
use crate::store;
use crate::store::sessions::Which;
use crate::store::users::Changes;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Params {
    should_soft_delete: bool,
}

pub(crate) async fn delete(State(auth): State<Arc<Auth>>, Path(id): Path<String>, req: Req) -> Answer {
    let admin = auth.require_admin(&req)?;
    let tx = auth.begin().await?;
    let user = super::user_of_path(&auth, &tx, &id).await?;
    // Whoever signs in at this moment is done before his sessions are counted, or finds himself deleted.
    let user = store::users::lock(&tx, user.id)
        .await?
        .ok_or_else(|| Error::not_found(Code::UserNotFound, "User not found"))?;
    let params: Params = req.json_or_empty()?;
    let traits = json!({"user_id": user.id, "user_email": user.email(), "user_phone": user.phone()});
    auth.audit(&tx, &req, Actor::Admin(admin.role()), Action::UserDeleted, traits).await?;
    let ended = auth.end_sessions(&tx, user.id, Which::All).await?;
    if params.should_soft_delete {
        if user.deleted_at.is_none() {
            empty(&auth, &tx, &user).await?;
        }
    } else {
        store::users::delete(&tx, user.id).await.map_err(|e| Error::saving("Database error deleting user", e))?;
    }
    auth.commit_and_announce(tx, &ended).await?;
    ok(json!({}))
}

/// A hash in the place of what named the person: the same address can be told again, and nobody can read it.
fn obscured(user: &User, text: &str) -> String {
    use base64::Engine;
    let digest = crypto::sha256(format!("{}{text}", user.id).as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest)
}

/// Soft delete: the id stays for the application's foreign keys, the person goes.
async fn empty(auth: &Auth, tx: &PlatformTx, user: &User) -> Result<(), Error> {
    let now = auth.clock.now();
    let email = user.email.as_deref().map(|email| obscured(user, email));
    let phone = user.phone.as_deref().map(|phone| obscured(user, phone).chars().take(15).collect::<String>());
    let nothing = Json(Object::new());
    Changes::new()
        .set("email", &email)
        .set("phone", &phone)
        .set("encrypted_password", &"")
        .set("confirmation_token", &"")
        .set("recovery_token", &"")
        .set("email_change", &"")
        .set("email_change_token_new", &"")
        .set("email_change_token_current", &"")
        .set("phone_change", &"")
        .set("phone_change_token", &"")
        .set("reauthentication_token", &"")
        .set("deleted_at", &now)
        .set("raw_user_meta_data", &nothing)
        .set("raw_app_meta_data", &nothing)
        .apply(tx, user.id, now)
        .await
        .map_err(|e| Error::saving("Error soft deleting user", e))?;
    store::one_time_tokens::clear_all(tx, user.id).await?;
    store::factors::delete_all(tx, user.id).await?;
    for identity in &user.identities {
        let provider_id = obscured(user, &format!("{}:{}", identity.provider, identity.provider_id));
        store::identities::obscure(tx, identity.id, &provider_id, now).await?;
    }
    Ok(())
}
