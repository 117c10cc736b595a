//! Access tokens: GoTrue's claims in GoTrue's order, and what a presented one says.

use std::sync::atomic::Ordering;

use crypto::jwt::{ClaimRules, VerifyError};
use pg::PlatformTx;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Auth;
use crate::config::HookPoint;
use crate::error::{Code, Error};
use crate::model::{Method, Object, Session, User};
use crate::request::Req;
use crate::rules;

/// Seconds that the clock of another server, or ours before it was set, may be ahead of ours; as for rows.
const SKEW_SECONDS: i64 = 30;

/// Whatever a hook says: nobody remembers an ended session for longer.
const LONGEST_LIFE_SECONDS: i64 = 10 * 365 * 86_400;

/// Claims that a hook may change but not drop.
const REQUIRED_CLAIMS: [&str; 10] =
    ["aud", "exp", "iat", "sub", "email", "phone", "role", "aal", "session_id", "is_anonymous"];

/// A signed access token.
pub(crate) struct AccessToken {
    pub token: String,
    /// Seconds it lives.
    pub expires_in: i64,
    /// Unix seconds.
    pub expires_at: i64,
}

/// A verified access token of a client.
#[derive(Debug, Clone)]
pub(crate) struct Presented {
    pub claims: Object,
}

impl Presented {
    pub fn text(&self, name: &str) -> &str {
        self.claims.get(name).and_then(Value::as_str).unwrap_or("")
    }

    pub fn role(&self) -> &str {
        self.text("role")
    }
}

impl Auth {
    /// Reads the bearer token: signature, times.
    ///
    /// # Errors
    /// 401 `no_authorization` without one, 403 `bad_jwt` with a bad one.
    pub(crate) fn presented(&self, req: &Req) -> Result<Presented, Error> {
        let token = req.bearer()?;
        let bad = |error: &VerifyError| {
            Error::forbidden(
                Code::BadJwt,
                format!("invalid JWT: unable to parse or verify signature, {}", error.gotrue()),
            )
        };
        let verified = self.keys().verify_signature(token).map_err(|e| bad(&e))?;
        let now = self.clock.unix_seconds();
        let check = |skew_seconds| verified.check(now, ClaimRules { skew_seconds, audience: None });
        match check(0) {
            // It is not over yet (that is judged first): only whether it began may be another clock's word.
            Err(VerifyError::NotYetValid | VerifyError::IssuedInFuture) => check(SKEW_SECONDS),
            judged => judged,
        }
        .map_err(|e| bad(&e))?;
        if !verified.claims.contains_key("exp") {
            return Err(Error::forbidden(
                Code::BadJwt,
                "invalid JWT: unable to parse or verify signature, token has invalid claims: exp is required",
            ));
        }
        Ok(Presented { claims: verified.claims })
    }

    /// The bearer token, which must be an admin's.
    ///
    /// # Errors
    /// 401, 403 `bad_jwt`, 403 `not_admin`.
    pub(crate) fn require_admin(&self, req: &Req) -> Result<Presented, Error> {
        let presented = self.presented(req)?;
        if self.config.jwt.admin_roles.iter().any(|role| role == presented.role()) {
            // A user may have such a role: his token ends with his session, here as elsewhere.
            let session = presented.text("session_id").parse().ok();
            if session.is_some_and(|session| self.revocations.is_revoked(session)) {
                return Err(Error::forbidden(
                    Code::SessionNotFound,
                    "Session from session_id claim in JWT does not exist",
                ));
            }
            return Ok(presented);
        }
        Err(Error::forbidden(Code::NotAdmin, "User not allowed"))
    }

    /// Signs an access token for a session, after the hook has seen its claims.
    ///
    /// # Errors
    /// The hook's, or 500.
    pub(crate) async fn access_token(
        &self,
        tx: &PlatformTx,
        user: &User,
        session: &Session,
        method: &str,
    ) -> Result<AccessToken, Error> {
        if !self.has_hook(HookPoint::CustomAccessToken) {
            return self.sign_access_token(user, session);
        }
        let now = self.clock.unix_seconds();
        let expires_at = now + self.config.jwt.exp_seconds;
        let claims = self.claims(user, session, now, expires_at);
        let claims = {
            let input = json!({
                "metadata": crate::hooks::metadata(HookPoint::CustomAccessToken, None, self.clock.now()),
                "user_id": user.id, "claims": claims, "authentication_method": method,
            });
            hooked_claims(self.run_hook(Some(tx), HookPoint::CustomAccessToken, &input).await?)?
        };
        let expires_at = claims.get("exp").and_then(Value::as_i64).unwrap_or(expires_at);
        self.sign(&claims, now, expires_at)
    }

    /// Signs an access token for a session; for where no hook has a say.
    ///
    /// # Errors
    /// 500 where no key can sign.
    pub(crate) fn sign_access_token(&self, user: &User, session: &Session) -> Result<AccessToken, Error> {
        let now = self.clock.unix_seconds();
        let expires_at = now + self.config.jwt.exp_seconds;
        self.sign(&self.claims(user, session, now, expires_at), now, expires_at)
    }

    fn sign(&self, claims: &Object, now: i64, expires_at: i64) -> Result<AccessToken, Error> {
        let token =
            self.keys().sign(claims).map_err(|e| Error::internal("error generating jwt token", anyhow::anyhow!(e)))?;
        self.longest_life.fetch_max(expires_at.saturating_sub(now).min(LONGEST_LIFE_SECONDS), Ordering::Relaxed);
        Ok(AccessToken { token, expires_in: expires_at - now, expires_at })
    }

    fn claims(&self, user: &User, session: &Session, now: i64, expires_at: i64) -> Object {
        let mut claims = Object::new();
        if !self.config.jwt.issuer.is_empty() {
            claims.insert("iss".into(), json!(self.config.jwt.issuer));
        }
        claims.insert("sub".into(), json!(user.id));
        claims.insert("aud".into(), json!(user.aud));
        claims.insert("exp".into(), json!(expires_at));
        claims.insert("iat".into(), json!(now));
        claims.insert("email".into(), json!(user.email()));
        claims.insert("phone".into(), json!(user.phone()));
        claims.insert("app_metadata".into(), Value::Object(user.app_metadata.clone()));
        claims.insert("user_metadata".into(), Value::Object(user.user_metadata.clone()));
        claims.insert("role".into(), json!(user.role));
        claims.insert("aal".into(), json!(rules::session::aal_of(&session.amr).max(session.aal).as_str()));
        claims.insert("amr".into(), amr(user, session));
        claims.insert("session_id".into(), json!(session.id));
        claims.insert("is_anonymous".into(), json!(user.is_anonymous));
        if let Some(client) = session.oauth_client_id {
            claims.insert("client_id".into(), json!(client));
            claims.insert("scope".into(), json!(session.scopes.as_deref().unwrap_or("")));
        }
        claims
    }

    /// Unix seconds after which no access token that was signed until now can be alive.
    pub(crate) fn last_exp(&self) -> i64 {
        // A hook may have made them live longer than the settings say.
        let life = self.longest_life.load(Ordering::Relaxed).max(self.config.jwt.exp_seconds);
        self.clock.unix_seconds().saturating_add(life)
    }
}

fn amr(user: &User, session: &Session) -> Value {
    let entry = |claim: crate::model::AmrClaim| {
        let mut entry = Object::new();
        let sso = claim.method == Method::SsoSaml.as_str();
        entry.insert("method".into(), json!(claim.method));
        entry.insert("timestamp".into(), json!(claim.at.unix_timestamp()));
        let provider = user.identities.iter().find_map(|identity| identity.provider.strip_prefix("sso:"));
        if let (true, Some(provider)) = (sso, provider) {
            entry.insert("provider".into(), json!(provider));
        }
        Value::Object(entry)
    };
    rules::session::amr(&session.amr).into_iter().map(entry).collect()
}

fn hooked_claims(mut output: Object) -> Result<Object, Error> {
    let wrong =
        |text: String| Error::internal("output claims do not conform to the expected schema", anyhow::anyhow!(text));
    let Some(Value::Object(claims)) = output.remove("claims") else {
        return Err(wrong("the custom_access_token hook gave no claims".to_owned()));
    };
    for name in REQUIRED_CLAIMS {
        if !claims.contains_key(name) {
            return Err(wrong(format!("the custom_access_token hook dropped the claim {name:?}")));
        }
    }
    let is_text = |name: &str| claims.get(name).is_some_and(Value::is_string);
    let sane = ["sub", "role", "aal", "session_id"].into_iter().all(is_text)
        && claims.get("exp").is_some_and(Value::is_number)
        && claims.get("is_anonymous").is_some_and(Value::is_boolean)
        && claims.get("session_id").and_then(Value::as_str).is_some_and(|id| id.parse::<Uuid>().is_ok());
    if sane { Ok(claims) } else { Err(wrong("the custom_access_token hook changed the type of a claim".to_owned())) }
}
