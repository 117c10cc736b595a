//! POST /otp and POST /magiclink: sign in, or up, by a code or link.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::signup::{Wanted, enter_by_code};
use super::{Answer, ok};
use crate::Auth;
use crate::audit::{Action, Actor};
use crate::error::{Code, Error};
use crate::letters::LetterKind;
use crate::limits::Limited;
use crate::messages::check_channel;
use crate::model::{Method, Object, OtpKind, User};
use crate::request::Req;
use crate::rules::pkce::Challenge;
use crate::rules::{contact, pkce};
use crate::store;
use crate::store::flow_state::NewFlowState;

#[derive(Deserialize)]
#[serde(default)]
struct Params {
    email: String,
    phone: String,
    create_user: bool,
    data: Object,
    channel: String,
    code_challenge: String,
    code_challenge_method: String,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            email: String::new(),
            phone: String::new(),
            create_user: true,
            data: Object::new(),
            channel: String::new(),
            code_challenge: String::new(),
            code_challenge_method: String::new(),
        }
    }
}

pub(crate) async fn otp(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    auth.limit(Limited::Otp, &req)?;
    auth.check_captcha(&req).await?;
    let params: Params = req.json()?;
    if !params.email.is_empty() && !params.phone.is_empty() {
        return Err(Error::invalid("Only an email address or phone number should be provided"));
    }
    if !params.email.is_empty() {
        return by_email(&auth, &req, params).await;
    }
    if !params.phone.is_empty() {
        return by_phone(&auth, &req, params).await;
    }
    Err(Error::invalid("One of email or phone must be set"))
}

pub(crate) async fn magic_link(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    auth.limit(Limited::MagicLink, &req)?;
    auth.check_captcha(&req).await?;
    let params: Params = req.json()?;
    if params.email.is_empty() {
        return Err(Error::invalid("Password recovery requires an email"));
    }
    by_email(&auth, &req, Params { create_user: true, ..params }).await
}

fn otp_disabled() -> Error {
    Error::unprocessable(Code::OtpDisabled, "Signups not allowed for otp")
}

async fn by_email(auth: &Auth, req: &Req, params: Params) -> Answer {
    if !auth.config.email.enabled {
        return Err(Error::unprocessable(Code::EmailProviderDisabled, "Email logins are disabled"));
    }
    if !auth.config.email.magic_link_enabled {
        return Err(Error::unprocessable(Code::EmailProviderDisabled, "Login with magic link is disabled"));
    }
    let email = contact::email(&params.email)?;
    let challenge = pkce::challenge(&params.code_challenge, &params.code_challenge_method)?;
    let aud = req.audience(auth);
    let tx = auth.begin().await?;
    let user = store::users::find_by_email(&tx, &email, &aud).await?;
    tx.commit().await?;
    let user = match user {
        Some(user) if user.is_confirmed() => user,
        None if !params.create_user => return Err(otp_disabled()),
        _ => {
            let wanted = Wanted {
                provider: "email",
                contact: email,
                data: params.data,
                channel: String::new(),
                challenge: challenge.clone(),
                aud,
            };
            match enter_by_code(auth, req, wanted).await? {
                // Confirmed at birth: the link that signs in comes on top.
                Some(user) if user.is_confirmed() => user,
                // The letter that confirms signs in too.
                _ => return ok(json!({})),
            }
        }
    };
    send_link(auth, req, &user, challenge).await
}

async fn send_link(auth: &Auth, req: &Req, user: &User, challenge: Option<Challenge>) -> Answer {
    let tx = auth.begin().await?;
    let pkce = challenge.is_some();
    if pkce {
        let flow = NewFlowState { provider: "magiclink", user_id: Some(user.id), challenge, ..NewFlowState::default() };
        store::flow_state::insert(&tx, &flow, Method::MagicLink, auth.clock.now()).await?;
    }
    auth.audit(&tx, req, Actor::User(user), Action::UserRecoveryRequested, Value::Null).await?;
    auth.send_token(&tx, req, user, LetterKind::MagicLink, OtpKind::Recovery, pkce).await?;
    tx.commit().await?;
    ok(json!({}))
}

async fn by_phone(auth: &Auth, req: &Req, params: Params) -> Answer {
    if !auth.config.phone.enabled {
        return Err(Error::unprocessable(Code::PhoneProviderDisabled, "Unsupported phone provider"));
    }
    let phone = contact::phone(&params.phone)?;
    check_channel(&params.channel, &auth.config.phone.provider)?;
    let aud = req.audience(auth);
    let tx = auth.begin().await?;
    let user = store::users::find_by_phone(&tx, &phone, &aud).await?;
    tx.commit().await?;
    let user = match user {
        Some(user) if user.is_phone_confirmed() => user,
        None if !params.create_user => return Err(otp_disabled()),
        _ => {
            let wanted = Wanted {
                provider: "phone",
                contact: phone.clone(),
                data: params.data,
                channel: params.channel.clone(),
                challenge: None,
                aud,
            };
            match enter_by_code(auth, req, wanted).await? {
                Some(user) if user.is_phone_confirmed() => user,
                _ => return ok(json!({})),
            }
        }
    };
    let tx = auth.begin().await?;
    auth.audit(&tx, req, Actor::User(&user), Action::UserRecoveryRequested, json!({"channel": params.channel})).await?;
    auth.send_phone_code(&tx, &user, &phone, OtpKind::Confirmation, &params.channel).await?;
    tx.commit().await?;
    ok(json!({}))
}
