//! PUT /admin/users/{id}

use std::sync::Arc;

use axum::extract::{Path, State};
use pg::PlatformTx;
use serde_json::json;
use uuid::Uuid;

use super::users::{Params, ban, check_length, email_exists, hash_of, phone_exists};
use crate::Auth;
use crate::audit::{Action, Actor};
use crate::error::{Code, Error};
use crate::model::{Object, User};
use crate::request::Req;
use crate::routes::{Answer, ok};
use crate::rules::contact;
use crate::sessions::{Ended, Suspended};
use crate::store::sessions::Which;
use crate::store::users::{Changes, metadata_changes};
use crate::users::{contact_identity, object};
use crate::{store, wire};

pub(crate) async fn update(State(auth): State<Arc<Auth>>, Path(id): Path<String>, req: Req) -> Answer {
    let admin = auth.require_admin(&req)?;
    let tx = auth.begin().await?;
    let user = super::user_of_path(&auth, &tx, &id).await?;
    tx.commit().await?;
    let params: Params = req.json()?;
    if let Some(password) = params.password.as_deref().filter(|password| !password.is_empty()) {
        auth.check_password(password).await?;
    }
    let email = (!params.email.is_empty()).then(|| contact::email(&params.email)).transpose()?;
    let phone = (!params.phone.is_empty()).then(|| contact::phone(&params.phone)).transpose()?;
    let hash = hash_of(&auth, &params).await?;
    check_length("role", &params.role)?;
    check_length("aud", &params.aud)?;
    let tx = auth.begin().await?;
    let mut ended = Ended::default();
    contacts(&auth, &tx, &user, email.as_deref(), phone.as_deref(), &params).await?;
    if let Some(hash) = &hash {
        auth.set_password(&tx, user.id, hash).await?;
        ended = auth.end_sessions(&tx, user.id, Which::All).await?;
    }
    plain_columns(&auth, &tx, &user, &params).await?;
    let (suspended, restored) = apply_ban(&auth, &tx, &user, &params).await?;
    let changed = auth.reload(&tx, user.id).await?;
    let traits = json!({"user_id": user.id, "user_email": changed.email(), "user_phone": changed.phone()});
    auth.audit(&tx, &req, Actor::Admin(admin.role()), Action::UserModified, traits).await?;
    auth.commit_and_announce(tx, &ended).await?;
    auth.announce_suspension(&suspended);
    for session in restored {
        auth.revocations.restore(session);
    }
    ok(wire::user(&changed))
}

/// A ban stops the tokens that are out; lifting it lets them live again.
async fn apply_ban(
    auth: &Auth,
    tx: &PlatformTx,
    user: &User,
    params: &Params,
) -> Result<(Suspended, Vec<Uuid>), Error> {
    let now = auth.clock.now();
    let Some(until) = ban(&params.ban_duration, now)? else { return Ok(Default::default()) };
    Changes::new()
        .set("banned_until", &until)
        .apply(tx, user.id, now)
        .await
        .map_err(|e| Error::saving("Error updating user", e))?;
    match until.filter(|until| *until > now) {
        Some(until) => Ok((auth.suspend_sessions(tx, user.id, until).await?, Vec::new())),
        None => Ok((Suspended::default(), auth.restore_sessions(tx, user.id).await?)),
    }
}

async fn plain_columns(auth: &Auth, tx: &PlatformTx, user: &User, params: &Params) -> Result<(), Error> {
    let user_data = params.user_metadata.clone().map(metadata_changes);
    let app_data = params.app_metadata.clone().map(metadata_changes);
    let mut changes = Changes::new();
    if !params.role.is_empty() {
        changes = changes.set("role", &params.role);
    }
    if !params.aud.is_empty() {
        changes = changes.set("aud", &params.aud);
    }
    if let Some((set, remove)) = &user_data {
        changes = changes.merge("raw_user_meta_data", set, remove);
    }
    if let Some((set, remove)) = &app_data {
        changes = changes.merge("raw_app_meta_data", set, remove);
    }
    if changes.is_empty() {
        return Ok(());
    }
    let now = auth.clock.now();
    changes.apply(tx, user.id, now).await.map_err(|e| Error::saving("Error updating user", e))
}

/// Address and number, each with its identity, and whether they count as confirmed.
async fn contacts(
    auth: &Auth,
    tx: &PlatformTx,
    user: &User,
    email: Option<&str>,
    phone: Option<&str>,
    params: &Params,
) -> Result<(), Error> {
    let now = auth.clock.now();
    let mut changes = Changes::new();
    if let Some(email) = &email {
        if store::users::email_holder(tx, email, &user.aud, Some(user.id)).await?.is_some() {
            return Err(email_exists());
        }
        changes = changes.set("email", email);
    }
    if let Some(phone) = &phone {
        let other = store::users::find_by_phone(tx, phone, &user.aud).await?;
        if other.is_some_and(|other| other.id != user.id) {
            return Err(phone_exists());
        }
        changes = changes.set("phone", phone);
    }
    if params.email_confirm && user.email_confirmed_at.is_none() {
        changes = changes.set("email_confirmed_at", &now).set("confirmation_token", &"");
    }
    if params.phone_confirm && user.phone_confirmed_at.is_none() {
        changes = changes.set("phone_confirmed_at", &now).set("confirmation_token", &"");
    }
    let becomes_known = user.is_anonymous && (email.is_some() || phone.is_some());
    if becomes_known {
        changes = changes.set("is_anonymous", &false);
    }
    if changes.is_empty() {
        return Ok(());
    }
    changes.apply(tx, user.id, now).await.map_err(|error| match () {
        () if error.violates("users_email_partial_key") => email_exists(),
        () if error.violates("users_phone_key") => phone_exists(),
        () => Error::saving("Error updating user", error),
    })?;
    identity(auth, tx, user, "email", email, params.email_confirm).await?;
    identity(auth, tx, user, "phone", phone, params.phone_confirm).await?;
    auth.refresh_providers(tx, user.id).await
}

async fn identity(
    auth: &Auth,
    tx: &PlatformTx,
    user: &User,
    provider: &'static str,
    contact: Option<&str>,
    confirmed: bool,
) -> Result<(), Error> {
    let verified = match provider {
        "email" => "email_verified",
        _ => "phone_verified",
    };
    match (user.identity(provider), contact) {
        (Some(identity), contact) if contact.is_some() || confirmed => {
            let mut data = object(json!({ verified: confirmed }));
            if let Some(contact) = contact {
                data.insert(provider.into(), json!(contact));
            }
            store::identities::merge_data(tx, identity.id, &data, auth.clock.now()).await?;
        }
        (None, Some(contact)) => {
            let data = contact_identity(user.id, (provider, contact), confirmed, &Object::new());
            auth.insert_contact_identity(tx, user.id, provider, &data).await.map_err(|error| match error.code() {
                Code::UnexpectedFailure => error,
                _ => email_exists(),
            })?;
        }
        _ => {}
    }
    Ok(())
}
