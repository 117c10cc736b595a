use pg::PlatformTx;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Auth;
use crate::audit::{Action, Actor};
use crate::config::HookPoint;
use crate::error::{Code, Error};
use crate::model::{Method, User};
use crate::request::Req;
use crate::routes::{Answer, ok};
use crate::rules::contact;
use crate::sessions::Ended;
use crate::store;
use crate::store::sessions::Which;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Params {
    email: String,
    phone: String,
    password: String,
}

fn invalid_credentials() -> Error {
    Error::bad_request(Code::InvalidCredentials, "Invalid login credentials")
}

pub(super) async fn grant(auth: &Auth, req: &Req) -> Answer {
    auth.check_captcha(req).await?;
    let params: Params = req.json()?;
    let (provider, user) = find(auth, req, &params).await?;
    // No connection is held while the hash is made; for nobody, a hash is made too.
    let fits = auth.password_fits(user.as_ref(), &params.password).await?;
    let user = user.filter(User::has_password).ok_or_else(invalid_credentials)?;
    let banned = user.is_banned(auth.clock.now());
    if banned && fits {
        return Err(Error::bad_request(Code::UserBanned, "User is banned"));
    }
    ask_hook(auth, &user, fits).await?;
    if !fits {
        return Err(invalid_credentials());
    }
    match provider {
        "email" if !user.is_confirmed() => {
            return Err(Error::bad_request(Code::EmailNotConfirmed, "Email not confirmed"));
        }
        "phone" if !user.is_phone_confirmed() => {
            return Err(Error::bad_request(Code::PhoneNotConfirmed, "Phone not confirmed"));
        }
        _ => {}
    }
    let weakness = auth.weakness(&params.password).await.unwrap_or_default();
    let tx = auth.begin().await?;
    // While the hash was made, the password may have been changed or the user banned.
    let user = unchanged(&tx, &user).await?;
    if user.is_banned(auth.clock.now()) {
        return Err(Error::bad_request(Code::UserBanned, "User is banned"));
    }
    auth.audit(&tx, req, Actor::User(&user), Action::Login, json!({"provider": provider})).await?;
    let issued = auth.open_session(&tx, user, Method::Password.into(), req).await?;
    tx.commit().await?;
    let mut body = issued.to_json();
    if !weakness.is_empty() {
        body.insert("weak_password".into(), json!({"message": weakness.message(), "reasons": weakness.reasons}));
    }
    ok(body)
}

async fn find(auth: &Auth, req: &Req, params: &Params) -> Result<(&'static str, Option<User>), Error> {
    let aud = req.audience(auth);
    if !params.email.is_empty() && !params.phone.is_empty() {
        return Err(Error::invalid("Only an email address or phone number should be provided on login."));
    }
    if !params.email.is_empty() {
        if !auth.config.email.enabled {
            return Err(Error::unprocessable(Code::EmailProviderDisabled, "Email logins are disabled"));
        }
        let tx = auth.begin().await?;
        let user = store::users::find_by_email(&tx, &params.email.to_lowercase(), &aud).await?;
        tx.commit().await?;
        return Ok(("email", user));
    }
    if params.phone.is_empty() {
        return Err(Error::invalid("missing email or phone"));
    }
    if !auth.config.phone.enabled {
        return Err(Error::unprocessable(Code::PhoneProviderDisabled, "Phone logins are disabled"));
    }
    let tx = auth.begin().await?;
    let user = store::users::find_by_phone(&tx, &contact::format_phone(&params.phone), &aud).await?;
    tx.commit().await?;
    Ok(("phone", user))
}

async fn unchanged(tx: &PlatformTx, seen: &User) -> Result<User, Error> {
    let now = store::users::lock(tx, seen.id).await?.ok_or_else(invalid_credentials)?;
    if now.encrypted_password == seen.encrypted_password { Ok(now) } else { Err(invalid_credentials()) }
}

/// `password_verification_attempt` may refuse, and end all sessions of the user.
async fn ask_hook(auth: &Auth, user: &User, fits: bool) -> Result<(), Error> {
    let point = HookPoint::PasswordVerificationAttempt;
    if !auth.has_hook(point) {
        return Ok(());
    }
    let output = auth.run_hook(None, point, &json!({"user_id": user.id, "valid": fits})).await?;
    if output.get("decision").and_then(Value::as_str) != Some("reject") {
        return Ok(());
    }
    if output.get("should_logout_user").and_then(Value::as_bool) == Some(true) {
        let tx = auth.begin().await?;
        let ended: Ended = auth.end_sessions(&tx, user.id, Which::All).await?;
        auth.commit_and_announce(tx, &ended).await?;
    }
    let message = output.get("message").and_then(Value::as_str).filter(|message| !message.is_empty());
    let message = message.unwrap_or("Further password verification attempts will be rejected.");
    Err(Error::bad_request(Code::InvalidCredentials, message.to_owned()))
}
