//! This service as an OAuth 2.1 server and OpenID provider for other applications: MCP servers, partners, command lines.
//!
//! `authorize` keeps the request and sends the browser to the application's own consent page, `consent` is what that page calls,
//! `token` trades code and refresh token, `clients` registers who may ask. An access token of a client carries `client_id` and
//! `scope`, so that policies can tell it apart.

mod authorize;
mod clients;
mod consent;
mod discovery;
mod grants;
mod scopes;
#[cfg(test)]
mod tests;
mod token;
mod userinfo;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::Auth;
use crate::error::{Code, Error};

/// `/oauth`, discovery, the user's grants, and the admin's clients.
pub(crate) fn routes() -> Router<Arc<Auth>> {
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery::openid))
        .route("/.well-known/oauth-authorization-server", get(discovery::oauth))
        .route("/oauth/clients/register", post(clients::register))
        .route("/oauth/authorize", get(authorize::authorize))
        .route("/oauth/authorizations/{id}", get(consent::details))
        .route("/oauth/authorizations/{id}/consent", post(consent::decide))
        .route("/oauth/token", post(token::token))
        .route("/oauth/userinfo", get(userinfo::userinfo).post(userinfo::userinfo))
        .route("/user/oauth/grants", get(grants::list).delete(grants::revoke))
        .route("/admin/oauth/clients", get(clients::list).post(clients::create))
        .route("/admin/oauth/clients/{id}", get(clients::get).put(clients::update).delete(clients::delete))
        .route("/admin/oauth/clients/{id}/regenerate_secret", post(clients::regenerate_secret))
}

/// Everything here is off by default.
///
/// # Errors
/// 404 `feature_disabled`.
fn enabled(auth: &Auth) -> Result<(), Error> {
    if auth.config.oauth_server.enabled {
        return Ok(());
    }
    Err(Error::not_found(Code::FeatureDisabled, "OAuth server is disabled"))
}
