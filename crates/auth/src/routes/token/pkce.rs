use serde::Deserialize;
use serde_json::json;

use crate::Auth;
use crate::audit::{Action, Actor};
use crate::error::{Code, Error};
use crate::model::Method;
use crate::request::Req;
use crate::routes::{Answer, ok};
use crate::rules::pkce;
use crate::sessions::Opening;
use crate::store;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Params {
    auth_code: String,
    code_verifier: String,
}

pub(super) async fn grant(auth: &Auth, req: &Req) -> Answer {
    let params: Params = req.json()?;
    if params.auth_code.is_empty() || params.code_verifier.is_empty() {
        return Err(Error::invalid("invalid request: both auth code and code verifier should be non-empty"));
    }
    let tx = auth.begin().await?;
    let missing = || Error::not_found(Code::FlowStateNotFound, "invalid flow state, no valid flow state found");
    let flow = store::flow_state::by_code(&tx, &params.auth_code).await?.ok_or_else(missing)?;
    let method = Method::parse(&flow.authentication_method).unwrap_or(Method::OAuth);
    // A magic link may lie in a mailbox for a while: its code lives from when it was issued.
    let since = match method {
        Method::MagicLink => flow.auth_code_issued_at.unwrap_or(flow.created_at),
        _ => flow.created_at,
    };
    if auth.clock.now() > since + auth.config.flow_state_expiry {
        return Err(Error::unprocessable(Code::FlowStateExpired, "invalid flow state, flow state has expired"));
    }
    // A code that no browser got is no code.
    let user_id = flow.user_id.filter(|_| flow.auth_code_issued_at.is_some()).ok_or_else(missing)?;
    let challenge = flow.code_challenge.as_deref().unwrap_or_default();
    let challenge_method = flow.code_challenge_method.as_deref().unwrap_or_default();
    pkce::verify(challenge, challenge_method, &params.code_verifier)?;
    let user = store::users::find(&tx, user_id).await?.ok_or_else(missing)?;
    if user.is_banned(auth.clock.now()) {
        return Err(Error::forbidden(Code::UserBanned, "User is banned"));
    }
    let traits = json!({"provider_type": flow.provider_type});
    auth.audit(&tx, req, Actor::User(&user), Action::Login, traits).await?;
    let not_after = store::sso::session_end(&tx, flow.id).await?;
    let issued = auth.open_session(&tx, user, Opening { not_after, ..method.into() }, req).await?;
    store::flow_state::delete(&tx, flow.id).await?;
    tx.commit().await?;
    let mut body = issued.to_json();
    let tokens =
        [("provider_token", flow.provider_access_token), ("provider_refresh_token", flow.provider_refresh_token)];
    for (key, token) in tokens {
        if let Some(token) = token.filter(|token| !token.is_empty()) {
            body.insert(key.into(), json!(token));
        }
    }
    ok(body)
}
