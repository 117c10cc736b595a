//! WebAuthn (Level 3): passkeys to sign in with, and factors.
//!
//! `ceremony` is the standard, pure; `passkeys` and `factor` are the endpoints around it. Attestation is neither asked for nor trusted.

mod cbor;
mod ceremony;
pub(crate) mod factor;
mod passkeys;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, patch, post};

use crate::Auth;

/// `/passkeys` and the admin's view of them.
pub(crate) fn routes() -> Router<Arc<Auth>> {
    Router::new()
        .route("/passkeys", get(passkeys::list))
        .route("/passkeys/", get(passkeys::list))
        .route("/passkeys/{id}", patch(passkeys::rename).delete(passkeys::remove))
        .route("/passkeys/registration/options", post(passkeys::registration_options))
        .route("/passkeys/registration/verify", post(passkeys::registration_verify))
        .route("/passkeys/authentication/options", post(passkeys::authentication_options))
        .route("/passkeys/authentication/verify", post(passkeys::authentication_verify))
        .route("/admin/users/{id}/passkeys", get(passkeys::admin_list))
        .route("/admin/users/{id}/passkeys/{passkey}", delete(passkeys::admin_remove))
}
