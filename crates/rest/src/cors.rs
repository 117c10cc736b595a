//! Cross-origin requests. Nothing happens without an `Origin`.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::config::RestConfig;
use crate::response::Answer;

const METHODS: &str = "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD";
const EXPOSED: &str = "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, Server, \
     Transfer-Encoding, Range-Unit";
const MAX_AGE_SECONDS: &str = "86400";

/// The answer to a preflight request; none to one for a method that is not known.
pub(crate) fn preflight(method: &Method, headers: &HeaderMap, config: &RestConfig) -> Option<Answer> {
    if method != Method::OPTIONS {
        return None;
    }
    let wanted = headers.get("access-control-request-method")?;
    METHODS.split(", ").find(|known| known.as_bytes() == wanted.as_bytes())?;
    let allowed = origin_headers(headers, config)?;
    let mut answer = Answer::new(StatusCode::OK).without_length();
    answer.headers = allowed;
    if let Some(asked) = headers.get("access-control-request-headers") {
        answer = answer.header(ACCESS_CONTROL_ALLOW_HEADERS, allowed_names(&String::from_utf8_lossy(asked.as_bytes())));
    }
    Some(answer.header(ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS).header(ACCESS_CONTROL_ALLOW_METHODS, METHODS))
}

/// What is asked for, and what every request may carry, each once.
fn allowed_names(asked: &str) -> String {
    let mut names = vec!["Authorization"];
    names.extend(asked.split(',').map(str::trim).filter(|name| !name.is_empty()));
    for simple in ["Accept", "Accept-Language", "Content-Language"] {
        if !names.iter().any(|name| name.eq_ignore_ascii_case(simple)) {
            names.push(simple);
        }
    }
    names.join(", ")
}

/// What every answer to a request with an `Origin` carries; to OPTIONS that is no preflight, nothing.
pub(crate) fn simple(method: &Method, headers: &HeaderMap, config: &RestConfig) -> HeaderMap {
    if method == Method::OPTIONS {
        return HeaderMap::new();
    }
    let mut all = origin_headers(headers, config).unwrap_or_default();
    if !all.is_empty() {
        all.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
    all
}

/// `*` for all, or the origin back, if it is allowed.
fn origin_headers(headers: &HeaderMap, config: &RestConfig) -> Option<HeaderMap> {
    let origin = headers.get("origin")?;
    let mut all = HeaderMap::new();
    if config.cors_allowed_origins.is_empty() {
        all.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        return Some(all);
    }
    if !config.cors_allowed_origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()) {
        return None;
    }
    all.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    all.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    Some(all)
}
