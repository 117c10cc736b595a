//! `grant_type=refresh_token`. A client that gets a 4xx here forgets its session: trouble of ours must be a 5xx.

use std::time::Duration;

use http::StatusCode;
use pg::PlatformTx;
use serde_json::Value;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{CountedToken, Ended, Issued, TOKEN_LEN, counted};
use crate::Auth;
use crate::audit::{Action, Actor};
use crate::error::{Code, Error};
use crate::model::{RefreshToken, Session, User};
use crate::request::Req;
use crate::rules::refresh::{Decision, Presented, decide};
use crate::store::sessions::Which;
use crate::{rules, store};

/// How long two refreshes of one session may get in each other's way.
const RETRY_FOR: Duration = Duration::from_secs(5);

/// What one attempt came to.
enum Attempt {
    Done(Box<Issued>),
    /// Another request holds the session: no connection waits, we come again.
    Locked,
    /// Refused, but what was done on the way (a family revoked) stays.
    Refused(Error, Ended),
}

fn refused(code: Code, message: &'static str) -> Error {
    Error::bad_request(code, message)
}

fn not_found() -> Error {
    refused(Code::RefreshTokenNotFound, "Invalid Refresh Token: Refresh Token Not Found")
}

fn already_used() -> Error {
    refused(Code::RefreshTokenAlreadyUsed, "Invalid Refresh Token: Already Used")
}

impl Auth {
    /// Trades a refresh token for new tokens. `client`: the OAuth client that asks; a session belongs to one client or to none.
    ///
    /// # Errors
    /// 400 with the reason, 503 `conflict` where other requests hold the session for too long (upstream 409, which signs the user out).
    pub(crate) async fn refresh(&self, req: &Req, token: &str, client: Option<Uuid>) -> Result<Issued, Error> {
        if token.is_empty() {
            return Err(Error::invalid("refresh_token required"));
        }
        let counted = if token.len() == TOKEN_LEN { None } else { CountedToken::decode(token) };
        if counted.is_none() && (token.len() > 255 || token.chars().any(char::is_control)) {
            return Err(Error::invalid("Refresh token is not valid"));
        }
        if client.is_none()
            && let Some(issued) = self.refresh_in_one_flush(req, token).await?
        {
            return Ok(issued);
        }
        let began = Instant::now();
        loop {
            let tx = self.begin().await?;
            let attempt = match &counted {
                Some((counted, signature)) => self.refresh_counted(&tx, req, *counted, signature, client).await?,
                None => self.refresh_plain(&tx, req, token, client).await?,
            };
            match attempt {
                Attempt::Done(issued) => {
                    tx.commit().await?;
                    return Ok(*issued);
                }
                Attempt::Refused(error, ended) => {
                    self.commit_and_announce(tx, &ended).await?;
                    return Err(error);
                }
                Attempt::Locked => tx.rollback().await?,
            }
            if began.elapsed() > RETRY_FOR {
                return Err(Error::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    Code::Conflict,
                    "Too many concurrent token refresh requests on the same session or refresh token",
                ));
            }
            let jitter = u64::from(crypto::random::bytes::<1>()[0]) % 20;
            sleep(Duration::from_millis(10 + jitter)).await;
        }
    }

    async fn refresh_plain(
        &self,
        tx: &PlatformTx,
        req: &Req,
        text: &str,
        client: Option<Uuid>,
    ) -> Result<Attempt, Error> {
        let Some((seen, user_id)) = store::refresh_tokens::find(tx, text).await? else { return Err(not_found()) };
        let (Some(session_id), Some(user_id)) = (seen.session_id, user_id) else {
            return Err(refused(Code::SessionNotFound, "Invalid Refresh Token: No Valid Session Found"));
        };
        let (user, session, token, active) = tokio::try_join!(
            store::users::find(tx, user_id),
            store::sessions::lock(tx, session_id),
            store::refresh_tokens::lock(tx, text),
            store::refresh_tokens::active(tx, session_id),
        )?;
        let user = user.ok_or_else(not_found)?;
        let (Some(session), Some(token)) = (session, token) else { return Ok(Attempt::Locked) };
        if let Some(error) = self.may_refresh(tx, &user, &session, Some(&token), client).await? {
            return error;
        }
        let now = self.clock.now();
        let presented = Presented {
            revoked: token.revoked,
            updated_at: token.updated_at,
            parent_of_active: active.as_ref().is_some_and(|active| active.parent.as_deref() == Some(text)),
        };
        let rules = &self.config.sessions;
        let next = match decide(presented, now, rules.reuse_interval, rules.rotation_enabled) {
            Decision::Refuse { revoke_family } => {
                if revoke_family {
                    // As if long ago: within the reuse interval the newest of them would be good once more (upstream it is).
                    let past = now - rules.reuse_interval - Duration::from_secs(1);
                    let count = store::refresh_tokens::revoke_family(tx, session_id, past).await?;
                    tracing::warn!(target: "auth", user = %user.id, session = %session_id, count,
                        "a used refresh token was presented again after the reuse interval: its family is revoked");
                }
                return Ok(Attempt::Refused(already_used(), Ended::default()));
            }
            Decision::ReissueActive => match active {
                Some(active) => active.token,
                None => return Err(already_used()),
            },
            Decision::Rotate => self.rotate(tx, &user, &session, &token).await?,
        };
        self.finish(tx, req, user, session, next).await
    }

    /// Revokes the token and makes its child, or a version 2 token where the settings say so.
    async fn rotate(
        &self,
        tx: &PlatformTx,
        user: &User,
        session: &Session,
        token: &RefreshToken,
    ) -> Result<String, Error> {
        let now = self.clock.now();
        if !token.revoked {
            store::refresh_tokens::revoke(tx, token.id, now).await?;
        }
        let rules = &self.config.sessions;
        let upgrade = rules.algorithm_version >= 2
            && crypto::random::bytes::<1>()[0] % 100 < rules.upgrade_percentage
            && session.hmac_key.is_none();
        if upgrade {
            let key = counted::new_key();
            store::sessions::set_counter(tx, session.id, &key, 0, now).await?;
            return Ok(CountedToken { session_id: session.id, counter: 0 }.encode(&key));
        }
        let child = crypto::random::alphanumeric(TOKEN_LEN);
        store::refresh_tokens::insert(tx, &child, user.id, session.id, Some(&token.token), now).await?;
        Ok(child)
    }

    async fn refresh_counted(
        &self,
        tx: &PlatformTx,
        req: &Req,
        token: CountedToken,
        signature: &[u8],
        client: Option<Uuid>,
    ) -> Result<Attempt, Error> {
        let session = match store::sessions::lock(tx, token.session_id).await? {
            Some(session) => session,
            None if store::sessions::find(tx, token.session_id).await?.is_some() => return Ok(Attempt::Locked),
            None => return Err(not_found()),
        };
        let (Some(key), Some(counter)) = (session.hmac_key.clone(), session.counter) else { return Err(not_found()) };
        if !token.is_signed(signature, &key) || token.counter > counter {
            return Err(Error::invalid("Refresh token is not valid"));
        }
        let user = store::users::find(tx, session.user_id).await?.ok_or_else(not_found)?;
        if let Some(error) = self.may_refresh(tx, &user, &session, None, client).await? {
            return error;
        }
        let now = self.clock.now();
        let rules = &self.config.sessions;
        let recent = session.refreshed_at.is_some_and(|at| now <= at + rules.reuse_interval);
        let next = if token.counter == counter {
            store::sessions::set_counter(tx, session.id, &key, counter + 1, now).await?;
            counter + 1
        } else if token.counter + 1 == counter || recent || rules.allow_reuse {
            counter
        } else {
            let ended = if rules.rotation_enabled {
                self.end_sessions(tx, user.id, Which::One(session.id)).await?
            } else {
                Ended::default()
            };
            return Ok(Attempt::Refused(already_used(), ended));
        };
        let next = CountedToken { session_id: session.id, counter: next }.encode(&key);
        self.finish(tx, req, user, session, next).await
    }

    /// The checks that both kinds of token share. `Some`: the answer is here already.
    async fn may_refresh(
        &self,
        tx: &PlatformTx,
        user: &User,
        session: &Session,
        token: Option<&RefreshToken>,
        client: Option<Uuid>,
    ) -> Result<Option<Result<Attempt, Error>>, Error> {
        if session.oauth_client_id != client || session.user_id != user.id {
            return Ok(Some(Err(not_found())));
        }
        let now = self.clock.now();
        if user.is_banned(now) {
            return Ok(Some(Err(refused(Code::UserBanned, "Invalid Refresh Token: User Banned"))));
        }
        let updated_at = token.map(|token| token.updated_at);
        let rules = &self.config.sessions;
        let possible = rules::session::possible_aal(user);
        if let Some(ended) = rules::session::ended(session, rules, now, updated_at, possible) {
            return Ok(Some(Err(refused(Code::SessionExpired, ended.message()))));
        }
        if !rules.single_per_user {
            return Ok(None);
        }
        let ours = rules::session::last_refreshed(session, updated_at);
        let tag = rules::session::tag(session, &rules.tags);
        let newer = store::sessions::lock_of_user(tx, user.id).await?.into_iter().any(|other| {
            other.id != session.id
                && rules::session::tag(&other, &rules.tags) == tag
                && rules::session::ended(&other, rules, now, None, possible).is_none()
                && rules::session::last_refreshed(&other, None) > ours
        });
        if newer {
            let message = "Invalid Refresh Token: Session Expired (Revoked by Newer Login)";
            return Ok(Some(Err(refused(Code::SessionExpired, message))));
        }
        Ok(None)
    }

    async fn finish(
        &self,
        tx: &PlatformTx,
        req: &Req,
        user: User,
        session: Session,
        refresh_token: String,
    ) -> Result<Attempt, Error> {
        let now = self.clock.now();
        let seen = async {
            Ok::<_, Error>(store::sessions::refreshed(tx, session.id, req.user_agent(), Some(req.ip), now).await?)
        };
        let audit = self.audit(tx, req, Actor::User(&user), Action::TokenRefreshed, Value::Null);
        tokio::try_join!(seen, audit)?;
        let access = self.access_token(tx, &user, &session, "token_refresh").await?;
        Ok(Attempt::Done(Box::new(Issued { access, refresh_token, session_id: session.id, user })))
    }
}
