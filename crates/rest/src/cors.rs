//! Cross-origin requests. Nothing happens without an `Origin`.

use http::{HeaderMap, Method, StatusCode};

use crate::config::RestConfig;
use crate::response::Answer;

const METHODS: &str = "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD";
const EXPOSED: &str = "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, Server, \
     Transfer-Encoding, Range-Unit";
const MAX_AGE_SECONDS: &str = "86400";

/// The answer to a preflight request.
pub(crate) fn preflight(method: &Method, headers: &HeaderMap, config: &RestConfig) -> Option<Answer> {
    if method != Method::OPTIONS || !headers.contains_key("access-control-request-method") {
        return None;
    }
    let allowed = origin_headers(headers, config)?;
    let asked = headers.get("access-control-request-headers").map(|v| String::from_utf8_lossy(v.as_bytes()));
    let mut names = vec!["Authorization".to_owned()];
    names.extend(asked.iter().flat_map(|list| list.split(',')).map(|name| name.trim().to_owned()));
    names.extend(["Accept", "Accept-Language", "Content-Language"].map(str::to_owned));
    let mut answer = Answer::new(StatusCode::OK).without_length();
    answer.headers = allowed;
    let answer = answer
        .header("Access-Control-Max-Age", MAX_AGE_SECONDS)
        .header("Access-Control-Allow-Headers", names.join(", "))
        .header("Access-Control-Allow-Methods", METHODS);
    Some(answer)
}

/// What every answer to a request with an `Origin` carries.
pub(crate) fn simple(headers: &HeaderMap, config: &RestConfig) -> Vec<(String, String)> {
    let mut all = origin_headers(headers, config).unwrap_or_default();
    if !all.is_empty() {
        all.push(("Access-Control-Expose-Headers".to_owned(), EXPOSED.to_owned()));
    }
    all
}

/// `*` for all, or the origin back, if it is allowed.
fn origin_headers(headers: &HeaderMap, config: &RestConfig) -> Option<Vec<(String, String)>> {
    let origin = String::from_utf8_lossy(headers.get("origin")?.as_bytes()).into_owned();
    let allow = |value: String| ("Access-Control-Allow-Origin".to_owned(), value);
    if config.cors_allowed_origins.is_empty() {
        return Some(vec![allow("*".to_owned())]);
    }
    config
        .cors_allowed_origins
        .contains(&origin)
        .then(|| vec![allow(origin), ("Access-Control-Allow-Credentials".to_owned(), "true".to_owned())])
}
