//! Mailpit's JSON API, the page, the views of a letter; and Inbucket's, which older projects' tests still ask.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderValue, Request, StatusCode, header};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde::Deserialize;
use serde_json::{Value, json};
use service::Tasks;
use tokio::net::TcpListener;
use tower::ServiceExt;

use super::{Inbox, ReceivedMessage, page, wire};

/// Letters on a page of the list, as in Mailpit.
const PAGE: usize = 50;
const MAX_PAGE: usize = 1_000;

pub(super) fn serve(inbox: Arc<Inbox>, listener: TcpListener, tasks: &Tasks) {
    let router = router(inbox);
    let spawner = tasks.clone();
    tasks.spawn_until_stop(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let router = router.clone();
            let answer = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
                let router = router.clone();
                async move { Ok::<_, Infallible>(answer(router, request.map(Body::new)).await) }
            });
            spawner.spawn_until_stop(async move {
                let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer).await;
            });
        }
    });
}

async fn answer(router: Router, request: Request<Body>) -> Response {
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

pub(super) fn router(inbox: Arc<Inbox>) -> Router {
    Router::new()
        .route("/", get(|| async { Html(page::PAGE) }))
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(|| async { "ok" }))
        .route("/api/v1/info", get(info))
        .route("/api/v1/messages", get(list).put(mark).delete(delete))
        .route("/api/v1/search", get(search).delete(delete_found))
        .route("/api/v1/message/{id}", get(message))
        .route("/api/v1/message/{id}/headers", get(headers))
        .route("/api/v1/message/{id}/raw", get(raw))
        .route("/view/{name}", get(view))
        .route("/api/v1/mailbox/{name}", get(mailbox).delete(purge))
        .route("/api/v1/mailbox/{name}/{id}", get(mailbox_message).delete(delete_one))
        .with_state(inbox)
}

#[derive(Deserialize)]
struct Paging {
    start: Option<usize>,
    limit: Option<usize>,
    query: Option<String>,
}

#[derive(Deserialize, Default)]
struct Selection {
    #[serde(rename = "IDs", default)]
    ids: Option<Vec<String>>,
    #[serde(rename = "Read", default)]
    read: bool,
}

async fn info(State(inbox): State<Arc<Inbox>>) -> Json<Value> {
    let all = inbox.messages();
    let size: usize = all.iter().map(|one| one.raw.len()).sum();
    Json(json!({
        "Version": concat!("basalt-", env!("CARGO_PKG_VERSION")), "LatestVersion": "", "Database": "memory", "DatabaseSize": size,
        "Messages": all.len(), "Unread": unread(&all), "Tags": {}, "RuntimeStats": {},
    }))
}

async fn list(State(inbox): State<Arc<Inbox>>, Query(paging): Query<Paging>) -> Json<Value> {
    let all = inbox.messages();
    let found: Vec<&ReceivedMessage> = all.iter().collect();
    Json(page_of(&all, &found, &paging))
}

async fn search(State(inbox): State<Arc<Inbox>>, Query(paging): Query<Paging>) -> Json<Value> {
    let all = inbox.messages();
    let query = paging.query.as_deref().unwrap_or_default();
    let found: Vec<&ReceivedMessage> = all.iter().filter(|one| wire::matches(one, query)).collect();
    Json(page_of(&all, &found, &paging))
}

fn page_of(all: &[ReceivedMessage], found: &[&ReceivedMessage], paging: &Paging) -> Value {
    let start = paging.start.unwrap_or(0);
    let limit = paging.limit.unwrap_or(PAGE).min(MAX_PAGE);
    let messages: Vec<Value> = found.iter().skip(start).take(limit).map(|one| wire::summary(one)).collect();
    let unread_found = found.iter().filter(|one| !one.read).count();
    json!({
        "total": all.len(), "unread": unread(all), "count": messages.len(), "messages_count": found.len(),
        "messages_unread": unread_found, "start": start, "tags": [], "messages": messages,
    })
}

fn unread(all: &[ReceivedMessage]) -> usize {
    all.iter().filter(|one| !one.read).count()
}

async fn mark(State(inbox): State<Arc<Inbox>>, body: Bytes) -> &'static str {
    let selection = selection(&body);
    inbox.set_read(&selection.ids.unwrap_or_default(), selection.read);
    "ok"
}

async fn delete(State(inbox): State<Arc<Inbox>>, body: Bytes) -> &'static str {
    inbox.delete(&selection(&body).ids.unwrap_or_default());
    "ok"
}

/// Clients send these bodies with and without a content type.
fn selection(body: &[u8]) -> Selection {
    serde_json::from_slice(body).unwrap_or_default()
}

async fn delete_found(State(inbox): State<Arc<Inbox>>, Query(paging): Query<Paging>) -> &'static str {
    let query = paging.query.unwrap_or_default();
    let found = inbox.messages().into_iter().filter(|one| wire::matches(one, &query));
    let ids: Vec<String> = found.map(|one| one.id).collect();
    if !ids.is_empty() {
        inbox.delete(&ids);
    }
    "ok"
}

async fn message(State(inbox): State<Arc<Inbox>>, Path(id): Path<String>) -> Response {
    let Some(message) = inbox.message(&id) else { return missing() };
    inbox.set_read(std::slice::from_ref(&message.id), true);
    Json(wire::whole(&message)).into_response()
}

async fn headers(State(inbox): State<Arc<Inbox>>, Path(id): Path<String>) -> Response {
    inbox.message(&id).map_or_else(missing, |message| Json(wire::headers(&message)).into_response())
}

async fn raw(State(inbox): State<Arc<Inbox>>, Path(id): Path<String>) -> Response {
    inbox.message(&id).map_or_else(missing, |message| plain(message.raw.to_vec()))
}

/// `/view/<id>.html` and `/view/<id>.txt`.
async fn view(State(inbox): State<Arc<Inbox>>, Path(name): Path<String>) -> Response {
    let (id, html) = match (name.strip_suffix(".html"), name.strip_suffix(".txt")) {
        (Some(id), _) => (id, true),
        (_, Some(id)) => (id, false),
        _ => return missing(),
    };
    let Some(message) = inbox.message(id) else { return missing() };
    if !html {
        return plain(wire::text(&message).into_bytes());
    }
    let mut response = Html(wire::html(&message)).into_response();
    // Anybody may have written this letter: no script, no access to the page around it.
    let policy = "default-src 'none'; img-src * data:; style-src 'unsafe-inline' *; font-src *; sandbox allow-popups allow-popups-to-escape-sandbox";
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

/// Inbucket names a mailbox by what stands before the `@`, or by the whole address. Oldest first, as there.
fn of_mailbox(inbox: &Inbox, name: &str) -> Vec<ReceivedMessage> {
    let name = name.to_lowercase();
    let is_his = |to: &String| {
        let to = to.to_lowercase();
        to == name || to.split('@').next() == Some(name.as_str())
    };
    let mut his: Vec<_> = inbox.messages().into_iter().filter(|one| one.recipients.iter().any(is_his)).collect();
    his.reverse();
    his
}

async fn mailbox(State(inbox): State<Arc<Inbox>>, Path(name): Path<String>) -> Json<Value> {
    let his = of_mailbox(&inbox, &name);
    Json(his.iter().map(|one| wire::inbucket(one, &name, false)).collect())
}

async fn mailbox_message(State(inbox): State<Arc<Inbox>>, Path((name, id)): Path<(String, String)>) -> Response {
    let his = of_mailbox(&inbox, &name);
    let found = if id == "latest" { his.last() } else { his.iter().find(|one| one.id == id) };
    let Some(found) = found else { return missing() };
    inbox.set_read(std::slice::from_ref(&found.id), true);
    Json(wire::inbucket(found, &name, true)).into_response()
}

async fn purge(State(inbox): State<Arc<Inbox>>, Path(name): Path<String>) -> &'static str {
    let ids: Vec<String> = of_mailbox(&inbox, &name).into_iter().map(|one| one.id).collect();
    if !ids.is_empty() {
        inbox.delete(&ids);
    }
    "OK"
}

async fn delete_one(State(inbox): State<Arc<Inbox>>, Path((_, id)): Path<(String, String)>) -> &'static str {
    inbox.delete(&[id]);
    "OK"
}

fn plain(bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], bytes).into_response()
}

fn missing() -> Response {
    (StatusCode::NOT_FOUND, "404 page not found").into_response()
}
