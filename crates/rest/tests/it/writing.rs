use rest::{RestConfig, TxEnd};
use serde_json::json;

use crate::client::{Library, token};

const FULL: &str = "prefer: return=representation";

#[tokio::test]
async fn rows_are_inserted_one_many_and_as_csv() {
    let library = Library::open().await;
    let book = json!({"id": 10, "title": "New", "author_id": 1});
    let reply = library.post("/books?select=id,in_print,authors(name)", &[FULL], &book).await;
    assert_eq!(reply.both(), (201, json!([{"id": 10, "in_print": true, "authors": {"name": "Ada"}}])));
    let reply = library.post("/genres", &[], &json!([{"name": "a"}, {"name": "b"}])).await;
    assert_eq!((reply.status, reply.body.as_str(), reply.header("content-range")), (201, "", "*/*"));
    let reply = library.send("POST", "/genres", &["content-type: text/csv", FULL], "name\nNULL\n").await;
    assert_eq!(reply.code(), "23502");
    let reply = library.post("/genres", &["prefer: return=headers-only"], &json!({"name": "x y"})).await;
    assert_eq!(reply.header("location"), "/genres?name=eq.x%20y");
    let reply = library.post("/genres", &[], &json!([{"name": "c"}, {"nam": "d"}])).await;
    assert_eq!(reply.code(), "PGRST102");
    assert_eq!(library.post("/genres", &[], &json!({"nam": "d"})).await.code(), "PGRST204");
}

#[tokio::test]
async fn missing_values_take_their_defaults_on_demand() {
    let library = Library::open().await;
    let rows = json!([{"id": 20, "title": "a", "in_print": false}, {"id": 21, "title": "b"}]);
    let url = "/books?columns=id,title,in_print&select=id,in_print";
    let reply = library.post(url, &["prefer: missing=default, return=representation"], &rows).await;
    assert_eq!(reply.both(), (201, json!([{"id": 20, "in_print": false}, {"id": 21, "in_print": true}])));
    assert_eq!(reply.header("preference-applied"), "missing=default, return=representation");
}

#[tokio::test]
async fn existing_rows_are_merged_or_left() {
    let library = Library::open().await;
    let rows = json!([{"id": 1, "name": "Augusta"}]);
    let merge = "prefer: resolution=merge-duplicates, return=representation";
    let reply = library.post("/authors?select=id,name", &[merge], &rows).await;
    assert_eq!(reply.both(), (200, json!([{"id": 1, "name": "Augusta"}])), "nothing was created");
    let ignore = "prefer: resolution=ignore-duplicates, return=representation";
    let reply =
        library.post("/authors?select=id", &[ignore], &json!([{"id": 1, "name": "x"}, {"id": 4, "name": "y"}])).await;
    assert_eq!(reply.both(), (201, json!([{"id": 4}])));
    let reply = library.send("PUT", "/authors?id=eq.5", &[FULL], r#"{"id": 5, "name": "z"}"#).await;
    assert_eq!(reply.status, 201);
    let reply = library.send("PUT", "/authors?id=eq.5", &[], r#"{"id": 6, "name": "z"}"#).await;
    assert_eq!(reply.code(), "PGRST115");
    assert_eq!(library.send("PUT", "/authors?id=gt.5", &[], r#"{"id": 6}"#).await.code(), "PGRST105");
}

#[tokio::test]
async fn rows_are_changed_and_deleted_by_filters() {
    let library = Library::open().await;
    let reply = library.send("PATCH", "/books?id=eq.1&select=id,pages", &[FULL], r#"{"pages": 121}"#).await;
    assert_eq!(reply.both(), (200, json!([{"id": 1, "pages": 121}])));
    assert_eq!(reply.header("content-range"), "0-0/*");
    let limit = ["prefer: handling=strict, max-affected=1", FULL];
    assert_eq!(library.send("PATCH", "/books?id=gt.0", &limit, r#"{"pages": 1}"#).await.code(), "PGRST124");
    let kept = library.get("/books?select=pages&id=eq.2").await;
    assert_eq!(kept.json(), json!([{"pages": 450}]), "the refused update was rolled back");
    assert_eq!(library.send("DELETE", "/book_genres?book_id=eq.2", &[], "").await.status, 204);
    assert_eq!(library.get("/book_genres?select=book_id").await.json(), json!([{"book_id": 1}]));
    assert_eq!(library.send("DELETE", "/authors?id=eq.1", &[], "").await.both().0, 409);
}

#[tokio::test]
async fn policies_decide_over_writes() {
    let library = Library::open().await;
    let reply = library.post("/notes?select=owner", &[FULL, &token("ann")], &json!({"body": "mine"})).await;
    assert_eq!(reply.both(), (201, json!([{"owner": "ann"}])));
    let reply = library.post("/notes", &[&token("ann")], &json!({"body": "b", "owner": "bob"})).await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "42501"));
}

#[tokio::test]
async fn a_dry_run_leaves_nothing() {
    let config = |config| RestConfig { tx_end: TxEnd::CommitAllowOverride, ..config };
    let library = Library::open_with(config).await;
    let dry = "prefer: tx=rollback, return=representation";
    let reply = library.post("/genres", &[dry], &json!({"name": "ghost"})).await;
    assert_eq!(reply.both(), (201, json!([{"name": "ghost"}])));
    assert_eq!(reply.header("preference-applied"), "return=representation, tx=rollback");
    assert_eq!(library.get("/genres?name=eq.ghost").await.json(), json!([]));
}
