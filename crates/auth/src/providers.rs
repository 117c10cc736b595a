//! Sign-in with another identity provider: OAuth 2 and OpenID Connect.
//!
//! A provider is one file in `presets/`: where it is asked, and how its answer is read. `authorize` sends the browser there, `callback`
//! takes it back, `id_token` takes what an application got itself, and `account` decides whose account it is.

mod account;
mod authorize;
mod callback;
mod custom;
mod discovery;
mod exchange;
mod id_token;
mod presets;
mod profile;
mod resolve;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::Auth;

pub(crate) use account::{Arrival, Entered, enter};
pub(crate) use discovery::Documents;
pub(crate) use id_token::grant as id_token_grant;
pub(crate) use profile::Profile;

/// `/authorize`, `/callback`, linking, and the admin's own providers.
pub(crate) fn routes() -> Router<Arc<Auth>> {
    Router::new()
        .route("/authorize", get(authorize::authorize))
        .route("/callback", get(callback::from_query).post(callback::from_form))
        .route("/user/identities/authorize", get(authorize::link))
        .route("/admin/custom-providers", get(custom::list).post(custom::create))
        .route("/admin/custom-providers/{identifier}", get(custom::get).put(custom::update).delete(custom::delete))
}
