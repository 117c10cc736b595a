use rest::RestConfig;
use serde_json::json;

use crate::client::{Library, token};

#[tokio::test]
async fn rows_come_as_postgresql_would_write_them() {
    let library = Library::open().await;
    let reply = library.get("/books?select=id,title,price,in_print,added_at,data&order=id").await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.json(),
        json!([
            {"id": 1, "title": "Notes \"on\" engines", "price": 9.9, "in_print": true,
             "added_at": "2024-05-01T10:00:00+00:00", "data": {"isbn": "1", "shelf": {"row": 3}}},
            {"id": 2, "title": "Line\nbreak\\", "price": 30.0, "in_print": false,
             "added_at": "2024-05-01T10:00:00+00:00", "data": null},
            {"id": 3, "title": "Ünïcode", "price": null, "in_print": true,
             "added_at": "2024-05-01T10:00:00+00:00", "data": {"isbn": "3"}},
        ])
    );
    assert!(reply.body.contains("9.90"), "numbers keep their digits: {}", reply.body);
    // Arrays are not plain text: the whole row is still right.
    let reply = library.get("/authors?id=eq.1").await;
    assert_eq!(reply.json(), json!([{"id": 1, "name": "Ada", "born": "1815-12-10", "tags": ["math", "a, b"]}]));
}

#[tokio::test]
async fn filters_and_logic_choose_rows() {
    let library = Library::open().await;
    for (query, ids) in [
        ("id=eq.2", json!([2])),
        ("id=not.eq.2", json!([1, 3])),
        ("title=ilike.*engines*", json!([1])),
        ("id=in.(1,3)&pages=gte.300", json!([3])),
        ("data->shelf->>row=eq.3", json!([1])),
        ("price=is.null", json!([3])),
        ("or=(pages.lt.200,and(pages.gt.400,in_print.is.false))", json!([1, 2])),
        ("title=fts.engines", json!([1])),
        ("id=eq(any).{1,2}", json!([1, 2])),
        ("title_length=gt.15", json!([1])),
    ] {
        let reply = library
            .get(&format!(
                "/books?select=id&order=id&{}",
                query.replace('>', "%3E").replace('{', "%7B").replace('}', "%7D")
            ))
            .await;
        let found: Vec<_> = reply.json().as_array().unwrap().iter().map(|b| b["id"].clone()).collect();
        assert_eq!(json!(found), ids, "{query}");
    }
}

#[tokio::test]
async fn related_resources_are_embedded() {
    let library = Library::open().await;
    let reply = library.get("/authors?select=name,books(title)&books.order=id.desc&books.limit=1&id=eq.1").await;
    assert_eq!(reply.json(), json!([{"name": "Ada", "books": [{"title": "Line\nbreak\\"}]}]));
    let reply =
        library.get("/books?select=id,who:authors(name),genres(name)&order=authors(name).desc,id&id=lt.3").await;
    assert_eq!(reply.status, 400, "the order must use the alias: {}", reply.body);
    let reply = library.get("/books?select=id,...authors(author:name),genres!inner(name)&order=id").await;
    assert_eq!(
        reply.json(),
        json!([
            {"id": 1, "author": "Ada", "genres": [{"name": "science"}]},
            {"id": 2, "author": "Ada", "genres": [{"name": "science"}, {"name": "poetry"}]},
        ])
    );
    // A view has the relationships of what it shows; an anti join finds who has none.
    let reply = library.get("/long_books?select=title,authors(name)&id=eq.3").await;
    assert_eq!(reply.json(), json!([{"title": "Ünïcode", "authors": {"name": "Brook"}}]));
    let reply = library.get("/authors?select=name,books()&books=is.null").await;
    assert_eq!(reply.json(), json!([{"name": "Chris"}]));
}

/// Small things that PostgREST does with what a filter, an order or a limit names.
#[tokio::test]
async fn an_embed_that_is_named_comes_first() {
    let library = Library::open().await;
    let reply = library.get("/books?select=id,authors(name),genres(name)&id=eq.1").await;
    assert_eq!(reply.body, r#"[{"id":1,"authors":{"name": "Ada"},"genres":[{"name": "science"}]}]"#);
    let reply = library.get("/books?select=id,authors(name),genres(name)&id=eq.1&genres.name=eq.poetry").await;
    assert_eq!(reply.body, r#"[{"id":1,"genres":[],"authors":{"name": "Ada"}}]"#);
    // In what is embedded, json is ordered by as jsonb, which it could not be itself.
    library.database.run("alter table books alter data type json").await;
    library.rest.reload().await.unwrap();
    let reply = library.get("/authors?select=books(id)&id=eq.1&books.order=data-%3Eisbn.nullsfirst").await;
    assert_eq!(reply.both(), (200, json!([{"books": [{"id": 2}, {"id": 1}]}])));
}

#[tokio::test]
async fn pages_are_counted() {
    let library = Library::open().await;
    let reply = library.send("GET", "/books?select=id&order=id&limit=2", &["prefer: count=exact"], "").await;
    assert_eq!((reply.status, reply.header("content-range")), (206, "0-1/3"));
    let reply = library.send("GET", "/books?select=id", &["range: 1-1"], "").await;
    assert_eq!((reply.status, reply.header("content-range")), (200, "1-1/*"));
    let reply = library.send("GET", "/books?offset=9", &["prefer: count=exact"], "").await;
    assert_eq!((reply.status, reply.code()), (416, "PGRST103".to_owned()));
    let reply = library.send("HEAD", "/books", &["prefer: count=exact"], "").await;
    assert_eq!((reply.status, reply.header("content-range"), reply.body.as_str()), (200, "0-2/3", ""));
}

#[tokio::test]
async fn other_representations_are_made() {
    let library = Library::open().await;
    let accept = async |url: &str, media: &str| library.send("GET", url, &[&format!("accept: {media}")], "").await;
    let one = "application/vnd.pgrst.object+json";
    assert_eq!(accept("/books?select=id&id=eq.1", one).await.both(), (200, json!({"id": 1})));
    assert_eq!(accept("/books", one).await.code(), "PGRST116");
    assert_eq!(accept("/genres?order=name", "text/csv").await.body, "name\npoetry\nscience");
    let stripped = "application/vnd.pgrst.array+json;nulls=stripped";
    assert_eq!(accept("/books?select=id,price&id=eq.3", stripped).await.json(), json!([{"id": 3}]));
    assert_eq!(accept("/books", "image/png").await.both().0, 406);
    let root = accept("/", "application/openapi+json").await.json();
    assert_eq!(root["definitions"]["books"]["properties"]["id"]["format"], "int32");
    assert!(root["paths"].get("/rpc/add").is_some());
}

#[tokio::test]
async fn what_is_wrong_is_told_in_postgrests_words() {
    let library = Library::open().await;
    for (url, status, code) in [
        ("/bookz", 404, "PGRST205"),
        ("/books?select=nope", 400, "42703"),
        ("/books?id=noop.1", 400, "PGRST100"),
        ("/books?id=eq.x", 400, "22P02"),
        ("/books?select=id,publishers(*)", 400, "PGRST200"),
        ("/books?select=id&clients.id=eq.1", 400, "PGRST108"),
        ("/books?select=pages.sum()", 400, "PGRST123"),
        ("/books/1", 404, "PGRST125"),
        ("/notes", 401, "42501"),
        ("/rpc/nope", 404, "PGRST202"),
    ] {
        let reply = library.get(url).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{url}: {}", reply.body);
        assert_eq!(reply.header("proxy-status"), format!("PostgREST; error={code}"));
    }
    let hint = library.get("/bookz").await.json()["hint"].clone();
    assert_eq!(hint, "Perhaps you meant the table 'public.books'");
}

#[tokio::test]
async fn a_remembered_request_keeps_its_values_and_its_callers_apart() {
    let library = Library::open().await;
    for id in [1, 2, 3, 1, 9] {
        let found = library.get(&format!("/books?select=id&id=eq.{id}")).await.json();
        let expected = if id == 9 { json!([]) } else { json!([{"id": id}]) };
        assert_eq!(found, expected);
    }
    library.database.run("insert into notes (owner, body) values ('ann', 'a'), ('bob', 'b')").await;
    for (user, body) in [("ann", "a"), ("bob", "b"), ("ann", "a")] {
        let reply = library.send("GET", "/notes?select=body", &[&token(user)], "").await;
        assert_eq!(reply.json(), json!([{"body": body}]), "{user}");
        assert_eq!(library.get("/notes?select=body").await.status, 401, "no rights stay from {user}");
    }
}

#[tokio::test]
async fn a_changed_schema_is_seen_after_a_reload() {
    let library = Library::open().await;
    library.database.run("create table magazines (id int); grant select on magazines to anon").await;
    assert_eq!(library.get("/magazines").await.code(), "PGRST205");
    library.rest.reload().await.unwrap();
    assert_eq!(library.get("/magazines").await.both(), (200, json!([])));
}

#[tokio::test]
async fn the_plan_of_a_read_shows_what_counting_costs() {
    let library = Library::open_with(|config| RestConfig { plan_enabled: true, ..config }).await;
    let plan = "accept: application/vnd.pgrst.plan";
    let aggregates = async |url: &str, headers: &[&str]| {
        let reply = library.send("GET", url, headers, "").await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body.matches("Aggregate").count()
    };
    assert_eq!(aggregates("/books", &[plan]).await, 1);
    assert_eq!(aggregates("/books", &[plan, "prefer: count=exact"]).await, 1, "the page is all there is");
    assert_eq!(aggregates("/books?limit=1", &[plan, "prefer: count=exact"]).await, 2);
    assert_eq!(aggregates("/books?limit=1", &[plan]).await, 1);
}

/// PostgREST casts what is embedded to `jsonb`; the lengths of bodies show it.
#[tokio::test]
async fn embedded_resources_have_the_form_of_jsonb() {
    let library = Library::open().await;
    library
        .database
        .run(
            r#"create table odd (id int primary key, book_id int references books (id), "Zz" text, n float8, m numeric, j json, jb jsonb,
                 at timestamptz, tags text[], "quo""te" bool);
               insert into odd values
                 (1, 1, E'a"b\\c\n\t\u0001é/', 1e30, 1.50, '{"b" : 1e2, "a":[ 1.5E-3,-0.0 ,{}], "a": "\u00e9\/\\"}', '{"x": 1}', '2024-01-01 10:00:00+00', '{"a,b",NULL}', true),
                 (2, 1, '', 1e-300, -0.00, '[[],{"k" :null}]', '[]', 'infinity', '{}', false),
                 (3, 2, null, 'NaN', null, '"s"', null, null, null, null);
               grant all on odd to anon;"#,
        )
        .await;
    library.rest.reload().await.unwrap();
    let client = library.database.connect(&library.database.admin).await;
    let expected = async |rows: &str| {
        let sql = format!("set timezone = 'UTC'; select coalesce(json_agg(r)::text, '[]') from ({rows}) r");
        let answers = client.simple_query(&sql).await.unwrap();
        let row = answers.iter().find_map(|message| match message {
            pg::tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap().to_owned()),
            _ => None,
        });
        row.unwrap()
    };
    let utc = "prefer: timezone=UTC";
    for (url, rows) in [
        (
            "/books?select=id,odd(*)&order=id&odd.order=id",
            "select b.id, coalesce((select json_agg(o order by o.id)::jsonb from odd o where o.book_id = b.id), '[]') odd
             from books b order by b.id",
        ),
        (
            "/odd?select=*,books(id,title,author_id,authors(*))&order=id",
            "select o.*, row_to_json(x)::jsonb books from odd o left join lateral (select b.id, b.title, b.author_id,
               row_to_json(a)::jsonb authors from books b left join authors a on a.id = b.author_id where b.id = o.book_id) x on true
             order by o.id",
        ),
        (
            "/odd?select=j,...books(title,authors(*)),a:books(title)&order=id",
            "select o.j, b.title, row_to_json(a)::jsonb authors, jsonb_build_object('title', b.title) a
             from odd o left join books b on b.id = o.book_id left join authors a on a.id = b.author_id order by o.id",
        ),
    ] {
        let reply = library.send("GET", url, &[utc], "").await;
        assert_eq!(reply.body, expected(rows).await, "{url}");
    }
    let one = library
        .send("GET", "/books?select=odd(id,j)&id=eq.2", &["accept: application/vnd.pgrst.object+json"], "")
        .await;
    assert_eq!(one.body, r#"{"odd":[{"j": "s", "id": 3}]}"#);
}

#[tokio::test]
async fn the_timing_tells_of_stages_that_take_microseconds() {
    let library = Library::open_with(|config| RestConfig { server_timing_enabled: true, ..config }).await;
    let reply = library.send("GET", "/books?limit=1", &[&token("ann")], "").await;
    let timing = reply.header("server-timing");
    let stages: Vec<(&str, &str)> = timing.split(", ").filter_map(|stage| stage.split_once(";dur=")).collect();
    let names: Vec<&str> = stages.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["jwt", "parse", "plan", "transaction", "response"], "{timing}");
    assert!(stages.iter().all(|(_, ms)| ms.split_once('.').is_some_and(|(_, digits)| digits.len() == 3)), "{timing}");
}

#[tokio::test]
async fn other_origins_are_told_what_they_may() {
    let library = Library::open().await;
    let origin = "origin: https://shop.example";
    let exposed = "access-control-expose-headers";
    let reply = library.send("GET", "/books?limit=1", &[origin], "").await;
    assert!(reply.header("access-control-allow-origin") == "*" && reply.header(exposed).contains("Content-Range"));
    let asks = |method: &str| format!("access-control-request-method: {method}");
    let reply = library.send("OPTIONS", "/books", &[origin, &asks("PATCH")], "").await;
    assert!(reply.header("access-control-allow-methods").contains("PATCH") && reply.header("allow").is_empty());
    // What is no preflight is OPTIONS as without an origin.
    for headers in [&[origin][..], &[origin, &asks("BREW")]] {
        let reply = library.send("OPTIONS", "/books", headers, "").await;
        assert!(reply.header("allow").contains("PATCH") && reply.header("access-control-allow-methods").is_empty());
        assert_eq!((reply.header("access-control-allow-origin"), reply.header(exposed)), ("*", ""));
    }
}

#[tokio::test]
async fn dates_have_one_form_whatever_a_function_sets() {
    let pre_request = Some(catalog::QualifiedName::new("public", "german"));
    let library = Library::open_with(|config| RestConfig { pre_request, ..config }).await;
    let german = "create function german() returns void language plpgsql as $$ begin
        perform set_config('datestyle', 'German, DMY', true); end $$";
    library.database.run(german).await;
    library.rest.reload().await.unwrap();
    let reply = library.get("/authors?id=eq.1&select=*,books(added_at)&books.id=eq.1").await;
    let born = json!([{"id": 1, "name": "Ada", "born": "1815-12-10", "tags": ["math", "a, b"],
        "books": [{"added_at": "2024-05-01T10:00:00+00:00"}]}]);
    assert_eq!(reply.json(), born);
    let reply = library.get("/books?id=eq.1&select=added_at,day:added_at::date,...authors(born)").await;
    assert_eq!(
        reply.json(),
        json!([{"added_at": "2024-05-01T10:00:00+00:00", "day": "2024-05-01", "born": "1815-12-10"}])
    );
}
