//! GET and PUT /user.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use http::StatusCode;
use pg::PlatformTx;
use pg::tokio_postgres::types::Json;
use serde::Deserialize;
use serde_json::{Value, json};

use super::reauthenticate::nonce_fits;
use super::{Answer, ok};
use crate::Auth;
use crate::audit::{Action, Actor};
use crate::error::{Code, Error};
use crate::letters::LetterKind;
use crate::limits::Limited;
use crate::messages::check_channel;
use crate::model::{Object, OtpKind, User};
use crate::request::Req;
use crate::rules::pkce::Challenge;
use crate::rules::{contact, pkce, session};
use crate::sessions::{Ended, Signed};
use crate::store::sessions::Which;
use crate::store::users::{Changes, metadata_changes};
use crate::users::contact_identity;
use crate::{store, wire};

pub(crate) mod email;

/// A session older than this needs a nonce to change the password, where the settings ask for that.
const FRESH: Duration = Duration::from_secs(24 * 3600);

pub(crate) async fn get(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    if let Some(user) = auth.user_in_one_flush(&req).await? {
        return ok(wire::user(&user));
    }
    let tx = auth.begin().await?;
    let signed = auth.require_user(&tx, &req).await?;
    tx.commit().await?;
    ok(wire::user(&signed.user))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Params {
    email: String,
    phone: String,
    password: Option<String>,
    current_password: Option<String>,
    nonce: String,
    data: Option<Object>,
    app_metadata: Option<Object>,
    channel: String,
    code_challenge: String,
    code_challenge_method: String,
}

/// An update whose fields are in order.
struct Update {
    email: Option<String>,
    phone: Option<String>,
    /// A new password and its hash; the hash is none where the user keeps his.
    hash: Option<String>,
    nonce: String,
    data: Option<Object>,
    app_metadata: Option<Object>,
    channel: String,
    challenge: Option<Challenge>,
}

pub(crate) async fn update(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    auth.limit(Limited::UserUpdate, &req)?;
    let tx = auth.begin().await?;
    let signed = auth.require_owner(&tx, &req).await?;
    tx.commit().await?;
    let params: Params = req.json()?;
    let update = check(&auth, &signed, params).await?;
    if update.hash.is_some() {
        check_nonce(&auth, &signed, &update.nonce).await?;
    }
    let tx = auth.begin().await?;
    // Of two changes of the password at once, the second finds that the first has ended its session.
    store::users::lock(&tx, signed.user.id).await?;
    let signed = auth.require_owner(&tx, &req).await?;
    let ended = apply(&auth, &tx, &req, &signed, update).await?;
    let user = auth.reload(&tx, signed.user.id).await?;
    auth.commit_and_announce(tx, &ended).await?;
    ok(wire::user(&user))
}

/// What can be refused before anything is written; the hash is made here, without a connection.
async fn check(auth: &Auth, signed: &Signed, params: Params) -> Result<Update, Error> {
    let user = &signed.user;
    let challenge = pkce::challenge(&params.code_challenge, &params.code_challenge_method)?;
    let email = (!params.email.is_empty()).then(|| contact::email(&params.email)).transpose()?;
    let phone = (!params.phone.is_empty()).then(|| contact::phone(&params.phone)).transpose()?;
    if phone.is_some() {
        check_channel(&params.channel, &auth.config.phone.provider)?;
    }
    if params.app_metadata.is_some() && !auth.config.jwt.admin_roles.iter().any(|role| role == signed.presented.role())
    {
        return Err(Error::forbidden(Code::NotAdmin, "Updating app_metadata requires admin privileges"));
    }
    let email = email.filter(|email| *email != user.email().to_lowercase());
    let phone = phone.filter(|phone| *phone != user.phone());
    let sso_fields = params.password.is_some() || email.is_some() || phone.is_some() || !params.nonce.is_empty();
    if user.is_sso_user && sso_fields {
        return Err(Error::unprocessable(
            Code::UserSsoManaged,
            "Updating email, phone, password of a SSO account only possible via SSO",
        ));
    }
    if user.is_anonymous && params.password.as_deref().is_some_and(|p| !p.is_empty()) && user.email().is_empty() {
        return Err(Error::unprocessable(
            Code::ValidationFailed,
            "Updating password of an anonymous user without an email or phone is not allowed",
        ));
    }
    let hash = match &params.password {
        Some(password) => new_hash(auth, signed, password, params.current_password.as_deref()).await?,
        None => None,
    };
    Ok(Update {
        email,
        phone,
        hash,
        nonce: params.nonce,
        data: params.data,
        app_metadata: params.app_metadata,
        channel: params.channel,
        challenge,
    })
}

async fn new_hash(
    auth: &Auth,
    signed: &Signed,
    password: &str,
    current: Option<&str>,
) -> Result<Option<String>, Error> {
    let user = &signed.user;
    auth.check_password(password).await?;
    if auth.is_low(signed) {
        return Err(Error::new(
            StatusCode::UNAUTHORIZED,
            Code::InsufficientAal,
            "AAL2 session is required to update email or password when MFA is enabled.",
        ));
    }
    let by_code = signed.session.as_ref().is_some_and(|s| session::came_by_code(&s.amr));
    if auth.config.password.require_current && user.has_password() && !by_code {
        let Some(current) = current.filter(|current| !current.is_empty()) else {
            return Err(Error::bad_request(
                Code::CurrentPasswordRequired,
                "Current password required when setting new password.",
            ));
        };
        if !auth.password_fits(Some(user), current).await? {
            return Err(Error::bad_request(Code::CurrentPasswordInvalid, "Current password is invalid."));
        }
    }
    if user.has_password() && auth.password_fits(Some(user), password).await? {
        return Err(Error::unprocessable(
            Code::SamePassword,
            "New password should be different from the old password.",
        ));
    }
    auth.hash_password(password).await.map(Some)
}

async fn apply(auth: &Auth, tx: &PlatformTx, req: &Req, signed: &Signed, update: Update) -> Result<Ended, Error> {
    let user = &signed.user;
    if (update.email.is_some() || update.phone.is_some()) && auth.is_low(signed) {
        return Err(Error::new(
            StatusCode::UNAUTHORIZED,
            Code::InsufficientAal,
            "AAL2 session is required to update email or password when MFA is enabled.",
        ));
    }
    let mut ended = Ended::default();
    if let Some(hash) = &update.hash {
        auth.set_password(tx, user.id, hash).await?;
        auth.audit(tx, req, Actor::User(user), Action::UserUpdatedPassword, Value::Null).await?;
        let others = signed.session.as_ref().map_or(Which::All, |session| Which::Except(session.id));
        ended = auth.end_sessions(tx, user.id, others).await?;
        auth.notify(tx, user, LetterKind::PasswordChanged, &[]).await?;
    }
    metadata(auth, tx, user, update.data, update.app_metadata).await?;
    if let Some(email) = &update.email {
        email::change(auth, tx, req, user, email, update.challenge).await?;
    }
    if let Some(phone) = &update.phone {
        change_phone(auth, tx, user, phone, &update.channel).await?;
    }
    auth.audit(tx, req, Actor::User(user), Action::UserModified, Value::Null).await?;
    Ok(ended)
}

async fn metadata(
    auth: &Auth,
    tx: &PlatformTx,
    user: &User,
    data: Option<Object>,
    app_metadata: Option<Object>,
) -> Result<(), Error> {
    let data = data.map(metadata_changes);
    let app = app_metadata.map(metadata_changes);
    let mut changes = Changes::new();
    if let Some((set, remove)) = &data {
        changes = changes.merge("raw_user_meta_data", set, remove);
    }
    if let Some((set, remove)) = &app {
        changes = changes.merge("raw_app_meta_data", set, remove);
    }
    if changes.is_empty() {
        return Ok(());
    }
    let now = auth.clock.now();
    changes.apply(tx, user.id, now).await.map_err(|e| Error::saving("Error updating user", e))
}

/// `UPDATE_PASSWORD_REQUIRE_REAUTHENTICATION`: a session older than a day shows the nonce that was sent to the user.
/// In a transaction of its own: a wrong nonce is counted although the request is refused.
async fn check_nonce(auth: &Auth, signed: &Signed, nonce: &str) -> Result<(), Error> {
    if !auth.config.password.require_reauthentication {
        return Ok(());
    }
    let now = auth.clock.now();
    if signed.session.as_ref().is_some_and(|session| now < session.created_at + FRESH) {
        return Ok(());
    }
    if nonce.is_empty() {
        return Err(Error::bad_request(Code::ReauthenticationNeeded, "Password update requires reauthentication"));
    }
    let tx = auth.begin().await?;
    let user = store::users::lock(&tx, signed.user.id).await?;
    let fits = match &user {
        Some(user) => nonce_fits(auth, &tx, user, nonce).await?,
        None => false,
    };
    tx.commit().await?;
    if fits {
        return Ok(());
    }
    Err(Error::unprocessable(Code::ReauthenticationNotValid, "Nonce has expired or is invalid"))
}

async fn change_phone(auth: &Auth, tx: &PlatformTx, user: &User, phone: &str, channel: &str) -> Result<(), Error> {
    if !auth.config.phone.enabled {
        return Err(Error::bad_request(Code::PhoneProviderDisabled, "Phone logins are disabled"));
    }
    let taken = store::users::find_by_phone(tx, phone, &user.aud).await?.is_some_and(|other| other.id != user.id);
    if taken {
        return Err(Error::unprocessable(
            Code::PhoneExists,
            "A user with this phone number has already been registered",
        ));
    }
    let now = auth.clock.now();
    let saving = |e| Error::saving("Error updating user", e);
    if !auth.config.phone.autoconfirm {
        Changes::new().set("phone_change", &phone).apply(tx, user.id, now).await.map_err(saving)?;
        return auth.send_phone_code(tx, user, phone, OtpKind::PhoneChange, channel).await;
    }
    Changes::new()
        .set("phone", &phone)
        .set("phone_change", &"")
        .set("phone_confirmed_at", &now)
        .set("is_anonymous", &false)
        .apply(tx, user.id, now)
        .await
        .map_err(super::verify::taken)?;
    phone_identity(auth, tx, user, phone).await
}

/// The identity of a number that was just confirmed.
pub(crate) async fn phone_identity(auth: &Auth, tx: &PlatformTx, user: &User, phone: &str) -> Result<(), Error> {
    match user.identity("phone") {
        Some(identity) => {
            let data = crate::users::object(json!({"phone": phone, "phone_verified": true}));
            store::identities::merge_data(tx, identity.id, &data, auth.clock.now()).await?;
        }
        None => {
            let data = contact_identity(user.id, ("phone", phone), true, &Object::new());
            auth.insert_contact_identity(tx, user.id, "phone", &data).await?;
        }
    }
    auth.refresh_providers(tx, user.id).await
}

/// The identity of an address that was just confirmed.
pub(crate) async fn email_identity(auth: &Auth, tx: &PlatformTx, user: &User, email: &str) -> Result<(), Error> {
    match user.identity("email") {
        Some(identity) => {
            let data = crate::users::object(json!({"email": email, "email_verified": true}));
            store::identities::merge_data(tx, identity.id, &data, auth.clock.now()).await?;
        }
        None => {
            let data = contact_identity(user.id, ("email", email), true, &Object::new());
            auth.insert_contact_identity(tx, user.id, "email", &data).await?;
        }
    }
    let set = Json(crate::users::object(json!({"email": email, "email_verified": true, "sub": user.id})));
    let nothing = Vec::new();
    let now = auth.clock.now();
    Changes::new()
        .merge("raw_user_meta_data", &set, &nothing)
        .apply(tx, user.id, now)
        .await
        .map_err(|e| Error::saving("Error updating user", e))?;
    auth.refresh_providers(tx, user.id).await
}
