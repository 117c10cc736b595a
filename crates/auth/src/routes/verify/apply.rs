//! What a good token does to its user.

use pg::PlatformTx;
use serde_json::Value;

use super::Kind;
use crate::Auth;
use crate::audit::{Action, Actor};
use crate::error::{Code, Error};
use crate::letters::LetterKind;
use crate::model::{OtpKind, User};
use crate::request::Req;
use crate::routes::user::{email_identity, phone_identity};
use crate::store;
use crate::store::users::Changes;

/// How far it went.
pub(super) enum Applied {
    /// The first of two confirmations.
    Half,
    /// Done; the user as he is now.
    Whole(Box<User>),
}

pub(super) async fn apply(
    auth: &Auth,
    tx: &PlatformTx,
    req: &Req,
    user: User,
    kind: Kind,
    hash: &str,
) -> Result<Applied, Error> {
    match kind {
        Kind::Signup | Kind::Invite | Kind::Email => {
            let action = if user.invited_at.is_some() { Action::InviteAccepted } else { Action::UserSignedUp };
            auth.audit(tx, req, Actor::User(&user), action, Value::Null).await?;
            auth.confirm_email(tx, &user).await?;
        }
        Kind::Recovery | Kind::MagicLink => recover(auth, tx, req, &user).await?,
        Kind::EmailChange => {
            if change_email(auth, tx, req, &user, hash).await? {
                return Ok(Applied::Half);
            }
        }
        Kind::Sms => {
            auth.audit(tx, req, Actor::User(&user), Action::UserSignedUp, Value::Null).await?;
            auth.confirm_phone(tx, &user).await?;
        }
        Kind::PhoneChange => change_phone(auth, tx, req, &user).await?,
    }
    Ok(Applied::Whole(Box::new(auth.reload(tx, user.id).await?)))
}

async fn recover(auth: &Auth, tx: &PlatformTx, req: &Req, user: &User) -> Result<(), Error> {
    let now = auth.clock.now();
    if user.is_confirmed() {
        auth.audit(tx, req, Actor::User(user), Action::Login, Value::Null).await?;
        store::users::burn_token(tx, user.id, OtpKind::Recovery, now).await?;
        store::one_time_tokens::clear(tx, user.id, &[OtpKind::Recovery]).await?;
        return Ok(());
    }
    auth.audit(tx, req, Actor::User(user), Action::UserSignedUp, Value::Null).await?;
    store::users::burn_token(tx, user.id, OtpKind::Recovery, now).await?;
    auth.confirm_email(tx, user).await
}

/// `true`: the other address must confirm too.
async fn change_email(auth: &Auth, tx: &PlatformTx, req: &Req, user: &User, hash: &str) -> Result<bool, Error> {
    let now = auth.clock.now();
    let double = auth.config.mailer.secure_email_change
        && !auth.config.mailer.autoconfirm
        && !user.email().is_empty()
        && user.email_change_confirm_status == 0;
    if double {
        let current = user.email_change_token_current == hash;
        let (column, kind) = match current {
            true => ("email_change_token_current", OtpKind::EmailChangeCurrent),
            false => ("email_change_token_new", OtpKind::EmailChangeNew),
        };
        Changes::new()
            .set("email_change_confirm_status", &1_i16)
            .set(column, &"")
            .apply(tx, user.id, now)
            .await
            .map_err(|e| Error::saving("Database error updating user", e))?;
        store::one_time_tokens::clear(tx, user.id, &[kind]).await?;
        return Ok(true);
    }
    if user.email_change.is_empty() {
        return Err(Error::forbidden(Code::OtpExpired, "Email link is invalid or has expired"));
    }
    auth.audit(tx, req, Actor::User(user), Action::UserModified, Value::Null).await?;
    let confirmed_at = user.email_confirmed_at.unwrap_or(now);
    Changes::new()
        .set("email", &user.email_change)
        .set("email_change", &"")
        .set("email_change_token_current", &"")
        .set("email_change_token_new", &"")
        .set("email_change_confirm_status", &0_i16)
        .set("email_confirmed_at", &confirmed_at)
        .set("is_anonymous", &false)
        .apply(tx, user.id, now)
        .await
        .map_err(taken)?;
    email_identity(auth, tx, user, &user.email_change).await?;
    store::one_time_tokens::clear_all(tx, user.id).await?;
    if !user.email().is_empty() {
        auth.notify(tx, user, LetterKind::EmailChanged, &[("OldEmail", user.email())]).await?;
    }
    Ok(false)
}

/// Somebody else may have taken the address or number since the change was asked for.
pub(in crate::routes) fn taken(error: pg::Error) -> Error {
    if error.violates("users_email_partial_key") {
        return Error::unprocessable(Code::EmailExists, "A user with this email address has already been registered");
    }
    if error.violates("users_phone_key") {
        return Error::unprocessable(Code::PhoneExists, "A user with this phone number has already been registered");
    }
    Error::saving("Database error updating user", error)
}

async fn change_phone(auth: &Auth, tx: &PlatformTx, req: &Req, user: &User) -> Result<(), Error> {
    let now = auth.clock.now();
    if user.phone_change.is_empty() {
        return Err(Error::forbidden(Code::OtpExpired, "Token has expired or is invalid"));
    }
    auth.audit(tx, req, Actor::User(user), Action::UserModified, Value::Null).await?;
    Changes::new()
        .set("phone", &user.phone_change)
        .set("phone_change", &"")
        .set("phone_change_token", &"")
        .set("phone_confirmed_at", &now)
        .set("is_anonymous", &false)
        .apply(tx, user.id, now)
        .await
        .map_err(taken)?;
    phone_identity(auth, tx, user, &user.phone_change).await?;
    store::one_time_tokens::clear_all(tx, user.id).await?;
    if !user.phone().is_empty() {
        auth.notify(tx, user, LetterKind::PhoneChanged, &[("OldPhone", user.phone())]).await?;
    }
    Ok(())
}
