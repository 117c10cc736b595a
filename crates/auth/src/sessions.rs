//! Sessions: opened by a grant, kept by refresh, ended by sign-out; and who stands behind a bearer token.

use http::StatusCode;
use pg::PlatformTx;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Auth;
use crate::config::HookPoint;
use crate::error::{Code, Error};
use crate::model::{Aal, Method, Object, Session, User};
use crate::request::Req;
use crate::store::sessions::{NewSession, Which};
use crate::store::{self};
use crate::tokens::{AccessToken, Presented};
use crate::{rules, wire};

mod counted;
mod refresh;

pub(crate) use counted::CountedToken;

/// Letters and digits of a version 1 refresh token.
pub(crate) const TOKEN_LEN: usize = 12;

/// What a client gets when it signs in or refreshes.
pub(crate) struct Issued {
    pub access: AccessToken,
    pub refresh_token: String,
    pub user: User,
    pub session_id: Uuid,
}

impl Issued {
    /// As auth-js expects it.
    pub fn to_json(&self) -> Object {
        let mut o = self.tokens_json();
        o.insert("user".into(), wire::user(&self.user));
        o
    }

    /// Without the user: the OAuth server's answer begins so.
    pub fn tokens_json(&self) -> Object {
        let mut o = Object::new();
        o.insert("access_token".into(), json!(self.access.token));
        o.insert("token_type".into(), json!("bearer"));
        o.insert("expires_in".into(), json!(self.access.expires_in));
        o.insert("expires_at".into(), json!(self.access.expires_at));
        o.insert("refresh_token".into(), json!(self.refresh_token));
        o
    }
}

/// How a session begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opening<'a> {
    pub method: Method,
    pub oauth_client_id: Option<Uuid>,
    pub scopes: Option<&'a str>,
    /// When it ends at the latest.
    pub not_after: Option<OffsetDateTime>,
}

impl From<Method> for Opening<'_> {
    fn from(method: Method) -> Self {
        Self { method, oauth_client_id: None, scopes: None, not_after: None }
    }
}

/// The user behind a bearer token, and the session that the token names.
pub(crate) struct Signed {
    pub user: User,
    pub session: Option<Session>,
    pub presented: Presented,
}

impl Signed {
    /// The session of a token that must have one.
    ///
    /// # Errors
    /// 403 `session_not_found`.
    pub fn session(&self) -> Result<&Session, Error> {
        self.session.as_ref().ok_or_else(session_missing)
    }
}

/// Sessions that ended in a transaction; tell the other services once it is committed.
#[must_use]
#[derive(Debug, Default)]
pub(crate) struct Ended(pub Vec<Uuid>);

/// Sessions of a user who is banned; tell the other services once it is committed.
#[must_use]
#[derive(Debug, Default)]
pub(crate) struct Suspended {
    ids: Vec<Uuid>,
    /// Unix seconds.
    until: i64,
}

fn session_missing() -> Error {
    Error::forbidden(Code::SessionNotFound, "Session from session_id claim in JWT does not exist")
}

impl Auth {
    /// Opens a session for a user and signs its first tokens.
    ///
    /// # Errors
    /// 403 `user_banned` or `user_not_found` where that happened meanwhile; a hook's, or the database's.
    pub(crate) async fn open_session(
        &self,
        tx: &PlatformTx,
        mut user: User,
        opening: Opening<'_>,
        req: &Req,
    ) -> Result<Issued, Error> {
        let now = self.clock.now();
        // First, since it locks the user: a ban or deletion at the same moment either refuses here or ends the session with the others.
        let may = store::users::signed_in(tx, user.id, now)
            .await
            .map_err(|e| Error::saving("Database error updating user", e))?;
        if !may {
            return Err(self.why_not_signed_in(tx, user.id).await?);
        }
        let counted = self.config.sessions.algorithm_version >= 2;
        let key = counted.then(counted::new_key);
        let new = NewSession {
            id: crypto::random::uuid(),
            user_id: user.id,
            aal: Aal::Aal1,
            factor_id: None,
            user_agent: req.user_agent(),
            ip: Some(req.ip),
            tag: None,
            oauth_client_id: opening.oauth_client_id,
            scopes: opening.scopes,
            hmac_key: key.as_deref(),
            counter: key.as_ref().map(|_| 0),
            method: opening.method,
            not_after: opening.not_after,
        };
        let session = store::sessions::insert(tx, &new, now).await?;
        let refresh_token = match &key {
            Some(key) => CountedToken { session_id: session.id, counter: 0 }.encode(key),
            None => {
                let token = crypto::random::alphanumeric(TOKEN_LEN);
                store::refresh_tokens::insert(tx, &token, user.id, session.id, None, now).await?;
                token
            }
        };
        user.last_sign_in_at = Some(now);
        user.updated_at = now;
        let access = self.access_token(tx, &user, &session, opening.method.as_str()).await?;
        Ok(Issued { access, refresh_token, user, session_id: session.id })
    }

    async fn why_not_signed_in(&self, tx: &PlatformTx, id: Uuid) -> Result<Error, Error> {
        let user = store::users::find(tx, id).await?;
        Ok(match user {
            Some(user) if user.is_banned(self.clock.now()) => Error::forbidden(Code::UserBanned, "User is banned"),
            _ => Error::forbidden(Code::UserNotFound, "User does not exist any more"),
        })
    }

    /// The user of the request's bearer token: he, and the session that it names, must exist now.
    ///
    /// # Errors
    /// 401 `no_authorization`; 403 `bad_jwt`, `user_not_found`, `session_not_found`, `user_banned`.
    pub(crate) async fn require_user(&self, tx: &PlatformTx, req: &Req) -> Result<Signed, Error> {
        let presented = self.presented(req)?;
        let subject = presented.text("sub");
        if subject.is_empty() {
            return Err(Error::forbidden(Code::BadJwt, "invalid claim: missing sub claim"));
        }
        let user_id: Uuid =
            subject.parse().map_err(|_| Error::bad_request(Code::BadJwt, "invalid claim: sub claim must be a UUID"))?;
        let session_id = session_id(&presented)?;
        let session = async {
            match session_id {
                Some(id) => store::sessions::find(tx, id).await,
                None => Ok(None),
            }
        };
        let (user, session) = tokio::try_join!(store::users::find(tx, user_id), session)?;
        let user =
            user.ok_or_else(|| Error::forbidden(Code::UserNotFound, "User from sub claim in JWT does not exist"))?;
        let session = match (session_id, session) {
            (Some(_), None) => return Err(session_missing()),
            (_, Some(session)) if session.user_id != user.id => return Err(session_missing()),
            (_, session) => session,
        };
        if user.is_banned(self.clock.now()) {
            return Err(Error::forbidden(Code::UserBanned, "User is banned"));
        }
        if !self.audience_fits(req, &presented, &user) {
            return Err(Error::invalid("Token audience doesn't match request audience"));
        }
        Ok(Signed { user, session, presented })
    }

    /// As [`Auth::require_user`], for what the user alone may do to his account: not an application that he let in by OAuth. It could
    /// change his password, or grant itself more.
    ///
    /// # Errors
    /// Also 403 `no_authorization`.
    pub(crate) async fn require_owner(&self, tx: &PlatformTx, req: &Req) -> Result<Signed, Error> {
        let signed = self.require_user(tx, req).await?;
        if signed.session.as_ref().is_some_and(|session| session.oauth_client_id.is_some()) {
            return Err(Error::forbidden(
                Code::NoAuthorization,
                "OAuth clients are not allowed to perform these actions",
            ));
        }
        Ok(signed)
    }

    /// Is the token for the audience that the request names, or for the user's own? A hook on claims may name another.
    pub(crate) fn audience_fits(&self, req: &Req, presented: &Presented, user: &User) -> bool {
        let wanted = req.header("x-jwt-aud").filter(|aud| !aud.is_empty()).unwrap_or(&user.aud);
        let named = match presented.claims.get("aud") {
            Some(Value::Array(all)) => all.first().and_then(Value::as_str),
            other => other.and_then(Value::as_str),
        };
        named.unwrap_or_default() == wanted || self.has_hook(HookPoint::CustomAccessToken)
    }

    /// Ends sessions of a user; after the commit, pass what came back to [`Auth::announce`].
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn end_sessions(&self, tx: &PlatformTx, user_id: Uuid, which: Which) -> Result<Ended, Error> {
        let ids = store::sessions::delete(tx, user_id, which).await?;
        self.persist_revocation(tx, &ids).await?;
        Ok(Ended(ids))
    }

    async fn persist_revocation(&self, tx: &PlatformTx, ids: &[Uuid]) -> Result<(), Error> {
        let until = OffsetDateTime::from_unix_timestamp(self.last_exp()).unwrap_or(self.clock.now());
        store::revoked::insert(tx, ids, until).await?;
        Ok(())
    }

    /// From now on every service refuses the tokens of these sessions.
    pub(crate) fn announce(&self, ended: &Ended) {
        let until = self.last_exp();
        for id in &ended.0 {
            self.revocations.revoke(*id, until);
        }
    }

    /// Commits, and then announces.
    ///
    /// # Errors
    /// The commit's.
    pub(crate) async fn commit_and_announce(&self, tx: PlatformTx, ended: &Ended) -> Result<(), Error> {
        tx.commit().await?;
        self.announce(ended);
        Ok(())
    }

    /// A banned user's tokens die with the ban; his sessions stay, and live again where the ban is lifted or over.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn suspend_sessions(
        &self,
        tx: &PlatformTx,
        user_id: Uuid,
        banned_until: OffsetDateTime,
    ) -> Result<Suspended, Error> {
        let ids: Vec<Uuid> = store::sessions::of_user(tx, user_id).await?.into_iter().map(|s| s.id).collect();
        let last_exp = OffsetDateTime::from_unix_timestamp(self.last_exp()).unwrap_or(banned_until);
        let until = last_exp.min(banned_until);
        // Of an earlier ban, which may have been longer.
        store::revoked::delete(tx, &ids).await?;
        store::revoked::insert(tx, &ids, until).await?;
        Ok(Suspended { ids, until: until.unix_timestamp() })
    }

    /// From now on every service refuses the tokens of these sessions, until the ban is over.
    pub(crate) fn announce_suspension(&self, suspended: &Suspended) {
        for id in &suspended.ids {
            self.revocations.revoke(*id, suspended.until);
        }
    }

    /// The reverse of [`Auth::suspend_sessions`]: call it after the commit with the sessions that it returns.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn restore_sessions(&self, tx: &PlatformTx, user_id: Uuid) -> Result<Vec<Uuid>, Error> {
        let ids: Vec<Uuid> = store::sessions::of_user(tx, user_id).await?.into_iter().map(|s| s.id).collect();
        store::revoked::delete(tx, &ids).await?;
        Ok(ids)
    }

    /// Puts a factor's proof into a session: claim, level, a refresh token that the old one cannot be traded for.
    ///
    /// # Errors
    /// A hook's, or the database's.
    pub(crate) async fn raise_session(
        &self,
        tx: &PlatformTx,
        user: User,
        session_id: Uuid,
        method: Method,
        factor_id: Uuid,
    ) -> Result<Issued, Error> {
        let now = self.clock.now();
        store::sessions::add_claim(tx, session_id, method, now).await?;
        store::sessions::set_aal(tx, session_id, Aal::Aal2, Some(factor_id), now).await?;
        let session = store::sessions::find(tx, session_id).await?.ok_or_else(session_missing)?;
        let refresh_token = match (&session.hmac_key, session.counter) {
            (Some(key), Some(counter)) => {
                // Two ahead: the token of the lower level is then not the one before, and dead.
                store::sessions::set_counter(tx, session_id, key, counter + 2, now).await?;
                CountedToken { session_id, counter: counter + 2 }.encode(key)
            }
            _ => {
                let parent = store::refresh_tokens::active(tx, session_id).await?;
                if let Some(parent) = &parent {
                    store::refresh_tokens::revoke(tx, parent.id, now).await?;
                }
                let token = crypto::random::alphanumeric(TOKEN_LEN);
                // No parent: the lower token must not be taken for one whose answer was lost.
                store::refresh_tokens::insert(tx, &token, user.id, session_id, None, now).await?;
                token
            }
        };
        let access = self.access_token(tx, &user, &session, method.as_str()).await?;
        Ok(Issued { access, refresh_token, user, session_id })
    }

    /// Does the token's session have the level that the user's factors allow?
    pub(crate) fn is_low(&self, signed: &Signed) -> bool {
        let level = match signed.presented.text("aal") {
            "" => signed.session.as_ref().map_or(Aal::Aal1, |session| session.aal),
            claimed => Aal::parse(claimed),
        };
        level < rules::session::possible_aal(&signed.user)
    }
}

/// The session that a token names.
fn session_id(presented: &Presented) -> Result<Option<Uuid>, Error> {
    match presented.claims.get("session_id") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(value) => {
            let id: Option<Uuid> = value.as_str().and_then(|text| text.parse().ok());
            let id = id.ok_or_else(|| {
                Error::new(StatusCode::FORBIDDEN, Code::BadJwt, "invalid claim: session_id claim must be a UUID")
            })?;
            Ok(Some(id).filter(|id| !id.is_nil()))
        }
    }
}
