//! CORS as Supabase's gateway answers it: any origin, headers mirrored, the preflight ends here with 200.

use axum::body::Body;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_LENGTH, HeaderValue, ORIGIN, VARY,
};
use http::{HeaderMap, Method, Request, Response};

const METHODS: HeaderValue = HeaderValue::from_static("GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS,TRACE,CONNECT");

/// The answer to a preflight, or `None` for any other request.
pub fn preflight<B>(request: &Request<B>) -> Option<Response<Body>> {
    let headers = request.headers();
    if request.method() != Method::OPTIONS
        || !headers.contains_key(ORIGIN)
        || !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
    {
        return None;
    }
    let mut response = Response::new(Body::empty());
    let answer = response.headers_mut();
    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    answer.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    if let Some(asked) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        answer.append(VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
    }
    answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
    answer.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    Some(response)
}

/// Lets any origin read an answer; a service that said something else is left alone.
pub fn allow_origin(headers: &mut HeaderMap) {
    headers.entry(ACCESS_CONTROL_ALLOW_ORIGIN).or_insert(HeaderValue::from_static("*"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preflight_mirrors_the_asked_headers_and_a_plain_options_passes() {
        let ask = Request::builder()
            .method(Method::OPTIONS)
            .header(ORIGIN, "http://app.example")
            .header(ACCESS_CONTROL_REQUEST_METHOD, "POST")
            .header(ACCESS_CONTROL_REQUEST_HEADERS, "apikey,x-client-info")
            .body(())
            .unwrap();
        let answer = preflight(&ask).expect("a preflight is answered");
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()[ACCESS_CONTROL_ALLOW_HEADERS], "apikey,x-client-info");
        let plain = Request::builder().method(Method::OPTIONS).body(()).unwrap();
        assert!(preflight(&plain).is_none());
    }
}
