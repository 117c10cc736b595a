use bytes::Bytes;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use rest::RestConfig;
use serde_json::json;

use crate::client::Library;

#[tokio::test]
async fn junk_is_never_our_fault() {
    let library = Library::open().await;
    let mut runner = TestRunner::deterministic();
    let query = proptest::string::string_regex(
        r#"((select|order|and|or|id|authors\.name|limit|offset|not\.or|on_conflict|columns|title)=[a-z0-9\(\)\.,:!\->\*_"\\\{\} %$]{0,24}&){1,4}"#,
    )
    .unwrap();
    let body = proptest::collection::vec(proptest::num::u8::ANY, 0..60);
    for round in 0..300 {
        let text = query.new_tree(&mut runner).unwrap().current();
        let encoded: String = text
            .bytes()
            .map(|b| match b {
                b'"' | b'\\' | b'{' | b'}' | b' ' | b'>' | b'%' => format!("%{b:02X}"),
                other => char::from(other).to_string(),
            })
            .collect();
        let method = ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD"][round % 6];
        let relation = ["/books", "/rpc/books_of", "/authors"][round % 3];
        let body = Bytes::from(body.new_tree(&mut runner).unwrap().current());
        let reply = library.send(method, &format!("{relation}?{encoded}"), &["prefer: tx=rollback"], body).await;
        assert!(reply.status < 500, "{method} {relation}?{text}: {} {}", reply.status, reply.body);
    }
}

#[tokio::test]
async fn text_that_is_no_text_is_refused() {
    let library = Library::open().await;
    let reply = library.get("/books?title=eq.%ff").await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "PGRST100"));
    assert_eq!(library.get("/books?select=id&title=eq.%00").await.both(), (200, json!([])));
    let reply = library.get(&format!("/books?select={}id{}", "authors(".repeat(300), ")".repeat(300))).await;
    assert_eq!(reply.status, 400);
    let deep = "[".repeat(5000);
    assert_eq!(library.send("POST", "/books", &[], deep).await.code(), "PGRST102");
}

#[tokio::test]
async fn bodies_have_a_limit() {
    let library = Library::open_with(|config| RestConfig { max_body_bytes: 100, ..config }).await;
    let reply = library.post("/genres", &[], &json!({"name": "x".repeat(200)})).await;
    assert_eq!((reply.status, reply.code().as_str()), (413, "PGRST102"));
}

#[tokio::test]
async fn other_origins_are_answered() {
    let library = Library::open().await;
    let preflight =
        ["origin: http://a.example", "access-control-request-method: POST", "access-control-request-headers: x-a"];
    let reply = library.send("OPTIONS", "/books", &preflight, "").await;
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, "*"));
    assert!(reply.header("access-control-allow-headers").contains("x-a"));
    let reply = library.send("GET", "/genres", &["origin: http://a.example"], "").await;
    assert!(reply.header("access-control-expose-headers").contains("Content-Range"));
    assert_eq!(
        library.send("OPTIONS", "/long_books", &[], "").await.header("allow"),
        "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"
    );
}
