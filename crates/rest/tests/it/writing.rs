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
    let reply = library.send("POST", "/genres", &["content-type: text/csv"], "name\n\"a\"b\n").await;
    assert_eq!(
        (reply.code(), reply.json()["message"].clone()),
        ("PGRST102".into(), json!(r#"parse error (endOfInput) at "b\n""#))
    );
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
    assert_eq!(library.post("/authors", &[merge], &json!([])).await.both(), (200, json!([])), "nor here");
    assert_eq!(library.post("/authors", &[ignore], &json!([])).await.both(), (201, json!([])));
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

/// Without rows to return values go into columns another way than with them; what comes of it must be the same.
#[tokio::test]
async fn values_arrive_the_same_whether_rows_are_returned_or_not() {
    let library = Library::open().await;
    library
        .database
        .run(
            "create domain positive as int check (value > 0);
             create type mood as enum ('good', 'bad');
             create table all_kinds (
               i int, big bigint, small smallint, f float8, n numeric(6, 2), t text, short varchar(4), padded char(4), yes bool,
               u uuid, d date, at timestamptz, plain timestamp, clock time, jb jsonb, j json, tags text[], pos positive, m mood);
             grant all on all_kinds to anon;",
        )
        .await;
    library.rest.reload().await.unwrap();
    let columns = [
        "i", "big", "small", "f", "n", "t", "short", "padded", "yes", "u", "d", "at", "plain", "clock", "jb", "j",
        "tags", "pos", "m",
    ];
    let values = [
        "null",
        "true",
        "false",
        "0",
        "1",
        "-7",
        "1.0",
        "1.50",
        "1e2",
        "99999.999",
        "12345678901234567890",
        "\"\"",
        "\"x\"",
        "\" 5 \"",
        "\"yes\"",
        "\"NaN\"",
        "\"infinity\"",
        "\"null\"",
        "\"long words\"",
        "\"abc  \"",
        "\"a\\\"\\n\\u00e9\\\\\"",
        "\"\\u0000\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"2024-02-30\"",
        "\"2024-02-29\"",
        "\"2024-02-29T10:00:00+02:00\"",
        "\"10:11:12.123456789\"",
        "\"8c1f4a6e-33f1-4a43-a3a5-6a3f9c4a7a10\"",
        "\"good\"",
        "\"{a,b}\"",
        "[]",
        "[1, \"b\"]",
        "{\"b\" : [1,2]}",
        "{}",
        "\"{\\\"a\\\":1}\"",
    ];
    for column in columns {
        for value in values {
            let body = format!("{{\"{column}\": {value}}}");
            let returned =
                library.send("POST", "/all_kinds", &["content-type: application/json", FULL], body.clone()).await;
            let silent = library.send("POST", "/all_kinds", &["content-type: application/json"], body.clone()).await;
            assert_eq!(returned.status, silent.status, "{body}: {} | {}", returned.body, silent.body);
            if returned.status != 201 {
                assert_eq!(returned.json(), silent.json(), "{body}");
                continue;
            }
            let rows = library.get("/all_kinds").await.json();
            let [first, second] = rows.as_array().unwrap().as_slice() else { panic!("{body}: {rows}") };
            assert_eq!(first, second, "{body}");
            // The same by UPDATE.
            let empty = format!("{{\"{column}\": null}}");
            let cleared = library.send("PATCH", "/all_kinds", &["content-type: application/json"], empty).await;
            assert_eq!((cleared.status, cleared.header("content-range")), (204, "0-1/*"), "{column}: {}", cleared.body);
            let changed = library.send("PATCH", "/all_kinds", &["content-type: application/json"], body.clone()).await;
            assert_eq!(changed.status, 204, "{body}: {}", changed.body);
            assert_eq!(library.get("/all_kinds").await.json(), rows, "{body}");
            let deleted = library.send("DELETE", "/all_kinds", &["prefer: count=exact"], "").await;
            assert_eq!((deleted.status, deleted.header("content-range")), (204, "*/2"));
        }
    }
}

#[tokio::test]
async fn a_silent_write_is_held_to_its_demands() {
    let library = Library::open().await;
    let limit = ["prefer: handling=strict, max-affected=1", "content-type: application/json"];
    assert_eq!(library.send("PATCH", "/books?id=gt.0", &limit, r#"{"pages": 1}"#).await.code(), "PGRST124");
    assert_eq!(library.send("DELETE", "/book_genres?book_id=gt.0", &limit, "").await.code(), "PGRST124");
    assert_eq!(library.get("/book_genres").await.json().as_array().unwrap().len(), 3);
    let extra = r#"{"id": 30, "title": "a", "unknown": 1}"#;
    let reply = library.send("POST", "/books?columns=id,title", &["content-type: application/json"], extra).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    let twice = r#"{"id": 31, "title": "first", "title": "last"}"#;
    assert_eq!(library.send("POST", "/books", &["content-type: application/json"], twice).await.status, 201);
    assert_eq!(library.get("/books?id=eq.31&select=title").await.json(), json!([{"title": "last"}]));
    let reply = library
        .send(
            "POST",
            "/books",
            &["content-type: application/json", "prefer: resolution=ignore-duplicates, count=exact"],
            extra.replace(", \"unknown\": 1", ""),
        )
        .await;
    assert_eq!((reply.status, reply.header("content-range")), (201, "*/0"));
}

/// PostgreSQL reads all of a body, whether it is returned and taken or not.
#[tokio::test]
async fn a_silent_write_says_what_a_loud_one_says() {
    let library = Library::open().await;
    library
        .database
        .run(
            "drop function with_header();
             create table ruled (id int primary key, body text); create table copies (id int, body text);
             create rule also as on insert to ruled do also insert into copies values (new.id, new.body);
             create table muted (id int primary key, body text);
             create rule nothing as on update to muted do instead nothing;
             create table closed (id int primary key, body text);
             create rule nothing as on delete to closed where old.id = 1 do instead nothing;
             insert into muted values (1); insert into closed values (1), (2);
             create view over_ruled as select * from ruled; create view plain as select id, title from books;
             create function quiet(code text) returns void language plpgsql as $$ begin
               raise 'hush' using errcode = code; end $$;
             grant all on ruled, copies, muted, closed, over_ruled, plain to anon;",
        )
        .await;
    library.rest.reload().await.unwrap();
    let json = "content-type: application/json";
    for (method, url, body, code) in [
        ("POST", "/books?columns=id,title", r#"{"id": 50, "title": "a", "x": "\ud800"}"#, "22P02"),
        ("POST", "/books?columns=id,title", r#"{"id": 50, "title": "a", "x": ["\u0000"]}"#, "22P05"),
        ("POST", "/books?columns=id,title", r#"{"id": 50, "title": "a", "\u0000": 1}"#, "22P05"),
        ("PATCH", "/books?id=eq.1&columns=title", r#"{"title": "a", "x": "\ud800x"}"#, "22P02"),
        ("POST", "/ruled", r#"{"id": 1, "body": "a"}"#, "0A000"),
        ("POST", "/over_ruled", r#"{"id": 1, "body": "a"}"#, "0A000"),
        ("PATCH", "/muted?id=eq.1", r#"{"body": "a"}"#, "0A000"),
        ("DELETE", "/closed?id=eq.1", "", "0A000"),
        // Who may not write hears that, and nothing of his values.
        ("POST", "/notes", r#"{"id": "x"}"#, "42501"),
        ("PATCH", "/notes?id=eq.1", r#"{"id": "x"}"#, "42501"),
        ("PATCH", "/books?id=eq.1", r#"{"pages": "x"}"#, "22P02"),
    ] {
        let silent = library.send(method, url, &[json], body).await;
        let loud = library.send(method, url, &[json, FULL], body).await;
        assert_eq!((silent.code().as_str(), silent.status), (code, loud.status), "{url}: {}", silent.body);
        assert_eq!(silent.json(), loud.json(), "{url}");
    }
    assert_eq!(library.get("/copies").await.json(), json!([]));
    assert_eq!(library.get("/books?id=eq.50").await.json(), json!([]));
    let made = library.send("POST", "/plain", &[json], r#"{"id": 50, "title": "through a view"}"#).await;
    assert_eq!(made.status, 201, "{}", made.body);
    // How deep JSON may be is PostgreSQL's to say.
    let deep = |id: u8| format!("{{\"id\": {id}, \"title\": \"a\", \"data\": {}{}}}", "[".repeat(900), "]".repeat(900));
    assert_eq!(library.send("POST", "/books", &[json], deep(51)).await.status, 201);
    assert_eq!(library.send("POST", "/books?select=id", &[json, FULL], deep(52)).await.status, 201);

    // Answers that end with their head.
    for (code, status) in [("PT204", 204), ("PT304", 304)] {
        let reply = library.post("/rpc/quiet", &[], &json!({"code": code})).await;
        assert_eq!((reply.status, reply.body.as_str(), reply.header("content-length")), (status, "", ""));
    }
}

/// PostgREST names isolation and access in every BEGIN.
#[tokio::test]
async fn what_is_set_for_the_login_role_does_not_decide_over_transactions() {
    let library = Library::open().await;
    let login = &library.database.authenticator;
    library
        .database
        .run(&format!(
            "create function begun() returns text language sql stable as $$ select concat_ws(', ',
               current_setting('transaction_isolation'), current_setting('transaction_read_only')) $$;
             create function begun_to_write() returns text language sql as $$ select begun() $$;
             alter role {} in database {} set default_transaction_read_only = on;
             alter role {} in database {} set default_transaction_isolation = serializable;",
            login.user, login.database, login.user, login.database
        ))
        .await;
    // Connections of their own, that begin with this.
    let library = library.reopened().await;
    assert_eq!(library.get("/rpc/begun").await.json(), json!("read committed, on"));
    assert_eq!(library.post("/rpc/begun_to_write", &[], &json!({})).await.json(), json!("read committed, off"));
    assert_eq!(library.post("/genres", &[], &json!({"name": "silent"})).await.status, 201);
    assert_eq!(library.post("/genres", &[FULL], &json!({"name": "loud"})).await.status, 201);
    assert_eq!(library.get("/genres?name=in.(silent,loud)").await.json().as_array().unwrap().len(), 2);
}
