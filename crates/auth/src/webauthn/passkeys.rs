//! /passkeys: credentials that sign in by themselves.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::ceremony::{self, Owner, RelyingParty};
use crate::Auth;
use crate::audit::{Action, Actor};
use crate::error::{Code, Error};
use crate::factors::not_anonymous;
use crate::limits::Limited;
use crate::model::Method;
use crate::request::Req;
use crate::routes::{Answer, ok};
use crate::store::webauthn::{self, NewPasskey, Passkey};
use crate::wire::timestamp;

/// Passkeys of a user.
const MAX_PASSKEYS: usize = 10;
/// Characters of a name.
const NAME_MAX: usize = 120;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Response {
    challenge_id: String,
    credential: Value,
}

impl Response {
    fn challenge_id(&self) -> Result<Uuid, Error> {
        self.challenge_id.parse().map_err(|_| Error::invalid("challenge_id must be a valid UUID"))
    }
}

fn relying_party(auth: &Auth) -> Result<RelyingParty, Error> {
    let settings = &auth.config.webauthn;
    if !settings.passkeys_enabled || settings.rp_id.is_empty() {
        return Err(Error::not_found(Code::PasskeyDisabled, "Passkeys are disabled"));
    }
    let name = if settings.rp_display_name.is_empty() { &settings.rp_id } else { &settings.rp_display_name };
    Ok(RelyingParty { id: settings.rp_id.clone(), name: name.clone(), origins: settings.rp_origins.clone() })
}

fn not_found() -> Error {
    Error::bad_request(Code::WebauthnChallengeNotFound, "WebAuthn challenge not found")
}

fn failed(reason: &str) -> Error {
    tracing::debug!(target: "auth", reason, "a WebAuthn credential is refused");
    Error::bad_request(Code::WebauthnVerificationFailed, "Credential verification failed")
}

pub(super) async fn registration_options(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    let rp = relying_party(&auth)?;
    let tx = auth.begin().await?;
    let signed = auth.require_owner(&tx, &req).await?;
    not_anonymous(&signed)?;
    let user = &signed.user;
    if user.is_sso_user {
        return Err(Error::unprocessable(Code::UserSsoManaged, "Passkeys are not available to SSO users"));
    }
    let known = webauthn::of_user(&tx, user.id).await?;
    too_many(&known)?;
    let exclude: Vec<Vec<u8>> = known.into_iter().map(|passkey| passkey.credential_id).collect();
    let challenge = crypto::random::base64url::<32>();
    let name = if user.email().is_empty() { user.phone() } else { user.email() };
    let full_name = user.user_metadata.get("full_name").or_else(|| user.user_metadata.get("name"));
    let display_name = full_name.and_then(Value::as_str).filter(|name| !name.is_empty()).unwrap_or(name);
    let owner = Owner { id: user.id.as_bytes(), name, display_name };
    let options = ceremony::creation_options(&rp, &challenge, &owner, &exclude, true);
    let body = begun(&auth, &tx, Some(user.id), "registration", &challenge, options).await?;
    tx.commit().await?;
    ok(body)
}

async fn begun(
    auth: &Auth,
    tx: &pg::PlatformTx,
    user_id: Option<Uuid>,
    kind: &str,
    challenge: &str,
    options: Value,
) -> Result<Value, Error> {
    let now = auth.clock.now();
    let expires_at = now + auth.config.mfa.challenge_expiry;
    let id = webauthn::put_challenge(tx, user_id, kind, &json!({"challenge": challenge}), now, expires_at).await?;
    Ok(json!({"challenge_id": id, "options": options, "expires_at": expires_at.unix_timestamp()}))
}

/// The challenge of a response, used up by it.
async fn take(
    auth: &Auth,
    tx: &pg::PlatformTx,
    response: &Response,
    kind: &str,
    user_id: Option<Uuid>,
) -> Result<String, Error> {
    let taken = webauthn::take_challenge(tx, response.challenge_id()?, kind, user_id).await?;
    let (data, expires_at) = taken.ok_or_else(not_found)?;
    if auth.clock.now() > expires_at {
        return Err(Error::bad_request(Code::WebauthnChallengeExpired, "WebAuthn challenge has expired"));
    }
    data["challenge"].as_str().map(str::to_owned).ok_or_else(not_found)
}

fn too_many(known: &[Passkey]) -> Result<(), Error> {
    if known.len() < MAX_PASSKEYS {
        return Ok(());
    }
    Err(Error::unprocessable(Code::TooManyPasskeys, "Maximum number of passkeys reached"))
}

pub(super) async fn registration_verify(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    let rp = relying_party(&auth)?;
    let tx = auth.begin().await?;
    let signed = auth.require_owner(&tx, &req).await?;
    not_anonymous(&signed)?;
    let response: Response = req.json()?;
    let user = &signed.user;
    let challenge = take(&auth, &tx, &response, "registration", Some(user.id)).await?;
    let created = match ceremony::verify_creation(&rp, &challenge, &response.credential) {
        Ok(created) => created,
        Err(reason) => {
            // The challenge is used up by the attempt.
            tx.commit().await?;
            return Err(failed(reason));
        }
    };
    too_many(&webauthn::of_user(&tx, user.id).await?)?;
    let new = NewPasskey {
        user_id: user.id,
        credential_id: &created.id,
        public_key: &created.public_key,
        attestation_type: &created.format,
        aaguid: Uuid::from_bytes(created.aaguid),
        sign_count: i64::from(created.sign_count),
        transports: &created.transports,
        backup_eligible: created.backup_eligible,
        backed_up: created.backed_up,
    };
    let now = auth.clock.now();
    let id = webauthn::insert(&tx, &new, now).await.map_err(|error| {
        match error.violates("webauthn_credentials_credential_id_key") {
            true => Error::unprocessable(Code::WebauthnCredentialExists, "Credential is already registered"),
            false => Error::Database(error),
        }
    })?;
    auth.audit(&tx, &req, Actor::User(user), Action::PasskeyCreated, json!({"passkey_id": id})).await?;
    tx.commit().await?;
    ok(json!({"id": id, "friendly_name": "", "created_at": timestamp(now)}))
}

pub(super) async fn authentication_options(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    auth.limit(Limited::Passkey, &req)?;
    let rp = relying_party(&auth)?;
    auth.check_captcha(&req).await?;
    let challenge = crypto::random::base64url::<32>();
    // No list of credentials: whoever asks would learn who has one.
    let options = ceremony::request_options(&rp, &challenge, &[]);
    let tx = auth.begin().await?;
    let body = begun(&auth, &tx, None, "authentication", &challenge, options).await?;
    tx.commit().await?;
    ok(body)
}

pub(super) async fn authentication_verify(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    auth.limit(Limited::Passkey, &req)?;
    let rp = relying_party(&auth)?;
    let response: Response = req.json()?;
    let tx = auth.begin().await?;
    let challenge = take(&auth, &tx, &response, "authentication", None).await?;
    let proved = prove(&tx, &rp, &challenge, &response.credential).await?;
    let (passkey, proved) = match proved {
        Ok(proved) => proved,
        Err(reason) => {
            tx.commit().await?;
            return Err(failed(reason));
        }
    };
    let user = auth.reload(&tx, passkey.user_id).await?;
    if user.is_banned(auth.clock.now()) {
        return Err(Error::forbidden(Code::UserBanned, "User is banned"));
    }
    let sign_count = i64::from(proved.sign_count);
    webauthn::used(&tx, passkey.id, sign_count, proved.backed_up, auth.clock.now()).await?;
    auth.audit(&tx, &req, Actor::User(&user), Action::Login, json!({"provider": "passkey"})).await?;
    let issued = auth.open_session(&tx, user, Method::Passkey.into(), &req).await?;
    tx.commit().await?;
    ok(issued.to_json())
}

/// The outer error is ours, the inner one the client's.
async fn prove(
    tx: &pg::PlatformTx,
    rp: &RelyingParty,
    challenge: &str,
    credential: &Value,
) -> Result<Result<(Passkey, ceremony::Proved), &'static str>, Error> {
    let id = match ceremony::bytes(&credential["rawId"]) {
        Ok(id) => id,
        Err(reason) => return Ok(Err(reason)),
    };
    let Some(passkey) = webauthn::by_credential(tx, &id).await? else { return Ok(Err("the credential is unknown")) };
    // A discoverable credential says whose it is.
    match ceremony::bytes(&credential["response"]["userHandle"]) {
        Ok(owner) if owner == passkey.user_id.as_bytes() => {}
        _ => return Ok(Err("the credential is of another user")),
    }
    let count = u32::try_from(passkey.sign_count).unwrap_or(u32::MAX);
    let proved = ceremony::verify_assertion(rp, challenge, credential, &passkey.public_key, count);
    Ok(proved.map(|proved| (passkey, proved)))
}

pub(super) async fn list(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    relying_party(&auth)?;
    let tx = auth.begin().await?;
    let signed = auth.require_owner(&tx, &req).await?;
    let all = webauthn::of_user(&tx, signed.user.id).await?;
    tx.commit().await?;
    ok(all.iter().map(wire).collect::<Vec<_>>())
}

fn wire(passkey: &Passkey) -> Value {
    let mut out =
        json!({"id": passkey.id, "friendly_name": passkey.friendly_name, "created_at": timestamp(passkey.created_at)});
    if let Some(at) = passkey.last_used_at {
        out["last_used_at"] = json!(timestamp(at));
    }
    out
}

fn unknown() -> Error {
    Error::not_found(Code::ValidationFailed, "Passkey not found")
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Naming {
    friendly_name: String,
}

pub(super) async fn rename(State(auth): State<Arc<Auth>>, Path(id): Path<String>, req: Req) -> Answer {
    relying_party(&auth)?;
    let tx = auth.begin().await?;
    let signed = auth.require_owner(&tx, &req).await?;
    let id: Uuid = id.parse().map_err(|_| unknown())?;
    let naming: Naming = req.json()?;
    let name = naming.friendly_name.trim();
    if name.is_empty() || name.chars().count() > NAME_MAX {
        return Err(Error::invalid(format!("friendly_name must have 1 to {NAME_MAX} characters")));
    }
    if !webauthn::rename(&tx, id, signed.user.id, name, auth.clock.now()).await? {
        return Err(unknown());
    }
    let all = webauthn::of_user(&tx, signed.user.id).await?;
    tx.commit().await?;
    ok(all.iter().find(|passkey| passkey.id == id).map(wire).ok_or_else(unknown)?)
}

pub(super) async fn remove(State(auth): State<Arc<Auth>>, Path(id): Path<String>, req: Req) -> Answer {
    relying_party(&auth)?;
    let tx = auth.begin().await?;
    let signed = auth.require_owner(&tx, &req).await?;
    let id: Uuid = id.parse().map_err(|_| unknown())?;
    if !webauthn::delete(&tx, id, signed.user.id).await? {
        return Err(unknown());
    }
    auth.audit(&tx, &req, Actor::User(&signed.user), Action::PasskeyDeleted, json!({"passkey_id": id})).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn admin_list(State(auth): State<Arc<Auth>>, Path(id): Path<String>, req: Req) -> Answer {
    auth.require_admin(&req)?;
    relying_party(&auth)?;
    let tx = auth.begin().await?;
    let user = crate::routes::user_of_path(&auth, &tx, &id).await?;
    let all = webauthn::of_user(&tx, user.id).await?;
    tx.commit().await?;
    ok(all.iter().map(wire).collect::<Vec<_>>())
}

pub(super) async fn admin_remove(
    State(auth): State<Arc<Auth>>,
    Path((id, passkey)): Path<(String, String)>,
    req: Req,
) -> Answer {
    let admin = auth.require_admin(&req)?;
    relying_party(&auth)?;
    let tx = auth.begin().await?;
    let user = crate::routes::user_of_path(&auth, &tx, &id).await?;
    let passkey: Uuid = passkey.parse().map_err(|_| unknown())?;
    if !webauthn::delete(&tx, passkey, user.id).await? {
        return Err(unknown());
    }
    let traits = json!({"user_id": user.id, "passkey_id": passkey});
    auth.audit(&tx, &req, Actor::Admin(admin.role()), Action::PasskeyDeleted, traits).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
