//! Where a browser is sent back to: tokens in the fragment, codes in the query, errors in both.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use crate::error::Error;
use crate::sessions::Issued;

/// 303 to a URL.
pub(crate) fn see_other(url: &str) -> Response {
    redirect(StatusCode::SEE_OTHER, url)
}

/// A redirect to a URL; one that cannot stand in a header is our fault.
pub(crate) fn redirect(status: StatusCode, url: &str) -> Response {
    match HeaderValue::from_str(url) {
        Ok(location) => (status, [(header::LOCATION, location)]).into_response(),
        Err(_) => Error::invalid("The redirect URL cannot stand in a header").into_response(),
    }
}

fn encode(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// Adds parameters to the query of a URL.
pub(crate) fn with_query(url: &str, pairs: &[(&str, &str)]) -> String {
    let (base, fragment) = url.split_once('#').map_or((url, None), |(base, fragment)| (base, Some(fragment)));
    let separator = if base.contains('?') { '&' } else { '?' };
    let mut out = format!("{base}{separator}{}", encode(pairs));
    if let Some(fragment) = fragment {
        out.push('#');
        out.push_str(fragment);
    }
    out
}

/// Sets the fragment of a URL.
pub(crate) fn with_fragment(url: &str, pairs: &[(&str, &str)]) -> String {
    let base = url.split('#').next().unwrap_or_default();
    format!("{base}#{}", encode(pairs))
}

/// The implicit flow: the session in the fragment, where no server sees it.
pub(crate) fn session_in_fragment(url: &str, issued: &Issued, extra: &[(&str, &str)]) -> String {
    let (expires_at, expires_in) = (issued.access.expires_at.to_string(), issued.access.expires_in.to_string());
    let mut pairs: Vec<(&str, &str)> = vec![
        ("access_token", &issued.access.token),
        ("expires_at", &expires_at),
        ("expires_in", &expires_in),
        ("refresh_token", &issued.refresh_token),
        ("token_type", "bearer"),
    ];
    pairs.extend(extra);
    // Marks the fragment as ours, so that clients do not take one of another protocol for it.
    pairs.push(("sb", ""));
    with_fragment(url, &pairs)
}

/// An error for the application: in the fragment, and in the query where a server is to read it (PKCE).
pub(crate) fn error_url(url: &str, error: &Error, in_query: bool) -> String {
    let name = match error.status().as_u16() {
        400 => "invalid_request",
        401 => "unauthorized_client",
        403 => "access_denied",
        503 => "temporarily_unavailable",
        500.. => "server_error",
        _ => "invalid_request",
    };
    let message = error.public_message().into_owned();
    let pairs = [("error", name), ("error_code", error.code().as_str()), ("error_description", &message)];
    let url = if in_query { with_query(url, &pairs) } else { url.to_owned() };
    let mut pairs = pairs.to_vec();
    pairs.push(("sb", ""));
    with_fragment(&url, &pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn queries_and_fragments() {
        assert_eq!(with_query("https://a.test/x?y=1#z", &[("code", "a b")]), "https://a.test/x?y=1&code=a+b#z");
        assert_eq!(with_fragment("https://a.test/#old", &[("a", "1")]), "https://a.test/#a=1");
        let error = Error::forbidden(Code::OtpExpired, "Email link is invalid or has expired");
        let url = error_url("https://a.test/", &error, true);
        assert!(url.starts_with("https://a.test/?error=access_denied&error_code=otp_expired"), "{url}");
        assert!(url.contains("#error=access_denied"), "{url}");
    }
}
