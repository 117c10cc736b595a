//! Everything that can go wrong, once: status, code and sentence as GoTrue has them; rendered in both of its formats.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

mod code;

pub use code::Code;

/// The header by which a client chooses the error format.
pub(crate) const API_VERSION: HeaderName = HeaderName::from_static("x-supabase-api-version");
const ERROR_CODE: HeaderName = HeaderName::from_static("x-sb-error-code");
/// From this date on, errors are `{"code","message"}`.
const NEW_FORMAT_SINCE: &str = "2024-01-01";

/// A refusal or a failure, on its way to the client.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// GoTrue's usual error.
    #[error("{message}")]
    Api {
        /// HTTP status.
        status: StatusCode,
        /// What clients branch on.
        code: Code,
        /// A sentence for people.
        message: Cow<'static, str>,
        /// Seconds to wait: `Retry-After`.
        retry_after_seconds: Option<u64>,
    },
    /// 422 `weak_password`, with what the password lacks.
    #[error("{message}")]
    WeakPassword {
        /// A sentence for people.
        message: String,
        /// `length`, `characters`, `pwned`.
        reasons: Vec<&'static str>,
    },
    /// RFC 6749 section 5.2 style: `{"error","error_description"}`.
    #[error("{error}: {description}")]
    OAuth {
        /// HTTP status.
        status: StatusCode,
        /// E.g. `invalid_grant`.
        error: Cow<'static, str>,
        /// A sentence for people.
        description: Cow<'static, str>,
    },
    /// A trigger or constraint of the application refused to save a user.
    #[error("{message}")]
    Trigger {
        /// GoTrue's sentence, e.g. `Database error saving new user`.
        message: String,
        /// What PostgreSQL said.
        source: pg::Error,
    },
    /// Ours: the database.
    #[error(transparent)]
    Database(#[from] pg::Error),
    /// Ours: anything else; the cause is logged and never shown.
    #[error("{message}")]
    Internal {
        /// A sentence for people, without secrets.
        message: Cow<'static, str>,
        /// The chain for the log.
        source: anyhow::Error,
    },
}

impl Error {
    /// Any status and code.
    pub fn new(status: StatusCode, code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self::Api { status, code, message: message.into(), retry_after_seconds: None }
    }

    /// 400.
    pub fn bad_request(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 400 `validation_failed`.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::bad_request(Code::ValidationFailed, message)
    }

    /// 403.
    pub fn forbidden(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    /// 404.
    pub fn not_found(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// 422.
    pub fn unprocessable(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }

    /// 429, with the seconds to wait.
    pub fn too_many(code: Code, message: impl Into<Cow<'static, str>>, retry_after_seconds: u64) -> Self {
        Self::Api {
            status: StatusCode::TOO_MANY_REQUESTS,
            code,
            message: message.into(),
            retry_after_seconds: Some(retry_after_seconds),
        }
    }

    /// 500 with a sentence that may be shown, and a cause that may not.
    pub fn internal(message: impl Into<Cow<'static, str>>, source: impl Into<anyhow::Error>) -> Self {
        Self::Internal { message: message.into(), source: source.into() }
    }

    /// 400, OAuth style.
    pub fn oauth(error: impl Into<Cow<'static, str>>, description: impl Into<Cow<'static, str>>) -> Self {
        Self::OAuth { status: StatusCode::BAD_REQUEST, error: error.into(), description: description.into() }
    }

    /// A statement that saves a user failed: names the application's trigger or constraint where it was one.
    pub fn saving(message: &str, error: pg::Error) -> Self {
        match error.code() {
            Some(state) if from_application(state) => Self::Trigger { message: message.to_owned(), source: error },
            Some(_) if is_away(&error) => Self::Database(error),
            Some(_) => Self::Internal { message: Cow::Owned(message.to_owned()), source: error.into() },
            None => Self::Database(error),
        }
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Api { status, .. } | Self::OAuth { status, .. } => *status,
            Self::WeakPassword { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Trigger { source, .. } => trigger_status(source),
            Self::Database(error) if is_away(error) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Database(_) | Self::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What clients branch on.
    pub fn code(&self) -> Code {
        match self {
            Self::Api { code, .. } => *code,
            Self::WeakPassword { .. } => Code::WeakPassword,
            Self::OAuth { .. } => Code::ValidationFailed,
            Self::Trigger { .. } | Self::Database(_) | Self::Internal { .. } => Code::UnexpectedFailure,
        }
    }

    /// The sentence that the client gets.
    pub fn public_message(&self) -> Cow<'_, str> {
        match self {
            Self::Api { message, .. } => Cow::Borrowed(message),
            Self::WeakPassword { message, .. } | Self::Trigger { message, .. } => Cow::Borrowed(message),
            Self::OAuth { description, .. } => Cow::Borrowed(description),
            Self::Database(_) => Cow::Borrowed("Unexpected failure, please check server logs for more information"),
            Self::Internal { message, .. } => Cow::Borrowed(message),
        }
    }

    /// The answer in the format that the request asked for.
    pub(crate) fn render(&self, request_headers: &HeaderMap) -> Response {
        let status = self.status();
        let asked = request_headers.get(API_VERSION).and_then(|v| v.to_str().ok());
        let new_format = asked.is_some_and(|version| is_date(version) && version >= NEW_FORMAT_SINCE);
        let body = if new_format { self.new_body() } else { self.old_body(status) };
        let mut response = (status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        if let (true, Some(version)) = (new_format, request_headers.get(API_VERSION)) {
            headers.insert(API_VERSION, version.clone());
        }
        let has_own_code =
            matches!(self, Self::OAuth { .. }) || new_format && matches!(self, Self::WeakPassword { .. });
        if !has_own_code {
            headers.insert(ERROR_CODE, HeaderValue::from_static(self.code().as_str()));
        }
        if let Self::Api { retry_after_seconds: Some(seconds), .. } = self {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
        }
        response
    }

    fn new_body(&self) -> Value {
        match self {
            Self::OAuth { error, description, .. } => json!({"error": error, "error_description": description}),
            Self::WeakPassword { message, reasons } => {
                json!({"code": Code::WeakPassword.as_str(), "message": message, "weak_password": {"reasons": reasons}})
            }
            _ => json!({"code": self.code().as_str(), "message": self.public_message()}),
        }
    }

    fn old_body(&self, status: StatusCode) -> Value {
        match self {
            Self::OAuth { .. } => self.new_body(),
            Self::WeakPassword { message, reasons } => json!({
                "code": status.as_u16(), "error_code": Code::WeakPassword.as_str(), "msg": message,
                "weak_password": {"reasons": reasons},
            }),
            // Only the old format has room for what a trigger said (and applications read it there).
            Self::Trigger { source, .. } => trigger_body(source),
            _ => json!({"code": status.as_u16(), "error_code": self.code().as_str(), "msg": self.public_message()}),
        }
    }

    /// One log line for failures of ours and for triggers that refuse; refusals of the client are not news.
    pub(crate) fn log(&self, method: &http::Method, path: &str) {
        match self {
            Self::Trigger { message, source } => {
                let context = source.server().and_then(|s| s.context.as_deref()).unwrap_or("");
                tracing::error!(target: "auth", %method, path, error = %source, context, "{message}: a trigger or constraint on auth refused");
            }
            Self::Database(error) => tracing::error!(target: "auth", %method, path, error = %error, "database"),
            Self::Internal { message, source } => {
                tracing::error!(target: "auth", %method, path, error = %format!("{source:#}"), "{message}");
            }
            other => tracing::debug!(target: "auth", %method, path, code = other.code().as_str(), "{other}"),
        }
    }
}

/// Trouble of the server that passes: no connection, no disk, no memory, a restart, a deadlock. A client that gets 503 keeps its session
/// and comes again; some take a 500 for the end of it.
fn is_away(error: &pg::Error) -> bool {
    match error {
        pg::Error::PoolTimeout | pg::Error::Connect(_) | pg::Error::Closed(_) => true,
        pg::Error::Server(server) => {
            ["08", "40", "53", "55", "57", "58", "XX"].iter().any(|class| server.code.starts_with(class))
        }
        pg::Error::Unexpected(_) => false,
    }
}

/// SQLSTATEs that an application's own code raises: P0001 (RAISE), 23xxx (constraints), `PTnnn` (a status of its choice),
/// 42xxx (its function names something that is not there).
fn from_application(state: &str) -> bool {
    state == "P0001" || state.starts_with("23") || state.starts_with("PT") || state.starts_with("42")
}

fn trigger_status(error: &pg::Error) -> StatusCode {
    error
        .code()
        .and_then(|state| state.strip_prefix("PT"))
        .and_then(|digits| digits.parse().ok())
        .and_then(|number: u16| StatusCode::from_u16(number).ok())
        .filter(|status| status.as_u16() >= 400)
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn trigger_body(error: &pg::Error) -> Value {
    let mut body = Map::new();
    if let Some(server) = error.server() {
        body.insert("code".into(), json!(server.code));
        body.insert("message".into(), json!(server.message));
        for (key, text) in [("hint", &server.hint), ("detail", &server.detail)] {
            body.insert(key.into(), json!(text.as_deref().unwrap_or("")));
        }
    }
    Value::Object(body)
}

fn is_date(version: &str) -> bool {
    let bytes = version.as_bytes();
    bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, b)| if at == 4 || at == 7 { *b == b'-' } else { b.is_ascii_digit() })
}

/// Carries the error to the layer that knows the request's headers; see `routes::render_errors`.
#[derive(Clone)]
pub(crate) struct Unrendered(pub(crate) std::sync::Arc<Error>);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Unrendered(std::sync::Arc::new(self)));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(response: Response) -> Value {
        let bytes = futures_util::FutureExt::now_or_never(http_body_util::BodyExt::collect(response.into_body()));
        serde_json::from_slice(&bytes.unwrap().unwrap().to_bytes()).unwrap()
    }

    #[test]
    fn both_formats() {
        let error = Error::unprocessable(Code::SignupDisabled, "Signups not allowed for this instance");
        let mut headers = HeaderMap::new();
        let old = error.render(&headers);
        assert_eq!(old.headers()[ERROR_CODE], "signup_disabled");
        assert_eq!(
            body(old),
            json!({"code": 422, "error_code": "signup_disabled", "msg": "Signups not allowed for this instance"})
        );
        headers.insert(API_VERSION, HeaderValue::from_static("2024-01-01"));
        let new = error.render(&headers);
        assert_eq!(new.headers()[API_VERSION], "2024-01-01");
        assert_eq!(body(new), json!({"code": "signup_disabled", "message": "Signups not allowed for this instance"}));
    }

    #[test]
    fn an_odd_version_is_the_old_format() {
        let mut headers = HeaderMap::new();
        headers.insert(API_VERSION, HeaderValue::from_static("tomorrow"));
        let answer = Error::invalid("no").render(&headers);
        assert_eq!(body(answer)["code"], 400);
    }
}
