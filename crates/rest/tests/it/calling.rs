use serde_json::json;

use crate::client::Library;

#[tokio::test]
async fn functions_are_called_by_query_and_by_body() {
    let library = Library::open().await;
    assert_eq!(library.get("/rpc/add?a=2&b=3").await.both(), (200, json!(5)));
    assert_eq!(library.post("/rpc/add", &[], &json!({"a": 2, "b": 3})).await.both(), (200, json!(5)));
    assert_eq!(library.get("/rpc/greet").await.both(), (200, json!("hello you")));
    assert_eq!(library.get("/rpc/greet?name=Ann").await.both(), (200, json!("hello Ann")));
    assert_eq!(library.get("/rpc/add?a=2").await.code(), "PGRST202");
}

#[tokio::test]
async fn rows_of_a_function_are_filtered_and_embed() {
    let library = Library::open().await;
    let reply = library.get("/rpc/books_of?author=1&select=id,authors(name)&pages=gt.200").await;
    assert_eq!(reply.both(), (200, json!([{"id": 2, "authors": {"name": "Ada"}}])));
    // The same shape with another value is not answered from the first.
    let reply = library.get("/rpc/books_of?author=1&select=id,authors(name)&pages=gt.900").await;
    assert_eq!(reply.both(), (200, json!([])));
}

#[tokio::test]
async fn sql_can_choose_status_headers_and_errors() {
    let library = Library::open().await;
    let reply = library.send("POST", "/rpc/with_header", &[], "").await;
    assert_eq!((reply.status, reply.header("x-shelf"), reply.json()), (202, "7", json!("/rpc/with_header")));
    let reply = library.send("POST", "/rpc/teapot", &[], "").await;
    assert_eq!(
        reply.both(),
        (
            418,
            json!({"code": "PT418", "message": "I am a teapot", "details": "short and stout", "hint": "tip me over"})
        )
    );
    assert_eq!(library.send("DELETE", "/rpc/add", &[], "").await.code(), "PGRST101");
}
