//! POST /token: one match on the grant, a file each.

use std::sync::Arc;

use axum::extract::State;

use super::Answer;
use crate::Auth;
use crate::error::{Code, Error};
use crate::limits::Limited;
use crate::request::Req;

mod password;
mod pkce;
mod refresh;

pub(crate) async fn token(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    auth.limit(Limited::Token, &req)?;
    match req.query("grant_type").unwrap_or_default() {
        "password" => password::grant(&auth, &req).await,
        "refresh_token" => refresh::grant(&auth, &req).await,
        "pkce" => pkce::grant(&auth, &req).await,
        "id_token" => crate::providers::id_token_grant(&auth, &req).await,
        _ => Err(Error::bad_request(Code::InvalidCredentials, "unsupported_grant_type")),
    }
}
