//! The table of routes, in the order of GoTrue's own documentation.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post, put};
use http::{HeaderValue, Request, StatusCode, header};

use crate::Auth;
use crate::error::{Code, Error, Unrendered};

mod admin;
mod factors;
mod identities;
mod info;
mod invite;
pub(crate) mod links;
mod logout;
mod otp;
mod reauthenticate;
mod recover;
mod resend;
mod sessions;
mod signup;
mod token;
mod user;
mod verify;

pub(crate) use admin::user_of_path;

/// What handlers answer.
pub(crate) type Answer = Result<Response, Error>;

pub(crate) fn router(auth: Arc<Auth>) -> Router {
    let router = Router::new()
        .route("/health", get(info::health))
        .route("/settings", get(info::settings))
        .route("/openapi.json", get(info::openapi))
        .route("/.well-known/jwks.json", get(info::jwks))
        .route("/signup", post(signup::signup))
        .route("/token", post(token::token))
        .route("/otp", post(otp::otp))
        .route("/magiclink", post(otp::magic_link))
        .route("/recover", post(recover::recover))
        .route("/resend", post(resend::resend))
        .route("/verify", get(verify::link).head(verify::head).post(verify::code))
        .route("/user", get(user::get).put(user::update))
        .route("/user/identities/{id}", delete(identities::unlink))
        .route("/logout", post(logout::logout))
        .route("/reauthenticate", get(reauthenticate::reauthenticate).post(reauthenticate::reauthenticate))
        .route("/sessions", get(sessions::list))
        .route("/sessions/{id}", delete(sessions::end))
        .route("/factors", post(factors::enroll::enroll).get(factors::list))
        .route("/factors/{id}", delete(factors::unenroll))
        .route("/factors/{id}/challenge", post(factors::challenge::challenge))
        .route("/factors/{id}/verify", post(factors::verify::verify))
        .route("/invite", post(invite::invite))
        .route("/admin/users", get(admin::users::list).post(admin::users::create))
        .route("/admin/users/{id}", get(admin::users::get).put(admin::update::update).delete(admin::delete::delete))
        .route("/admin/users/{id}/factors", get(admin::factors::list))
        .route("/admin/users/{id}/factors/{factor}", put(admin::factors::update).delete(admin::factors::delete))
        .route("/admin/users/{id}/sessions", get(admin::sessions::list).delete(admin::sessions::end_all))
        .route("/admin/users/{id}/sessions/{session}", delete(admin::sessions::end))
        .route("/admin/generate_link", post(admin::generate_link::generate_link))
        .route("/admin/audit", get(admin::audit::list))
        .merge(crate::providers::routes())
        .merge(crate::webauthn::routes())
        .merge(crate::oauth_server::routes())
        .merge(crate::saml::routes())
        .fallback(any(not_found))
        .with_state(Arc::clone(&auth));
    router.layer(middleware::from_fn_with_state(auth, finish))
}

async fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "404 page not found\n").into_response()
}

/// Ids in a path are text as PostgreSQL has it.
fn check_path(path: &str) -> Result<(), Error> {
    match percent_encoding::percent_decode_str(path).decode_utf8() {
        Ok(text) if !text.contains('\0') => Ok(()),
        _ => Err(Error::not_found(Code::ValidationFailed, "The path is not text")),
    }
}

/// Bounds the time of a request, and renders errors in the format that it asked for.
async fn finish(State(auth): State<Arc<Auth>>, request: Request<Body>, next: Next) -> Response {
    let headers = request.headers().clone();
    if let Err(error) = check_path(request.uri().path()) {
        return error.render(&headers);
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let answer = async {
        // The semaphore is never closed.
        let _place = match auth.may_call_far(&method, request.uri()) {
            true => auth.far_calls.acquire().await.ok(),
            false => None,
        };
        next.run(request).await
    };
    let answered = tokio::time::timeout(auth.config.request_timeout, answer).await;
    let mut response = match answered {
        Ok(response) => response,
        Err(_) => Error::new(
            StatusCode::GATEWAY_TIMEOUT,
            Code::RequestTimeout,
            "Processing this request timed out, please retry after a moment.",
        )
        .into_response(),
    };
    if let Some(Unrendered(error)) = response.extensions_mut().remove::<Unrendered>() {
        error.log(&method, &path);
        let extra = std::mem::take(response.headers_mut());
        response = error.render(&headers);
        for (name, value) in &extra {
            if name != header::CONTENT_LENGTH && name != header::CONTENT_TYPE {
                response.headers_mut().append(name, value.clone());
            }
        }
    }
    // Tokens and users never stay in a shared cache; jwks.json says otherwise for itself.
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// 200 with JSON.
pub(crate) fn ok(body: impl serde::Serialize) -> Answer {
    Ok(axum::Json(body).into_response())
}
