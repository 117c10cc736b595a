//! POST /admin/generate_link: a link for an admin who sends his own letters.

use std::sync::Arc;

use axum::extract::State;
use pg::PlatformTx;
use serde::Deserialize;
use serde_json::{Value, json};

use super::users::email_exists;
use crate::Auth;
use crate::audit::{Action, Actor};
use crate::error::{Code, Error};
use crate::letters::{LetterKind, OneTime, token_hash};
use crate::model::{Object, OtpKind, User};
use crate::request::Req;
use crate::routes::invite::{insert, invited, merge_data};
use crate::routes::{Answer, ok};
use crate::rules::contact;
use crate::store::users::{Changes, NewUser};
use crate::users::app_metadata;
use crate::{store, wire};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Params {
    r#type: String,
    email: String,
    new_email: String,
    password: String,
    data: Object,
    redirect_to: String,
}

pub(crate) async fn generate_link(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    let admin = auth.require_admin(&req)?;
    let params: Params = req.json()?;
    let email = contact::email(&params.email)?;
    let asked = Some(params.redirect_to.as_str()).filter(|url| !url.is_empty()).or_else(|| req.query("redirect_to"));
    let redirect_to = req.allowed_redirect(&auth, asked);
    // Made before the transaction, which holds a connection.
    let hash = match params.r#type.as_str() {
        "signup" if !params.password.is_empty() => {
            auth.check_password(&params.password).await?;
            auth.hash_password(&params.password).await?
        }
        _ => String::new(),
    };
    let tx = auth.begin().await?;
    let mut user = store::users::find_by_email(&tx, &email, &req.audience(&auth)).await?;
    if user.is_none() && matches!(params.r#type.as_str(), "recovery" | "email_change_current" | "email_change_new") {
        return Err(Error::not_found(Code::UserNotFound, "User with this email not found"));
    }
    let kind = match params.r#type.as_str() {
        "magiclink" if user.is_none() => "signup",
        other => other,
    };
    let one_time = auth.new_code(&email, false);
    let (user_id, letter, one_time) = match kind {
        "magiclink" | "recovery" => {
            let user = user.take().ok_or_else(|| Error::not_found(Code::UserNotFound, "User not found"))?;
            auth.audit(&tx, &req, Actor::User(&user), Action::UserRecoveryRequested, Value::Null).await?;
            auth.store_token(&tx, &user, OtpKind::Recovery, &one_time.hash, &email).await?;
            let letter = if kind == "recovery" { LetterKind::Recovery } else { LetterKind::MagicLink };
            (user.id, letter, one_time)
        }
        "invite" => {
            let user = invited(&auth, &tx, &req, &email, params.data).await?;
            let traits = json!({"user_id": user.id, "user_email": user.email()});
            auth.audit(&tx, &req, Actor::Admin(admin.role()), Action::UserInvited, traits).await?;
            auth.store_token(&tx, &user, OtpKind::Confirmation, &one_time.hash, &email).await?;
            (user.id, LetterKind::Invite, one_time)
        }
        "signup" => {
            if params.r#type == "signup" && params.password.is_empty() {
                return Err(Error::invalid("Signup requires a valid password"));
            }
            let user = signed_up(&auth, &tx, &req, user, &email, hash, params.data).await?;
            auth.store_token(&tx, &user, OtpKind::Confirmation, &one_time.hash, &email).await?;
            (user.id, LetterKind::Confirmation, one_time)
        }
        "email_change_current" | "email_change_new" => {
            let user = user.take().ok_or_else(|| Error::not_found(Code::UserNotFound, "User not found"))?;
            let one_time = email_change(&auth, &tx, &user, kind, &params.new_email, one_time).await?;
            (user.id, LetterKind::EmailChange, one_time)
        }
        other => return Err(Error::invalid(format!("Invalid email action link type requested: {other}"))),
    };
    let user = auth.reload(&tx, user_id).await?;
    tx.commit().await?;
    let link = auth.action_link(&req, letter, &one_time.hash, &redirect_to);
    let mut body = wire::user(&user);
    for (key, value) in [
        ("action_link", link.as_str()),
        ("email_otp", &one_time.code),
        ("hashed_token", &one_time.hash),
        ("verification_type", kind),
        ("redirect_to", &redirect_to),
    ] {
        body[key] = json!(value);
    }
    ok(body)
}

async fn signed_up(
    auth: &Auth,
    tx: &PlatformTx,
    req: &Req,
    user: Option<User>,
    email: &str,
    hash: String,
    data: Object,
) -> Result<User, Error> {
    let id = match user {
        Some(user) if user.is_confirmed() => return Err(email_exists()),
        Some(user) => {
            merge_data(auth, tx, &user, data).await?;
            user.id
        }
        None => {
            let new = NewUser {
                id: crypto::random::uuid(),
                aud: req.audience(auth),
                role: auth.config.jwt.default_group.clone(),
                email: Some(email.to_owned()),
                encrypted_password: Some(hash),
                app_metadata: app_metadata("email", &["email".to_owned()]),
                user_metadata: data,
                ..NewUser::default()
            };
            insert(auth, tx, req, &new).await?
        }
    };
    auth.reload(tx, id).await
}

async fn email_change(
    auth: &Auth,
    tx: &PlatformTx,
    user: &User,
    kind: &str,
    new_email: &str,
    one_time: OneTime,
) -> Result<OneTime, Error> {
    let current = kind == "email_change_current";
    if current && !auth.config.mailer.secure_email_change {
        return Err(Error::invalid("Enable secure email change to generate link for current email"));
    }
    let new_email = contact::email(new_email)?;
    if store::users::email_holder(tx, &new_email, &user.aud, Some(user.id)).await?.is_some() {
        return Err(email_exists());
    }
    let now = auth.clock.now();
    Changes::new()
        .set("email_change", &new_email)
        .set("email_change_confirm_status", &0_i16)
        .apply(tx, user.id, now)
        .await
        .map_err(|e| Error::saving("Error updating user", e))?;
    if current {
        auth.store_token(tx, user, OtpKind::EmailChangeCurrent, &one_time.hash, user.email()).await?;
        return Ok(one_time);
    }
    let one_time = OneTime { hash: token_hash(&new_email, &one_time.code), code: one_time.code };
    auth.store_token(tx, user, OtpKind::EmailChangeNew, &one_time.hash, &new_email).await?;
    Ok(one_time)
}
