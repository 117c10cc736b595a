//! The walk of a request from the socket to a service and back.

use std::any::Any;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::ConnectInfo;
use futures_util::FutureExt;
use http::header::{
    ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
};
use http::uri::PathAndQuery;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::Limited;
use serde_json::json;
use service::Service;
use tokio::sync::watch;
use tower::{Layer, ServiceExt, service_fn};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{And, NotForContentType, Predicate, SizeAbove};
use uuid::Uuid;

use crate::cors;
use crate::gateway::{ApiKeys, Refusal};
use crate::metrics::{Metrics, ServiceMetrics};

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Paths that a browser opens from a mail or a provider: nobody can add a key there.
const OPEN: [&str; 5] =
    ["/auth/v1/verify", "/auth/v1/callback", "/auth/v1/authorize", "/auth/v1/.well-known/", "/auth/v1/sso/saml/"];

/// Below this many bytes compression costs more than it saves.
const COMPRESS_ABOVE: u64 = 1024;

/// Is the database there?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Requests go through.
    Ready,
    /// PostgreSQL is being restarted: requests wait a little, then get a 503.
    Restarting,
    /// The server is going down.
    Stopping,
}

/// What a client may ask of us at once.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a request body, for services that do not stream.
    pub body: usize,
    /// How long a request waits for a database that restarts.
    pub wait_for_database: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body: 64 * 1024 * 1024, wait_for_database: Duration::from_secs(5) }
    }
}

struct Route {
    prefix: String,
    service: Arc<dyn Service>,
    metrics: ServiceMetrics,
}

/// One project's front: routes, keys, limits.
pub struct Edge {
    routes: Vec<Route>,
    keys: Option<ApiKeys>,
    limits: Limits,
    readiness: watch::Receiver<Readiness>,
    metrics: Arc<Metrics>,
    own: ServiceMetrics,
}

impl Edge {
    /// A front without services. Without keys, headers are passed on as they come: a service that runs alone.
    pub fn new(
        keys: Option<ApiKeys>,
        limits: Limits,
        readiness: watch::Receiver<Readiness>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let own = metrics.service("edge");
        Self { routes: Vec::new(), keys, limits, readiness, metrics, own }
    }

    /// Serves `service` at `/<name>/v1`.
    #[must_use]
    pub fn with(self, service: Arc<dyn Service>) -> Self {
        let prefix = format!("/{}/v1", service.name());
        self.with_prefix(prefix, service)
    }

    /// Serves `service` at another prefix, e.g. `` for a page.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>, service: Arc<dyn Service>) -> Self {
        let metrics = self.metrics.service(service.name());
        self.routes.push(Route { prefix: prefix.into(), service, metrics });
        self
    }

    /// The metrics of this front.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Answers one request, whatever happens inside.
    pub async fn answer<B>(self: Arc<Self>, request: Request<B>, peer: SocketAddr) -> Response<Body>
    where
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if !request.headers().contains_key(ACCEPT_ENCODING) {
            return self.walk(request, peer).await;
        }
        let edge = service_fn(move |request| {
            let edge = Arc::clone(&self);
            async move { Ok::<_, std::convert::Infallible>(lay_extent_aside(edge.walk(request, peer).await)) }
        });
        match compression().layer(edge).oneshot(request).await {
            Ok(response) => take_extent_back(response.map(Body::new)),
            Err(never) => match never {},
        }
    }

    /// The walk itself: every line is a stage.
    async fn walk<B>(self: Arc<Self>, request: Request<B>, peer: SocketAddr) -> Response<Body>
    where
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let started = Instant::now();
        let id = request_id(&request);
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        self.metrics.in_flight.inc();
        let (mut response, counted) = self.route(request, &path, peer).await;
        self.metrics.in_flight.dec();
        cors::allow_origin(response.headers_mut());
        let took = started.elapsed();
        counted.unwrap_or(&self.own).record(response.status(), took);
        log(&method, &path, &response, took, &id);
        response.headers_mut().insert(REQUEST_ID.clone(), id);
        response
    }

    async fn route<B>(
        &self,
        request: Request<B>,
        path: &str,
        peer: SocketAddr,
    ) -> (Response<Body>, Option<&ServiceMetrics>)
    where
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if let Some(answer) = cors::preflight(&request) {
            return (answer, None);
        }
        let Some(route) = self.routes.iter().find(|route| under(path, &route.prefix)) else {
            return (self.own_page(&request, path, peer), None);
        };
        (self.serve(route, request, path, peer).await, Some(&route.metrics))
    }

    async fn serve<B>(&self, route: &Route, request: Request<B>, path: &str, peer: SocketAddr) -> Response<Body>
    where
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut request = match self.bound(request) {
            Ok(request) => request,
            Err(answer) => return *answer,
        };
        if let Some(keys) = &self.keys
            && !OPEN.iter().any(|open| path.starts_with(open))
            && let Err(refusal) = keys.admit(&mut request)
        {
            return refused(refusal);
        }
        if !self.database_is_there().await {
            return unavailable();
        }
        if let Some(uri) = without_prefix(request.uri(), &route.prefix) {
            *request.uri_mut() = uri;
        }
        request.extensions_mut().insert(ConnectInfo(peer));
        let call = AssertUnwindSafe(Arc::clone(&route.service).call(request)).catch_unwind();
        call.await.unwrap_or_else(|panic| broken(route.service.name(), panic.as_ref()))
    }

    /// Refuses a body that is announced as too long, and cuts one that turns out to be.
    fn bound<B>(&self, request: Request<B>) -> Result<Request<Body>, Box<Response<Body>>>
    where
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if request.body().is_end_stream() {
            return Ok(request.map(|_| Body::empty()));
        }
        let announced = request.headers().get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| length > self.limits.body as u64) {
            let message = format!("The request body is larger than the limit of {} bytes", self.limits.body);
            let hint = "Send less at once, or raise the limit.";
            return Err(Box::new(fault(StatusCode::PAYLOAD_TOO_LARGE, &message, Some(hint))));
        }
        Ok(request.map(|body| Body::new(Limited::new(body, self.limits.body))))
    }

    /// In development the operator sits at the machine; behind a proxy everybody seems to.
    fn is_open_to(&self, peer: SocketAddr) -> bool {
        peer.ip().is_loopback() && !self.keys.as_ref().is_some_and(|keys| keys.required)
    }

    fn is_operator(&self, headers: &http::HeaderMap) -> bool {
        self.keys.as_ref().is_some_and(|keys| keys.is_service(headers))
    }

    /// Waits a little for a database that restarts.
    async fn database_is_there(&self) -> bool {
        if *self.readiness.borrow() == Readiness::Ready {
            return true;
        }
        let mut readiness = self.readiness.clone();
        let ready = readiness.wait_for(|state| *state != Readiness::Restarting);
        matches!(tokio::time::timeout(self.limits.wait_for_database, ready).await, Ok(Ok(state)) if *state == Readiness::Ready)
    }

    /// `/health` and `/metrics`, and what is no route at all.
    fn own_page<B>(&self, request: &Request<B>, path: &str, peer: SocketAddr) -> Response<Body> {
        match path {
            "/health" => {
                let state = *self.readiness.borrow();
                let status = if state == Readiness::Ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
                page(status, "application/json", json!({ "status": format!("{state:?}").to_lowercase() }).to_string())
            }
            "/metrics" if self.is_open_to(peer) || self.is_operator(request.headers()) => {
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                page(StatusCode::OK, kind, self.metrics.page())
            }
            "/metrics" => fault(StatusCode::UNAUTHORIZED, "Metrics need the secret key", None),
            _ => fault(StatusCode::NOT_FOUND, "no Route matched with those values", None),
        }
    }
}

/// The `Content-Range` of an answer, while it is compressed.
#[derive(Clone)]
struct Extent(HeaderValue);

/// Answers with `Content-Range` are not compressed, since a part of some bytes would become another part. PostgREST's says which rows of a
/// whole these are, and stays true.
fn lay_extent_aside(mut response: Response<Body>) -> Response<Body> {
    let counts_rows =
        response.headers().get(CONTENT_RANGE).is_some_and(|range| !range.as_bytes().starts_with(b"bytes"));
    if counts_rows && let Some(extent) = response.headers_mut().remove(CONTENT_RANGE) {
        response.extensions_mut().insert(Extent(extent));
    }
    response
}

fn take_extent_back(mut response: Response<Body>) -> Response<Body> {
    if let Some(Extent(extent)) = response.extensions_mut().remove() {
        response.headers_mut().insert(CONTENT_RANGE, extent);
    }
    response
}

fn compression() -> CompressionLayer<And<SizeAbove, And<NotForContentType, NotForContentType>>> {
    let worthwhile = SizeAbove::new(COMPRESS_ABOVE).and(NotForContentType::IMAGES.and(NotForContentType::SSE));
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worthwhile)
}

/// `/rest/v1` holds `/rest/v1`, `/rest/v1/…`, and not `/rest/v10`.
fn under(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || prefix.ends_with('/'))
}

fn without_prefix(uri: &Uri, prefix: &str) -> Option<Uri> {
    let whole = uri.path_and_query()?.as_str();
    let rest = whole.strip_prefix(prefix)?;
    let rest = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
    let rest = if rest.contains("apikey=") { without_key(&rest) } else { rest };
    Some(Uri::from(PathAndQuery::from_maybe_shared(bytes::Bytes::from(rest)).ok()?))
}

/// The key in a query is for the gateway: REST would take it for a filter.
fn without_key(path_and_query: &str) -> String {
    let Some((path, query)) = path_and_query.split_once('?') else { return path_and_query.to_owned() };
    let rest: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("apikey=")).collect();
    if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) }
}

/// The caller's id where it is sane, so that a proxy's log and ours can be joined.
fn request_id<B>(request: &Request<B>) -> HeaderValue {
    let sane = |value: &&HeaderValue| {
        (1..=128).contains(&value.len()) && value.as_bytes().iter().all(|b| b.is_ascii_graphic())
    };
    request.headers().get(&REQUEST_ID).filter(sane).cloned().unwrap_or_else(|| {
        let mut text = [0_u8; uuid::fmt::Simple::LENGTH];
        let id = Uuid::new_v4().simple().encode_lower(&mut text);
        HeaderValue::from_str(id).unwrap_or(HeaderValue::from_static("-"))
    })
}

/// Failures are always in the log, the rest only when asked for: writing a line costs as much as a read.
fn log(method: &http::Method, path: &str, response: &Response<Body>, took: Duration, id: &HeaderValue) {
    let (status, ms) = (response.status().as_u16(), took.as_secs_f64() * 1e3);
    let id = id.to_str().unwrap_or("-");
    match status {
        500.. => tracing::error!(target: "web", %method, path, status, ms, id, "request failed"),
        400.. => tracing::info!(target: "web", %method, path, status, ms, id, "request refused"),
        _ => tracing::debug!(target: "web", %method, path, status, ms, id, "request"),
    }
}

fn page(status: StatusCode, kind: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// The gateway's own failures: `{"message", "hint"}`, as upstream's.
fn fault(status: StatusCode, message: &str, hint: Option<&str>) -> Response<Body> {
    let mut body = json!({ "message": message });
    if let Some(hint) = hint {
        body["hint"] = hint.into();
    }
    page(status, "application/json; charset=utf-8", body.to_string())
}

fn refused(refusal: Refusal) -> Response<Body> {
    fault(StatusCode::UNAUTHORIZED, &refusal.to_string(), Some(refusal.hint()))
}

fn unavailable() -> Response<Body> {
    let mut response = fault(
        StatusCode::SERVICE_UNAVAILABLE,
        "The database is restarting",
        Some("Try again in a moment; the server's log says why."),
    );
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn broken(service: &'static str, panic: &(dyn Any + Send)) -> Response<Body> {
    let cause = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(target: "web", service, cause = cause.unwrap_or("unknown"), "a service panicked");
    fault(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error", None)
}

#[cfg(test)]
#[path = "edge_tests.rs"]
mod tests;
