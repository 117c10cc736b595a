//! The admin port: `/live`, `/ready`, `/metrics`, `/schema_cache`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;

use super::config::{Config, Endpoint};
use super::{Application, Site};

/// Answers one request to the admin port.
pub fn answer<A: Application, B>(site: &Arc<Site<A>>, request: &Request<B>) -> Response<Full<Bytes>> {
    let found = |status: StatusCode| plain(status, Bytes::new(), "text/plain");
    match request.uri().path().trim_matches('/') {
        // Reached, so the process lives and answers.
        "live" => found(StatusCode::OK),
        "ready" if site.is_ready() => found(StatusCode::OK),
        "ready" => found(StatusCode::SERVICE_UNAVAILABLE),
        "metrics" => plain(StatusCode::OK, site.metrics_text().into(), "text/plain; charset=utf-8"),
        "schema_cache" => match site.catalog_json() {
            Some(json) => plain(StatusCode::OK, json.into(), "application/json; charset=utf-8"),
            None => found(StatusCode::SERVICE_UNAVAILABLE),
        },
        _ => found(StatusCode::NOT_FOUND),
    }
}

fn plain(status: StatusCode, body: Bytes, media_type: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// `--ready`: asks the admin port of a running server.
///
/// # Errors
/// It is not ready, does not answer, or has no admin port.
pub fn ask_ready(config: &Config) -> Result<String, String> {
    let Endpoint { host, port: Some(port), .. } = &config.admin else {
        return Err("ERROR: Admin server is not running. Please check admin-server-port config.".into());
    };
    let host = if host.starts_with(['!', '*']) { "localhost" } else { host };
    let url = format!("http://{host}:{port}/ready");
    let failed = |e: std::io::Error| format!("ERROR: Could not connect to {url}: {e}");
    let mut stream = TcpStream::connect((host, *port)).map_err(failed)?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).map_err(failed)?;
    write!(stream, "GET /ready HTTP/1.0\r\nHost: {host}\r\n\r\n").map_err(failed)?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).map_err(failed)?;
    match &head[9..12] {
        b"200" => Ok(format!("OK: {url}")),
        status => Err(format!("ERROR: {url} answered {}", String::from_utf8_lossy(status))),
    }
}
