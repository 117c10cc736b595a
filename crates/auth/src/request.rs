//! A request as the handlers see it: headers, query, a body of at most 1 MiB, the client's address.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequest};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Auth;
use crate::error::{Code, Error};
use crate::model::Object;

/// Bytes of a body: GoTrue's limit.
const BODY_LIMIT: usize = 1 << 20;

/// One request.
pub(crate) struct Req {
    pub method: Method,
    pub headers: HeaderMap,
    pub query: Vec<(String, String)>,
    pub body: Bytes,
    /// The client: the peer, or who a trusted header says.
    pub ip: IpAddr,
    /// Count this client's requests? Not where the peer is this machine and no header tells clients apart.
    pub limited: bool,
}

impl FromRequest<Arc<Auth>> for Req {
    type Rejection = Error;

    async fn from_request(request: Request<Body>, auth: &Arc<Auth>) -> Result<Self, Error> {
        let (parts, body) = request.into_parts();
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let (ip, limited) = client(auth, &parts.headers, peer);
        let query: Vec<(String, String)> =
            form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        if query.iter().any(|(key, value)| key.contains('\0') || value.contains('\0')) {
            return Err(Error::invalid("The query string contains a NUL character"));
        }
        let body = match Limited::new(body, BODY_LIMIT).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => {
                return Err(Error::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    Code::RequestEntityTooLarge,
                    "Request body is larger than the limit of 1 MiB",
                ));
            }
            Err(error) => {
                return Err(Error::bad_request(Code::BadJson, format!("Could not read the request body: {error}")));
            }
        };
        Ok(Self { method: parts.method, headers: parts.headers, query, body, ip, limited })
    }
}

fn client(auth: &Auth, headers: &HeaderMap, peer: Option<IpAddr>) -> (IpAddr, bool) {
    let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)).to_canonical();
    let limits = &auth.config().limits;
    let trusted = limits.client_header.as_deref().and_then(|name| headers.get(name)).and_then(|v| v.to_str().ok());
    match trusted.and_then(|value| value.split(',').next()?.trim().parse::<IpAddr>().ok()) {
        Some(ip) => (ip.to_canonical(), limits.per_client),
        None => (peer, limits.per_client && !peer.is_loopback()),
    }
}

impl Req {
    /// The body as `T`: JSON whatever the content type says; null reads as absent; the last of two equal keys counts.
    ///
    /// # Errors
    /// 400 `bad_json`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        from_object(self.object()?)
    }

    /// As [`Req::json`], but an empty body is an empty object.
    ///
    /// # Errors
    /// 400 `bad_json`.
    pub fn json_or_empty<T: DeserializeOwned>(&self) -> Result<T, Error> {
        if self.body.is_empty() { from_object(Object::new()) } else { self.json() }
    }

    /// The body as a JSON object without its nulls.
    ///
    /// # Errors
    /// 400 `bad_json`.
    pub fn object(&self) -> Result<Object, Error> {
        let value: Value = serde_json::from_slice(&self.body).map_err(bad_json)?;
        match value {
            Value::Object(mut object) => {
                object.retain(|_, value| !value.is_null());
                if object.iter().any(|(key, value)| key.contains('\0') || has_nul(value)) {
                    return Err(Error::invalid("The request body contains a NUL character"));
                }
                Ok(object)
            }
            Value::Null => Ok(Object::new()),
            other => Err(bad_json(format!("cannot unmarshal {} into an object", kind_of(&other)))),
        }
    }

    /// A query parameter; the first of its name.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A header that is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The client's software, cut to a sane length.
    pub fn user_agent(&self) -> Option<&str> {
        let text = self.headers.get(header::USER_AGENT)?.to_str().ok()?;
        (!text.is_empty()).then(|| text.get(..1024).unwrap_or(text))
    }

    /// The bearer token.
    ///
    /// # Errors
    /// 401 `no_authorization`.
    pub fn bearer(&self) -> Result<&str, Error> {
        let token = self.header("authorization").and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        token.filter(|token| !token.is_empty()).ok_or_else(|| {
            Error::new(StatusCode::UNAUTHORIZED, Code::NoAuthorization, "This endpoint requires a valid Bearer token")
        })
    }

    /// Whom the user must be for: `X-JWT-AUD`, else the default.
    pub fn audience(&self, auth: &Auth) -> String {
        match self.header("x-jwt-aud").filter(|aud| !aud.is_empty()) {
            Some(aud) => aud.to_owned(),
            None => auth.config().jwt.aud.clone(),
        }
    }

    /// Where the browser goes afterwards: header, then query, then `Referer`; what is not allowed becomes the site's own page.
    pub fn redirect_to(&self, auth: &Auth) -> String {
        let asked = self
            .header("redirect_to")
            .filter(|url| !url.is_empty())
            .or_else(|| self.query("redirect_to").filter(|url| !url.is_empty()));
        self.allowed_redirect(auth, asked)
    }

    /// As [`Req::redirect_to`], with a target that came elsewhere.
    pub fn allowed_redirect(&self, auth: &Auth, asked: Option<&str>) -> String {
        let candidates = [asked, self.header("referer")];
        candidates
            .into_iter()
            .flatten()
            .find(|url| auth.allow_list.allows(url))
            .map_or_else(|| auth.config().site_url.clone(), str::to_owned)
    }

    /// A target that was asked for earlier, if it is allowed; else the site's own page.
    pub fn allowed_target(&self, auth: &Auth, asked: &str) -> String {
        if auth.allow_list.allows(asked) { asked.to_owned() } else { auth.config().site_url.clone() }
    }

    /// The origin for links in mails: the external URL, or a forwarded host that is listed.
    pub fn external_host(&self, auth: &Auth) -> Option<String> {
        let host = self.header("x-forwarded-host")?.to_ascii_lowercase();
        auth.config().mailer.external_hosts.iter().any(|known| known.eq_ignore_ascii_case(&host)).then_some(host)
    }
}

fn bad_json(error: impl std::fmt::Display) -> Error {
    Error::bad_request(Code::BadJson, format!("Could not parse request body as JSON: {error}"))
}

pub(crate) fn from_object<T: DeserializeOwned>(object: Object) -> Result<T, Error> {
    serde_json::from_value(Value::Object(object)).map_err(bad_json)
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// PostgreSQL has no NUL in text, and a bare 500 would tell nobody why.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(object) => object.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
