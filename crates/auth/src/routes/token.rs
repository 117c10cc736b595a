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
        "web3" => Err(web3_disabled(&auth, &req)?),
        _ => Err(Error::bad_request(Code::InvalidCredentials, "unsupported_grant_type")),
    }
}

/// Wallets wait: no chain can be switched on yet, and the answer is that of a server where none is.
fn web3_disabled(auth: &Auth, req: &Req) -> Result<Error, Error> {
    auth.limit(Limited::Web3, req)?;
    Ok(Error::unprocessable(Code::Web3ProviderDisabled, "Web3 provider is disabled"))
}
