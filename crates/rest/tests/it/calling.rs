use rest::RestConfig;
use serde_json::json;

use crate::client::{Library, token_of};

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

/// The parameter without a name takes the body; without one it takes what came in its stead, as JSON.
#[tokio::test]
async fn a_parameter_without_a_name_is_given_something_always() {
    let library = Library::open().await;
    library
        .database
        .run("create function echo(json default '[0]') returns json language sql stable as $$ select $1 $$")
        .await;
    library.rest.reload().await.unwrap();
    assert_eq!(library.post("/rpc/echo", &[], &json!({"a": 1})).await.both(), (200, json!({"a": 1})));
    assert_eq!(library.get("/rpc/echo").await.both(), (200, json!({})));
    assert_eq!(library.send("HEAD", "/rpc/echo", &[], "").await.status, 200);
    let form = "content-type: application/x-www-form-urlencoded";
    assert_eq!(library.send("POST", "/rpc/echo", &[form], "").await.both(), (200, json!({})));
}

#[tokio::test]
async fn one_of_a_set_of_values_is_an_object_where_one_is_asked_for() {
    let library = Library::open().await;
    library
        .database
        .run("create function one_by_one() returns setof int language sql stable as $$ select generate_series(1, 3) $$")
        .await;
    library.rest.reload().await.unwrap();
    let object = "accept: application/vnd.pgrst.object+json";
    let reply = library.send("GET", "/rpc/one_by_one?limit=1", &[object], "").await;
    assert_eq!(reply.both(), (200, json!({"pgrst_scalar": 1})));
    assert_eq!(library.get("/rpc/one_by_one?limit=2").await.both(), (200, json!([1, 2])));
    let reply = library.send("GET", "/rpc/add?a=2&b=3", &[object], "").await;
    assert_eq!(reply.both(), (200, json!(5)), "a single value stays one");
}

#[tokio::test]
async fn cookies_are_told_as_they_were_sent() {
    let library = Library::open().await;
    library
        .database
        .run("create function jar() returns json language sql as $$ select current_setting('request.cookies', true)::json $$")
        .await;
    library.rest.reload().await.unwrap();
    for (sent, told) in [
        ("a=1; b=2;a=3", json!({"a": "3", "b": "2"})),
        ("a=x y ; b;", json!({"a": "x y ", "b": ""})),
        ("=z;;a=b=c", json!({"": "", "a": "b=c"})),
        ("", json!({})),
    ] {
        let reply = library.send("GET", "/rpc/jar", &[&format!("cookie: {sent}")], "").await;
        assert_eq!(reply.json(), told, "{sent}");
    }
}

/// PostgREST asks `pg_roles`, and keeps what PostgreSQL knows as a setting.
#[tokio::test]
async fn what_is_set_for_a_role_holds_for_its_requests() {
    let library = Library::open().await;
    let login = library.database.authenticator.clone();
    library
        .database
        .run(&format!(
            "create role keeper nologin; grant keeper to {}; grant usage on schema public to keeper;
             alter role keeper set statement_timeout = '9s';
             alter role keeper set default_transaction_isolation = 'repeatable read';
             alter role keeper set shelf.number = '7';
             alter role keeper in database {} set work_mem = '6MB';
             create function told(name text) returns text language sql stable as $$ select current_setting(name, true) $$;",
            login.user, login.database
        ))
        .await;
    let library = library.reopened().await;
    let keeper = token_of("keeper", "k");
    let mut told = Vec::new();
    for name in ["statement_timeout", "transaction_isolation", "shelf.number", "work_mem"] {
        told.push(library.send("GET", &format!("/rpc/told?name={name}"), &[&keeper], "").await.json());
    }
    assert_eq!(told, [json!("9s"), json!("repeatable read"), json!(null), json!("4MB")]);
    // They are read with the configuration in the database, and not without.
    let library = library.reopened_with(|config| RestConfig { role_settings: false, ..config }).await;
    for (name, value) in [("statement_timeout", "8s"), ("transaction_isolation", "read committed")] {
        let reply = library.send("GET", &format!("/rpc/told?name={name}"), &[&keeper], "").await;
        assert_eq!(reply.json(), json!(value), "{name}");
    }
}
