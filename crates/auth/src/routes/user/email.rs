//! The first half of a change of address: who must confirm it, and the letters.

use pg::PlatformTx;

use crate::Auth;
use crate::error::{Code, Error};
use crate::letters::{Content, LetterKind};
use crate::model::{Method, OtpKind, User};
use crate::request::Req;
use crate::routes::verify::taken;
use crate::rules::pkce::Challenge;
use crate::store;
use crate::store::flow_state::NewFlowState;
use crate::store::users::Changes;

pub(crate) async fn change(
    auth: &Auth,
    tx: &PlatformTx,
    req: &Req,
    user: &User,
    email: &str,
    challenge: Option<Challenge>,
) -> Result<(), Error> {
    if !auth.config.email.enabled {
        return Err(Error::bad_request(Code::EmailProviderDisabled, "Email logins are disabled"));
    }
    if store::users::email_holder(tx, email, &user.aud, Some(user.id)).await?.is_some() {
        return Err(Error::unprocessable(
            Code::EmailExists,
            "A user with this email address has already been registered",
        ));
    }
    if auth.config.mailer.autoconfirm {
        return at_once(auth, tx, user, email).await;
    }
    if let Some(challenge) = &challenge {
        let flow = NewFlowState {
            provider: "email",
            user_id: Some(user.id),
            challenge: Some(challenge.clone()),
            ..NewFlowState::default()
        };
        store::flow_state::insert(tx, &flow, Method::EmailChange, auth.clock.now()).await?;
    }
    letters(auth, tx, req, user, email, challenge.is_some()).await
}

/// Every address counts as confirmed here.
async fn at_once(auth: &Auth, tx: &PlatformTx, user: &User, email: &str) -> Result<(), Error> {
    let now = auth.clock.now();
    Changes::new()
        .set("email", &email)
        .set("email_change", &"")
        .set("email_confirmed_at", &now)
        .set("is_anonymous", &false)
        .apply(tx, user.id, now)
        .await
        .map_err(taken)?;
    super::email_identity(auth, tx, user, email).await?;
    if !user.email().is_empty() {
        auth.notify(tx, user, LetterKind::EmailChanged, &[("OldEmail", user.email())]).await?;
    }
    Ok(())
}

/// One letter to the new address; with secure change, one to the old address too, each with its own token.
async fn letters(auth: &Auth, tx: &PlatformTx, req: &Req, user: &User, email: &str, pkce: bool) -> Result<(), Error> {
    auth.too_soon(user.email_change_sent_at, auth.config.mailer.max_frequency, Code::OverEmailSendRateLimit)?;
    let now = auth.clock.now();
    let mut pending = user.clone();
    pending.email_change = email.to_owned();
    let secure = auth.config.mailer.secure_email_change && !user.email().is_empty();
    let redirect_to = req.redirect_to(auth);
    let new = auth.new_code(email, pkce);
    let current = secure.then(|| auth.new_code(user.email(), pkce));
    let kind = LetterKind::EmailChange;
    let saving = |e| Error::saving("Error updating user", e);
    Changes::new()
        .set("email_change", &email)
        .set("email_change_confirm_status", &0_i16)
        .set("email_change_token_current", &"")
        .apply(tx, user.id, now)
        .await
        .map_err(saving)?;
    store::one_time_tokens::clear(tx, user.id, &[OtpKind::EmailChangeCurrent]).await?;
    auth.store_token(tx, user, OtpKind::EmailChangeNew, &new.hash, email).await?;
    if let Some(current) = &current {
        auth.store_token(tx, user, OtpKind::EmailChangeCurrent, &current.hash, user.email()).await?;
    }
    if auth.has_hook(crate::config::HookPoint::SendEmail) {
        // The hook gets both at once, and in GoTrue's quirk `token_hash_new` belongs to the current address.
        let other = current
            .as_ref()
            .map(|current| crate::letters::OneTime { code: new.code.clone(), hash: current.hash.clone() });
        let first = crate::letters::OneTime {
            code: current.as_ref().map_or_else(|| new.code.clone(), |current| current.code.clone()),
            hash: new.hash.clone(),
        };
        let content = Content { kind, to: email, one_time: &first, redirect_to: &redirect_to, other: other.as_ref() };
        return auth.send_letter(tx, req, &pending, content).await;
    }
    if let Some(current) = &current {
        let content = Content { kind, to: user.email(), one_time: current, redirect_to: &redirect_to, other: None };
        auth.send_letter(tx, req, &pending, content).await?;
    }
    let content = Content { kind, to: email, one_time: &new, redirect_to: &redirect_to, other: None };
    auth.send_letter(tx, req, &pending, content).await
}
