//! POST /resend: the letter or message of a sign-up or change once more. Unknown and confirmed users get the same answer.

use std::sync::Arc;

use axum::extract::State;
use pg::PlatformTx;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::recover::EVEN_TIME;
use super::{Answer, ok};
use crate::Auth;
use crate::audit::{Action, Actor};
use crate::error::{Code, Error};
use crate::limits::Limited;
use crate::model::{Method, OtpKind, User};
use crate::request::Req;
use crate::rules::pkce::Challenge;
use crate::rules::{contact, pkce};
use crate::store;
use crate::store::flow_state::NewFlowState;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Params {
    r#type: String,
    email: String,
    phone: String,
    code_challenge: String,
    code_challenge_method: String,
}

pub(crate) async fn resend(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    let began = Instant::now();
    auth.limit(Limited::Resend, &req)?;
    auth.check_captcha(&req).await?;
    let params: Params = req.json()?;
    let kind = params.r#type.as_str();
    if !["signup", "email_change", "sms", "phone_change"].contains(&kind) {
        return Err(Error::invalid("Missing one of these types: signup, email_change, sms, phone_change"));
    }
    let challenge = pkce::challenge(&params.code_challenge, &params.code_challenge_method)?;
    if params.email.is_empty() && matches!(kind, "signup" | "email_change") {
        return Err(Error::invalid("Type provided requires an email address"));
    }
    if params.phone.is_empty() && matches!(kind, "sms" | "phone_change") {
        return Err(Error::invalid("Type provided requires a phone number"));
    }
    if !params.email.is_empty() && !params.phone.is_empty() {
        return Err(Error::invalid("Only an email address or phone number should be provided."));
    }
    let aud = req.audience(&auth);
    let tx = auth.begin().await?;
    let user = if params.email.is_empty() {
        if !auth.config.phone.enabled {
            return Err(Error::bad_request(Code::PhoneProviderDisabled, "Phone logins are disabled"));
        }
        let phone = contact::phone(&params.phone)?;
        auth.limit_address(kind, &phone)?;
        store::users::find_by_phone(&tx, &phone, &aud).await?
    } else {
        if !auth.config.email.enabled {
            return Err(Error::bad_request(Code::EmailProviderDisabled, "Email logins are disabled"));
        }
        let email = contact::email(&params.email)?;
        auth.limit_address(kind, &email)?;
        store::users::find_by_email(&tx, &email, &aud).await?
    };
    if let Some(user) = user
        && let Some(user) = store::users::lock(&tx, user.id).await?
    {
        again(&auth, &tx, &req, &user, kind, challenge).await?;
    }
    tx.commit().await?;
    sleep_until(began + EVEN_TIME).await;
    ok(json!({}))
}

async fn again(
    auth: &Auth,
    tx: &PlatformTx,
    req: &Req,
    user: &User,
    kind: &str,
    challenge: Option<Challenge>,
) -> Result<(), Error> {
    match kind {
        "signup" if !user.is_confirmed() => {
            auth.audit(tx, req, Actor::User(user), Action::UserConfirmationRequested, Value::Null).await?;
            let pkce = challenge.is_some();
            if pkce {
                let flow =
                    NewFlowState { provider: "email", user_id: Some(user.id), challenge, ..NewFlowState::default() };
                store::flow_state::insert(tx, &flow, Method::EmailSignup, auth.clock.now()).await?;
            }
            auth.send_confirmation(tx, req, user, pkce).await
        }
        "sms" if !user.is_phone_confirmed() => {
            auth.audit(tx, req, Actor::User(user), Action::UserRecoveryRequested, Value::Null).await?;
            auth.send_phone_code(tx, user, user.phone(), OtpKind::Confirmation, "sms").await
        }
        "email_change" if !user.email_change.is_empty() => {
            super::user::email::change(auth, tx, req, user, &user.email_change, challenge).await
        }
        "phone_change" if !user.phone_change.is_empty() => {
            auth.send_phone_code(tx, user, &user.phone_change, OtpKind::PhoneChange, "sms").await
        }
        _ => Ok(()),
    }
}
