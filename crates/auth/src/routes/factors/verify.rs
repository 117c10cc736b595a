//! POST /factors/{id}/verify

use std::sync::Arc;

use axum::extract::{Path, State};
use pg::PlatformTx;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Auth;
use crate::audit::{Action, Actor};
use crate::config::HookPoint;
use crate::error::{Code, Error};
use crate::factors::{by_id, may_verify, not_anonymous};
use crate::limits::Limited;
use crate::model::{Factor, FactorKind};
use crate::request::Req;
use crate::routes::{Answer, ok};
use crate::sessions::Signed;
use crate::store::factors::Challenge;
use crate::store::sessions::Which;
use crate::{store, webauthn};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Params {
    challenge_id: String,
    code: String,
    webauthn: webauthn::factor::Params,
}

pub(crate) async fn verify(State(auth): State<Arc<Auth>>, Path(id): Path<String>, req: Req) -> Answer {
    auth.limit(Limited::Factor, &req)?;
    let tx = auth.begin().await?;
    let signed = auth.require_owner(&tx, &req).await?;
    not_anonymous(&signed)?;
    let factor = by_id(&signed.user.factors, &id)?;
    may_verify(&auth, factor.kind)?;
    auth.may_guess(signed.user.id)?;
    // The user before his factors and sessions, as everywhere.
    store::users::lock(&tx, signed.user.id).await?;
    let params: Params = req.json()?;
    let challenge = live_challenge(&auth, &tx, &req, factor, &params.challenge_id).await?;
    let valid = proved(&auth, &tx, factor, &challenge, &params).await?;
    let traits = json!({"factor_id": factor.id, "challenge_id": challenge.id, "factor_type": factor.kind.as_str()});
    auth.audit(&tx, &req, Actor::User(&signed.user), Action::VerificationAttempted, traits).await?;
    if let Some(rejected) = ask_hook(&auth, &tx, &signed, factor, valid).await? {
        let ended = auth.end_sessions(&tx, signed.user.id, Which::All).await?;
        auth.commit_and_announce(tx, &ended).await?;
        return Err(rejected);
    }
    if !valid {
        // The attempt stays in the audit log.
        tx.commit().await?;
        auth.count_guess(signed.user.id);
        return Err(Error::unprocessable(
            Code::MfaVerificationFailed,
            match factor.kind {
                FactorKind::Phone => "Invalid MFA Phone code entered",
                FactorKind::Totp => "Invalid TOTP code entered",
                FactorKind::WebAuthn => "Invalid WebAuthn credential",
            },
        ));
    }
    store::factors::challenge_verified(&tx, challenge.id, auth.clock.now()).await?;
    let (issued, ended) = auth.factor_proved(&tx, &req, &signed, factor).await?;
    auth.commit_and_announce(tx, &ended).await?;
    ok(issued.to_json())
}

async fn live_challenge(
    auth: &Auth,
    tx: &PlatformTx,
    req: &Req,
    factor: &Factor,
    id: &str,
) -> Result<Challenge, Error> {
    let unknown =
        || Error::unprocessable(Code::MfaFactorNotFound, "MFA factor with the provided challenge ID not found");
    let id: Uuid = id.parse().map_err(|_| Error::invalid("challenge_id must be an UUID"))?;
    let challenge = store::factors::find_challenge(tx, id, factor.id).await?.ok_or_else(unknown)?;
    if challenge.verified_at.is_some() || challenge.ip.to_canonical() != req.ip {
        return Err(Error::unprocessable(Code::MfaIpAddressMismatch, "Challenge and verify IP addresses mismatch."));
    }
    if auth.clock.now() > challenge.created_at + auth.config.mfa.challenge_expiry {
        store::factors::delete_challenge(tx, challenge.id).await?;
        return Err(Error::unprocessable(
            Code::MfaChallengeExpired,
            format!("MFA challenge {id} has expired, verify against another challenge or create a new challenge."),
        ));
    }
    Ok(challenge)
}

async fn proved(
    auth: &Auth,
    tx: &PlatformTx,
    factor: &Factor,
    challenge: &Challenge,
    params: &Params,
) -> Result<bool, Error> {
    match factor.kind {
        FactorKind::Totp => {
            let Some(secret) = store::factors::lock_secret(tx, factor.id).await? else { return Ok(false) };
            match crypto::totp::verify(&secret, &params.code, auth.clock.unix_seconds()) {
                Some(step) => Ok(store::factors::take_step(tx, factor.id, step).await?),
                None => Ok(false),
            }
        }
        FactorKind::Phone => Ok(challenge.otp_code.as_deref().is_some_and(|expected| {
            !expected.is_empty() && crypto::equal_in_constant_time(expected.as_bytes(), params.code.as_bytes())
        })),
        FactorKind::WebAuthn => webauthn::factor::proves(auth, tx, factor, challenge.id, &params.webauthn).await,
    }
}

/// `mfa_verification_attempt` may refuse: then all sessions of the user end.
async fn ask_hook(
    auth: &Auth,
    tx: &PlatformTx,
    signed: &Signed,
    factor: &Factor,
    valid: bool,
) -> Result<Option<Error>, Error> {
    let point = HookPoint::MfaVerificationAttempt;
    if !auth.has_hook(point) {
        return Ok(None);
    }
    let input = json!({
        "user_id": signed.user.id, "factor_id": factor.id, "factor_type": factor.kind.as_str(), "valid": valid,
    });
    let output = auth.run_hook(Some(tx), point, &input).await?;
    if output.get("decision").and_then(Value::as_str) != Some("reject") {
        return Ok(None);
    }
    let message = output.get("message").and_then(Value::as_str).filter(|message| !message.is_empty());
    let message = message.unwrap_or("Further MFA verification attempts will be rejected.").to_owned();
    Ok(Some(Error::forbidden(Code::MfaVerificationRejected, message)))
}
