//! GET /user and the usual refresh over the executor: one flight each. What is not usual takes the long way, which also knows the errors.

use std::borrow::Cow;

use bytes::Bytes;
use pg::Purpose;
use pg::exec::{Batch, Step, StepResult};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Auth;
use crate::config::HookPoint;
use crate::error::Error;
use crate::model::{Aal, AmrClaim, Object, Session, User};
use crate::request::Req;
use crate::sessions::{Issued, TOKEN_LEN};
use crate::store::one_flush::{REFRESH, USER};
use crate::store::user_document::from_document;
use crate::store::users::time_at;

fn text(value: &(impl ToString + ?Sized)) -> Option<Bytes> {
    Some(Bytes::from(value.to_string()))
}

/// A field that is a JSON object.
fn object(result: &StepResult, field: usize) -> Option<Object> {
    serde_json::from_slice(result.rows.value(field)?).ok()
}

impl Auth {
    /// The user behind the bearer token. `None`: something is unusual, look closely.
    ///
    /// # Errors
    /// A bad token, or the database's.
    pub(crate) async fn user_in_one_flush(&self, req: &Req) -> Result<Option<User>, Error> {
        let presented = self.presented(req)?;
        let Ok(user_id) = presented.text("sub").parse::<Uuid>() else { return Ok(None) };
        let session_id = match presented.claims.get("session_id") {
            None | Some(Value::Null) => None,
            Some(value) => match value.as_str().and_then(|id| id.parse::<Uuid>().ok()) {
                Some(id) => Some(id),
                None => return Ok(None),
            },
        };
        let params = vec![text(&user_id), session_id.as_ref().and_then(text)];
        let results = self.exec.run(Batch::read(Vec::new(), vec![Step::new(USER, params)])).await?;
        let user = results.first().and_then(|result| object(result, 0)).and_then(from_document);
        let usual = |user: &User| !user.is_banned(self.clock.now()) && self.audience_fits(req, &presented, user);
        Ok(user.filter(usual))
    }

    /// Trades a refresh token that was never used. `None`: something is unusual, and nothing happened.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn refresh_in_one_flush(&self, req: &Req, token: &str) -> Result<Option<Issued>, Error> {
        let rules = &self.config.sessions;
        let unusual = token.len() != TOKEN_LEN
            || rules.single_per_user
            || rules.timebox.is_some()
            || rules.inactivity_timeout.is_some()
            || rules.allow_low_aal.is_some()
            || rules.algorithm_version >= 2
            || self.has_hook(HookPoint::CustomAccessToken);
        if unusual {
            return Ok(None);
        }
        let child = crypto::random::alphanumeric(TOKEN_LEN);
        let params = vec![
            text(token),
            text(&crate::wire::timestamp(self.clock.now())),
            text(&child),
            req.user_agent().and_then(text),
            text(&req.ip),
            text(&self.config.audit_to_database),
        ];
        let role = self.db.role_of(Purpose::Auth).unwrap_or("none");
        let settings = vec![(Cow::Borrowed("role"), Bytes::from_static(role.as_bytes()))];
        let results = self.exec.run(Batch::write(settings, vec![Step::new(REFRESH, params)])).await?;
        let Some(result) = results.first().filter(|result| !result.rows.is_empty()) else { return Ok(None) };
        let broken = || Error::internal("Unexpected failure", anyhow::anyhow!("a refresh answered with an odd row"));
        let user = object(result, 0).and_then(from_document).ok_or_else(broken)?;
        let session = object(result, 1).and_then(|o| session(&o, user.id)).ok_or_else(broken)?;
        let access = self.sign_access_token(&user, &session)?;
        Ok(Some(Issued { access, refresh_token: child, session_id: session.id, user }))
    }
}

fn session(o: &Object, user_id: Uuid) -> Option<Session> {
    let claim = |claim: &Value| {
        let claim = claim.as_object()?;
        Some(AmrClaim { method: claim.get("method")?.as_str()?.to_owned(), at: time_at(claim, "at")? })
    };
    Some(Session {
        id: o.get("id")?.as_str()?.parse().ok()?,
        user_id,
        created_at: time_at(o, "created_at").unwrap_or(OffsetDateTime::UNIX_EPOCH),
        aal: Aal::parse(o.get("aal").and_then(Value::as_str).unwrap_or_default()),
        not_after: None,
        refreshed_at: None,
        tag: None,
        oauth_client_id: None,
        scopes: None,
        hmac_key: None,
        counter: None,
        amr: o
            .get("amr")
            .and_then(Value::as_array)
            .map(|all| all.iter().filter_map(claim).collect())
            .unwrap_or_default(),
    })
}
