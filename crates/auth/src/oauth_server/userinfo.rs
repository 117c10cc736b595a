//! GET /oauth/userinfo (OIDC Core §5.3).

use std::sync::Arc;

use axum::extract::State;

use super::{enabled, scopes};
use crate::Auth;
use crate::request::Req;
use crate::routes::{Answer, ok};

pub(super) async fn userinfo(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    enabled(&auth)?;
    let tx = auth.begin().await?;
    let signed = auth.require_user(&tx, &req).await?;
    tx.commit().await?;
    // A session of the application itself has no scopes, and may know everything.
    let own = signed.session.as_ref().is_none_or(|session| session.oauth_client_id.is_none());
    let granted = signed.session.as_ref().and_then(|session| session.scopes.clone()).unwrap_or_default();
    let granted = if own { scopes::SUPPORTED.join(" ") } else { granted };
    ok(scopes::claims(&signed.user, &granted))
}
