//! POST /invite: an admin asks somebody in.

use std::sync::Arc;

use axum::extract::State;
use pg::PlatformTx;
use pg::tokio_postgres::types::Json;
use serde::Deserialize;
use serde_json::json;

use super::{Answer, ok};
use crate::Auth;
use crate::audit::{Action, Actor};
use crate::error::{Code, Error};
use crate::letters::LetterKind;
use crate::model::{Object, OtpKind, User};
use crate::request::Req;
use crate::routes::admin::users::email_exists;
use crate::rules::contact;
use crate::store::users::{Changes, NewUser};
use crate::users::{app_metadata, contact_identity};
use crate::{store, wire};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Params {
    email: String,
    data: Object,
}

pub(crate) async fn invite(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    let admin = auth.require_admin(&req)?;
    let params: Params = req.json()?;
    let email = contact::email(&params.email)?;
    let tx = auth.begin().await?;
    let user = invited(&auth, &tx, &req, &email, params.data).await?;
    let traits = json!({"user_id": user.id, "user_email": user.email()});
    auth.audit(&tx, &req, Actor::Admin(admin.role()), Action::UserInvited, traits).await?;
    auth.send_token(&tx, &req, &user, LetterKind::Invite, OtpKind::Confirmation, false).await?;
    let user = auth.reload(&tx, user.id).await?;
    tx.commit().await?;
    ok(wire::user(&user))
}

/// The user who is invited: a new one, or one who never confirmed.
///
/// # Errors
/// 422 `email_exists`.
pub(crate) async fn invited(auth: &Auth, tx: &PlatformTx, req: &Req, email: &str, data: Object) -> Result<User, Error> {
    let now = auth.clock.now();
    let aud = req.audience(auth);
    let id = match store::users::email_holder(tx, email, &aud, None).await? {
        Some(user) if user.is_confirmed() => return Err(email_exists()),
        Some(user) => user.id,
        None => new_user(auth, tx, req, email, data, aud).await?,
    };
    Changes::new()
        .set("invited_at", &now)
        .apply(tx, id, now)
        .await
        .map_err(|e| Error::saving("Error inviting user", e))?;
    auth.reload(tx, id).await
}

/// An unconfirmed user without a password, made on behalf of an admin: his metadata is what the admin gave.
pub(crate) async fn new_user(
    auth: &Auth,
    tx: &PlatformTx,
    req: &Req,
    email: &str,
    data: Object,
    aud: String,
) -> Result<uuid::Uuid, Error> {
    let new = NewUser {
        id: crypto::random::uuid(),
        aud,
        role: auth.config.jwt.default_group.clone(),
        email: Some(email.to_owned()),
        app_metadata: app_metadata("email", &["email".to_owned()]),
        user_metadata: data,
        ..NewUser::default()
    };
    insert(auth, tx, req, &new).await
}

/// Inserts a user with an address, and its identity.
pub(crate) async fn insert(auth: &Auth, tx: &PlatformTx, req: &Req, new: &NewUser) -> Result<uuid::Uuid, Error> {
    auth.before_user_created(req, new).await?;
    // Two invitations at once: the other was faster.
    auth.insert_user(tx, req, new).await.map_err(|error| match error.code() {
        Code::UserAlreadyExists => email_exists(),
        _ => error,
    })?;
    let email = new.email.as_deref().unwrap_or_default();
    let data = contact_identity(new.id, ("email", email), false, &Object::new());
    auth.insert_contact_identity(tx, new.id, "email", &data).await?;
    Ok(new.id)
}

/// Merges data of an admin into a user who is there.
pub(crate) async fn merge_data(auth: &Auth, tx: &PlatformTx, user: &User, data: Object) -> Result<(), Error> {
    let (set, remove): (Json<Object>, Vec<String>) = store::users::metadata_changes(data);
    let now = auth.clock.now();
    Changes::new()
        .merge("raw_user_meta_data", &set, &remove)
        .apply(tx, user.id, now)
        .await
        .map_err(|e| Error::saving("Error updating user", e))
}
