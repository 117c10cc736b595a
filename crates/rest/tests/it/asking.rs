//! The edges of what can be asked: headers and parameters that say little, too much or the same twice.

use serde_json::json;

use crate::client::{Library, claims_token};

#[tokio::test]
async fn a_repeated_parameter_is_named_once_in_the_location() {
    let library = Library::open().await;
    let reply = library.get("/books?select=id&id=gt.1&id=lt.3").await;
    assert_eq!(reply.both(), (200, json!([{"id": 2}])));
    assert_eq!(reply.header("content-location"), "/books?id=gt.1,lt.3&select=id");
}

#[tokio::test]
async fn a_limit_of_a_level_without_a_name_is_refused() {
    let library = Library::open().await;
    let reply = library.get("/books?.limit=1").await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "PGRST100"));
    assert_eq!(reply.json()["message"], r#""failed to parse tree path (.limit)" (line 1, column 1)"#);
}

#[tokio::test]
async fn a_preflight_is_told_the_headers_it_asks_for_and_no_name_twice() {
    let library = Library::open().await;
    let ask = async |asked: Option<&str>| {
        let mut headers = vec!["origin: http://a.example", "access-control-request-method: POST"];
        headers.extend(asked);
        let reply = library.send("OPTIONS", "/books", &headers, "").await;
        assert_eq!((reply.status, reply.header("access-control-max-age")), (200, "86400"));
        reply.header("access-control-allow-headers").to_owned()
    };
    assert_eq!(ask(None).await, "");
    let asked = "access-control-request-headers: x-a,accept , Content-Type";
    assert_eq!(ask(Some(asked)).await, "Authorization, x-a, accept, Content-Type, Accept-Language, Content-Language");
    let nothing = "access-control-request-headers: ";
    assert_eq!(ask(Some(nothing)).await, "Authorization, Accept, Accept-Language, Content-Language");
}

#[tokio::test]
async fn preferences_are_taken_as_they_are_written() {
    let library = Library::open().await;
    let delete = async |prefer: &[&str]| library.send("DELETE", "/book_genres", prefer, "").await;
    let reply = delete(&["prefer: handling=strict, max-affected= 2"]).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "PGRST124"));
    // The first counts, though it is no number.
    let undone = library.send("GET", "/book_genres", &["prefer: handling=strict, max-affected=x, max-affected=1"], "");
    assert_eq!(undone.await.header("preference-applied"), "handling=strict");
    let reply = delete(&["prefer: handling=strict,"]).await;
    assert_eq!((reply.status, reply.json()["details"].clone()), (400, json!("Invalid preferences: ")));
    let reply = delete(&["prefer: ", "prefer: handling=strict"]).await;
    assert_eq!((reply.status, reply.header("preference-applied")), (204, "handling=strict"));
}

#[tokio::test]
async fn a_quality_is_read_as_far_as_it_is_a_number() {
    let library = Library::open().await;
    let label = async |accept: &str| {
        let reply = library.send("GET", "/genres", &[&format!("accept: {accept}")], "").await;
        reply.header("content-type").to_owned()
    };
    assert_eq!(label("text/csv;q=.5, application/json;q=0.9").await, "text/csv; charset=utf-8");
    assert_eq!(label("text/csv;q=0.5x, application/json;q=0.9").await, "application/json; charset=utf-8");
}

#[tokio::test]
async fn a_form_may_begin_like_a_query_string() {
    let library = Library::open().await;
    let form = ["content-type: application/x-www-form-urlencoded", "prefer: return=representation"];
    let reply = library.send("POST", "/genres", &form, "?name=art").await;
    assert_eq!(reply.both(), (201, json!([{"name": "art"}])));
    let reply = library.send("POST", "/rpc/add", &form[..1], "?a=1&b=2").await;
    assert_eq!(reply.both(), (200, json!(3)));
}

#[tokio::test]
async fn a_token_that_names_null_as_its_role_is_not_anonymous() {
    let library = Library::open().await;
    let reply = library.send("GET", "/books", &[&claims_token(&json!({"role": null}))], "").await;
    assert_eq!((reply.status, reply.json()["message"].clone()), (401, json!("role \"null\" does not exist")));
    let reply = library.send("GET", "/books?id=eq.1&select=id", &[&claims_token(&json!({"sub": "ann"}))], "").await;
    assert_eq!(reply.both(), (200, json!([{"id": 1}])));
}

#[tokio::test]
async fn claims_in_another_alphabet_are_no_claims() {
    let library = Library::open().await;
    let token = claims_token(&json!({"role": "authenticated"}));
    let [header, _, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    let reply = library.send("GET", "/books", &[&format!("{header}.%%%.{signature}")], "").await;
    assert_eq!((reply.status, reply.code().as_str()), (401, "PGRST301"));
    assert_eq!(reply.json()["message"], "JWT cryptographic operation failed");
}

#[tokio::test]
async fn of_a_key_that_is_raised_twice_the_last_counts() {
    let library = Library::open().await;
    let raise = r#"create function strange() returns void language plpgsql as $$ begin
        raise sqlstate 'PGRST' using message = '{"code": "1", "code": "2", "message": "m"}',
            detail = '{"status": 400, "status": 402, "headers": {"X-A": "1"}}';
    end $$"#;
    library.database.run(raise).await;
    library.rest.reload().await.unwrap();
    let reply = library.send("POST", "/rpc/strange", &[], "").await;
    assert_eq!(reply.both(), (402, json!({"code": "2", "message": "m", "details": null, "hint": null})));
    assert_eq!((reply.header("x-a"), reply.header("proxy-status")), ("1", "PostgREST; error=2"));
}
