//! POST /factors/{id}/challenge

use std::sync::Arc;

use axum::extract::{Path, State};
use pg::PlatformTx;
use serde::Deserialize;
use serde_json::json;

use crate::Auth;
use crate::audit::{Action, Actor};
use crate::error::{Code, Error};
use crate::factors::{by_id, may_verify, not_anonymous};
use crate::limits::Limited;
use crate::messages::check_channel;
use crate::model::{Factor, FactorKind, User};
use crate::request::Req;
use crate::routes::{Answer, ok};
use crate::{store, webauthn};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Params {
    channel: String,
    webauthn: webauthn::factor::Params,
}

pub(crate) async fn challenge(State(auth): State<Arc<Auth>>, Path(id): Path<String>, req: Req) -> Answer {
    auth.limit(Limited::Factor, &req)?;
    let tx = auth.begin().await?;
    let signed = auth.require_owner(&tx, &req).await?;
    not_anonymous(&signed)?;
    let factor = by_id(&signed.user.factors, &id)?;
    may_verify(&auth, factor.kind)?;
    let params: Params = req.json_or_empty()?;
    let code = match factor.kind {
        FactorKind::Totp | FactorKind::WebAuthn => None,
        FactorKind::Phone => Some(send_code(&auth, &tx, &signed.user, factor, &params.channel).await?),
    };
    let now = auth.clock.now();
    let challenge = store::factors::challenge(&tx, factor.id, req.ip, code.as_deref(), now).await?;
    let ceremony = match factor.kind {
        FactorKind::WebAuthn => {
            Some(webauthn::factor::challenge(&auth, &tx, &signed.user, factor, challenge, &params.webauthn).await?)
        }
        FactorKind::Totp | FactorKind::Phone => None,
    };
    let traits = json!({"factor_id": factor.id, "factor_status": factor.status.as_str()});
    auth.audit(&tx, &req, Actor::User(&signed.user), Action::ChallengeCreated, traits).await?;
    tx.commit().await?;
    let expires_at = (now + auth.config.mfa.challenge_expiry).unix_timestamp();
    let mut body = json!({"id": challenge, "type": factor.kind.as_str(), "expires_at": expires_at});
    if let Some(ceremony) = ceremony {
        body["webauthn"] = ceremony;
    }
    ok(body)
}

async fn send_code(auth: &Auth, tx: &PlatformTx, user: &User, factor: &Factor, channel: &str) -> Result<String, Error> {
    let mfa = &auth.config.mfa;
    check_channel(channel, &auth.config.phone.provider)?;
    // Of two requests at once the second sees what the first has sent.
    let now = store::users::lock(tx, user.id).await?;
    let now = now.as_ref().and_then(|user| user.factors.iter().find(|one| one.id == factor.id)).unwrap_or(factor);
    auth.too_soon(now.last_challenged_at, mfa.phone_max_frequency, Code::OverSmsSendRateLimit)?;
    let phone = factor.phone.as_deref().unwrap_or_default();
    if let Some(code) = auth.test_code(phone) {
        return Ok(code.to_owned());
    }
    let code = crypto::random::digits(mfa.phone_otp_length.clamp(6, 10));
    auth.send_message(tx, user, phone, &code, "mfa", channel, &mfa.phone_template).await?;
    Ok(code)
}
