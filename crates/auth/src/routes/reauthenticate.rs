//! GET /reauthenticate: a nonce to the user's address or number, for a change of password.

use std::sync::Arc;

use axum::extract::State;
use pg::PlatformTx;
use serde_json::{Value, json};

use super::{Answer, ok};
use crate::Auth;
use crate::audit::{Action, Actor};
use crate::error::{Code, Error};
use crate::letters::{LetterKind, token_hash};
use crate::model::{OtpKind, User};
use crate::request::Req;
use crate::store;

pub(crate) async fn reauthenticate(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    let tx = auth.begin().await?;
    let signed = auth.require_owner(&tx, &req).await?;
    let user = &signed.user;
    if user.email().is_empty() && user.phone().is_empty() {
        return Err(Error::invalid("Reauthentication requires the user to have an email or a phone number"));
    }
    if !user.email().is_empty() && !user.is_confirmed() {
        return Err(Error::unprocessable(Code::EmailNotConfirmed, "Please verify your email first."));
    }
    if user.email().is_empty() && !user.is_phone_confirmed() {
        return Err(Error::unprocessable(Code::PhoneNotConfirmed, "Please verify your phone first."));
    }
    auth.audit(&tx, &req, Actor::User(user), Action::UserReauthenticateRequested, Value::Null).await?;
    if user.email().is_empty() {
        auth.send_phone_code(&tx, user, user.phone(), OtpKind::Reauthentication, "sms").await?;
    } else {
        auth.send_token(&tx, &req, user, LetterKind::Reauthentication, OtpKind::Reauthentication, false).await?;
    }
    tx.commit().await?;
    ok(json!({}))
}

/// Is it the nonce that was sent, and not too old? A right one is used up, a wrong one counted: commit in either case.
///
/// # Errors
/// The database's.
pub(crate) async fn nonce_fits(auth: &Auth, tx: &PlatformTx, user: &User, nonce: &str) -> Result<bool, Error> {
    let (contact, life) = if user.email().is_empty() {
        (user.phone(), auth.config.phone.otp_exp)
    } else {
        (user.email(), auth.config.mailer.otp_exp)
    };
    let Some(sent_at) = user.reauthentication_sent_at else { return Ok(false) };
    let expected = user.reauthentication_token.as_bytes();
    let given = token_hash(contact, nonce);
    if expected.is_empty() || !crypto::equal_in_constant_time(given.as_bytes(), expected) {
        count_wrong_guess(auth, tx, user, OtpKind::Reauthentication).await?;
        return Ok(false);
    }
    store::users::burn_token(tx, user.id, OtpKind::Reauthentication, auth.clock.now()).await?;
    store::one_time_tokens::clear(tx, user.id, &[OtpKind::Reauthentication]).await?;
    Ok(auth.clock.now() <= sent_at + life)
}

/// Six digits are few: after some wrong guesses the token is burnt. The caller commits, although he refuses.
///
/// # Errors
/// The database's.
pub(crate) async fn count_wrong_guess(auth: &Auth, tx: &PlatformTx, user: &User, kind: OtpKind) -> Result<(), Error> {
    let attempts = store::one_time_tokens::count_attempt(tx, user.id, kind).await?;
    if attempts >= auth.config.mailer.otp_max_attempts {
        store::one_time_tokens::clear(tx, user.id, &[kind]).await?;
        store::users::burn_token(tx, user.id, kind, auth.clock.now()).await?;
        tracing::warn!(target: "auth", user = %user.id, kind = kind.as_str(), attempts,
            "a one-time token was guessed at too often and is burnt");
    }
    Ok(())
}
