use http::Method;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, AUTHORIZATION, CONTENT_ENCODING};
use http_body_util::BodyExt;

use super::*;

/// Answers with what it saw: path, Authorization, and the length of the body.
struct Echo;

impl Service for Echo {
    fn name(&self) -> &'static str {
        "rest"
    }

    fn call(self: Arc<Self>, request: Request<Body>) -> service::Answer {
        Box::pin(async move {
            assert_ne!(request.uri().path(), "/panic", "asked to panic");
            let uri = request.uri().to_string();
            let authorization = request.headers().get(AUTHORIZATION).map(|v| v.to_str().unwrap().to_owned());
            let extent = request.headers().get("extent").cloned();
            let mut answer = match request.into_body().collect().await {
                Ok(body) => Response::new(Body::from(format!(
                    "{uri} {} {}{}",
                    authorization.unwrap_or_default(),
                    body.to_bytes().len(),
                    " ".repeat(4096)
                ))),
                Err(_) => fault(StatusCode::PAYLOAD_TOO_LARGE, "cut", None),
            };
            if let Some(extent) = extent {
                answer.headers_mut().insert(CONTENT_RANGE, extent);
            }
            answer
        })
    }
}

fn edge(state: Readiness) -> (Arc<Edge>, watch::Sender<Readiness>) {
    let (sender, receiver) = watch::channel(state);
    let keys = ApiKeys {
        publishable: "sb_publishable_p".into(),
        secret: "sb_secret_s".into(),
        anon_token: "anon.jwt".into(),
        service_token: "service.jwt".into(),
        required: false,
    };
    let limits = Limits { body: 10, wait_for_database: Duration::from_millis(300) };
    let edge = Edge::new(Some(keys), limits, receiver, Arc::default()).with(Arc::new(Echo));
    (Arc::new(edge), sender)
}

async fn ask(edge: &Arc<Edge>, request: Request<Body>) -> (StatusCode, http::HeaderMap, Vec<u8>) {
    let peer = SocketAddr::from(([127, 0, 0, 1], 9));
    let response = Arc::clone(edge).answer(request, peer).await;
    let (parts, body) = response.into_parts();
    (parts.status, parts.headers, body.collect().await.unwrap().to_bytes().to_vec())
}

fn get(path: &str) -> Request<Body> {
    Request::builder().uri(path).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn a_service_sees_its_path_and_a_token() {
    let (edge, _state) = edge(Readiness::Ready);
    let mut request = get("/rest/v1/courses?select=id");
    request.headers_mut().insert("apikey", HeaderValue::from_static("sb_publishable_p"));
    let (status, headers, body) = ask(&edge, request).await;
    assert_eq!(status, 200);
    assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    assert!(headers.contains_key("x-request-id"));
    assert!(String::from_utf8(body).unwrap().starts_with("/courses?select=id Bearer anon.jwt 0"));
    assert_eq!(ask(&edge, get("/rest/v10/x")).await.0, 404);
    assert!(ask(&edge, get("/rest/v1")).await.2.starts_with(b"/ "));
}

#[tokio::test]
async fn bodies_are_bounded_announced_or_not() {
    let (edge, _state) = edge(Readiness::Ready);
    let announced = Request::builder()
        .method(Method::POST)
        .uri("/rest/v1/x")
        .header(CONTENT_LENGTH, "11")
        .body(Body::from(vec![b'x'; 11]))
        .unwrap();
    assert_eq!(ask(&edge, announced).await.0, 413);
    let chunked = Request::builder().method(Method::POST).uri("/rest/v1/x").body(Body::from(vec![b'x'; 11])).unwrap();
    assert_eq!(ask(&edge, chunked).await.0, 413);
    let fits = Request::builder().method(Method::POST).uri("/rest/v1/x").body(Body::from(vec![b'x'; 10])).unwrap();
    assert_eq!(ask(&edge, fits).await.0, 200);
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_next_request_is_answered() {
    let (edge, _state) = edge(Readiness::Ready);
    assert_eq!(ask(&edge, get("/rest/v1/panic")).await.0, 500);
    assert_eq!(ask(&edge, get("/rest/v1/x")).await.0, 200);
}

#[tokio::test]
async fn a_restarting_database_is_waited_for_then_503() {
    let (edge, state) = edge(Readiness::Restarting);
    let (status, headers, _) = ask(&edge, get("/rest/v1/x")).await;
    assert_eq!((status, headers[RETRY_AFTER].to_str().unwrap()), (StatusCode::SERVICE_UNAVAILABLE, "1"));
    let waiting = tokio::spawn({
        let edge = Arc::clone(&edge);
        async move { ask(&edge, get("/rest/v1/x")).await.0 }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    state.send(Readiness::Ready).unwrap();
    assert_eq!(waiting.await.unwrap(), 200);
    assert_eq!(ask(&edge, get("/health")).await.0, 200);
}

#[tokio::test]
async fn large_answers_are_compressed_when_asked() {
    let (edge, _state) = edge(Readiness::Ready);
    let mut request = get("/rest/v1/x");
    request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    let (_, headers, body) = ask(&edge, request).await;
    assert_eq!(headers[CONTENT_ENCODING], "gzip");
    assert!(body.len() < 4096 && body.starts_with(&[0x1f, 0x8b]));
    // Every list of PostgREST says which rows it has; only a range of bytes is of one encoding.
    for (extent, encoding) in [("0-14/*", Some("gzip")), ("*/0", Some("gzip")), ("bytes 0-9/100", None)] {
        let mut request = get("/rest/v1/x");
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        request.headers_mut().insert("extent", HeaderValue::from_static(extent));
        let (_, headers, _) = ask(&edge, request).await;
        assert_eq!(headers[CONTENT_RANGE], extent);
        assert_eq!(headers.get(CONTENT_ENCODING).map(|v| v.to_str().unwrap()), encoding, "{extent}");
    }
}

#[tokio::test]
async fn metrics_count_by_service_and_are_not_public() {
    let (edge, _state) = edge(Readiness::Ready);
    ask(&edge, get("/rest/v1/x")).await;
    let page = String::from_utf8(ask(&edge, get("/metrics")).await.2).unwrap();
    assert!(page.contains(r#"basalt_http_requests_total{service="rest",status="2xx"} 1"#), "{page}");
    let stranger = SocketAddr::from(([203, 0, 113, 5], 9));
    assert_eq!(Arc::clone(&edge).answer(get("/metrics"), stranger).await.status(), 401);
}
