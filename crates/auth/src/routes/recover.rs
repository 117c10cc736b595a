//! POST /recover: a link to set a new password. The answer never tells whether the address is known.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::{Answer, ok};
use crate::Auth;
use crate::audit::{Action, Actor};
use crate::error::{Code, Error};
use crate::letters::LetterKind;
use crate::limits::Limited;
use crate::model::{Method, OtpKind};
use crate::request::Req;
use crate::rules::pkce::Challenge;
use crate::rules::{contact, pkce};
use crate::store;
use crate::store::flow_state::NewFlowState;

/// Known and unknown addresses are answered after the same time: writing the token takes less than this.
pub(crate) const EVEN_TIME: Duration = Duration::from_millis(40);

#[derive(Deserialize, Default)]
#[serde(default)]
struct Params {
    email: String,
    code_challenge: String,
    code_challenge_method: String,
}

pub(crate) async fn recover(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    let began = Instant::now();
    auth.limit(Limited::Recover, &req)?;
    auth.check_captcha(&req).await?;
    let params: Params = req.json()?;
    if params.email.is_empty() {
        return Err(Error::invalid("Password recovery requires an email"));
    }
    if !auth.config.email.enabled {
        return Err(Error::bad_request(Code::EmailProviderDisabled, "Email logins are disabled"));
    }
    let email = contact::email(&params.email)?;
    let challenge = pkce::challenge(&params.code_challenge, &params.code_challenge_method)?;
    auth.limit_address("recover", &email)?;
    send(&auth, &req, &email, challenge).await?;
    sleep_until(began + EVEN_TIME).await;
    ok(json!({}))
}

async fn send(auth: &Auth, req: &Req, email: &str, challenge: Option<Challenge>) -> Result<(), Error> {
    let tx = auth.begin().await?;
    let Some(user) = store::users::find_by_email(&tx, email, &req.audience(auth)).await? else {
        return Ok(tx.commit().await?);
    };
    let pkce = challenge.is_some();
    if pkce {
        let flow = NewFlowState { provider: "recovery", user_id: Some(user.id), challenge, ..NewFlowState::default() };
        store::flow_state::insert(&tx, &flow, Method::Recovery, auth.clock.now()).await?;
    }
    auth.audit(&tx, req, Actor::User(&user), Action::UserRecoveryRequested, Value::Null).await?;
    auth.send_token(&tx, req, &user, LetterKind::Recovery, OtpKind::Recovery, pkce).await?;
    Ok(tx.commit().await?)
}
