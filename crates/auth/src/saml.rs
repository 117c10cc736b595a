//! Sign-in by SAML 2.0. There is no implementation yet: every path answers what GoTrue answers where SAML is switched off.
//!
//! What it needs: exclusive canonicalisation and signature checks of XML without C libraries, and the tables `auth.sso_*`, `auth.saml_*`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::{any, get, post};

use crate::Auth;
use crate::error::{Code, Error};
use crate::limits::Limited;
use crate::request::Req;
use crate::routes::Answer;

/// `/sso` and the admin's providers.
pub(crate) fn routes() -> Router<Arc<Auth>> {
    Router::new()
        .route("/sso", post(sso))
        .route("/sso/saml/metadata", get(disabled))
        .route("/sso/saml/acs", post(disabled))
        .route("/admin/sso/providers", any(disabled_to_admins))
        .route("/admin/sso/providers/{id}", any(disabled_to_admins))
}

fn off() -> Error {
    Error::not_found(Code::SamlProviderDisabled, "SAML 2.0 is disabled")
}

async fn sso(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    auth.limit(Limited::Sso, &req)?;
    Err(off())
}

async fn disabled() -> Answer {
    Err(off())
}

async fn disabled_to_admins(State(auth): State<Arc<Auth>>, req: Req) -> Answer {
    auth.require_admin(&req)?;
    Err(off())
}
