use std::time::{Duration, Instant};

use rest::{RestConfig, TxEnd};
use serde_json::{Value, json};

use crate::client::Library;
use crate::junk::{Junk, Odd};

/// Sends requests that make little sense. None may be our fault, take long, or change what the next one sees.
async fn try_junk(seed: u64, enough: impl Fn(u64) -> bool) -> u64 {
    let config = |config| RestConfig {
        tx_end: TxEnd::CommitAllowOverride,
        aggregates_enabled: true,
        plan_enabled: true,
        max_rows: Some(50),
        ..config
    };
    let library = Library::open_with(config).await;
    let mut junk = Junk::new(seed);
    let mut round = 0;
    while !enough(round) {
        round += 1;
        let Odd { method, url, mut headers, body } = junk.request();
        if method != "GET" {
            headers.push("prefer: tx=rollback".to_owned());
        }
        let lines: Vec<&str> = headers.iter().map(String::as_str).collect();
        let what =
            || format!("seed {seed} round {round}: {method} {url} {headers:?} {:?}", String::from_utf8_lossy(&body));
        let sent = tokio::time::timeout(PATIENCE, library.send(method, &url, &lines, body.clone())).await;
        let Ok(reply) = sent else { panic!("no answer: {}, while {}", what(), activity(&library).await) };
        if reply.status >= 500 {
            // Classes of PostgreSQL's errors that PostgREST answers so: too complex, and a subquery with more than one row.
            let theirs = matches!(&reply.code()[..2], "54" | "21");
            assert!(theirs, "{}: {} {}", what(), reply.status, reply.body);
        }
        if round % 50 == 0 {
            let kept = library.get("/books?select=id&order=id").await;
            assert_eq!(kept.both(), (200, json!([{"id": 1}, {"id": 2}, {"id": 3}])), "after {}", what());
        }
    }
    round
}

/// What PostgreSQL does for the library just now.
async fn activity(library: &Library) -> String {
    let client = library.database.connect(&library.database.admin).await;
    let sql = "select coalesce(string_agg(concat_ws(' ', pid, state, wait_event_type, wait_event, now() - query_start, left(query, 500)), e'\\n'), '') \
               from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    let rows = client.query_one(sql, &[]).await.expect("pg_stat_activity");
    rows.get(0)
}

const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::test]
async fn junk_is_never_our_fault() {
    try_junk(16, |round| round == 1500).await;
}

/// `cargo test -p rest --test it -- --ignored --nocapture campaign`: ten minutes of other seeds, from `JUNK_SEED` on if it is set.
#[tokio::test]
#[ignore = "a campaign to run by hand"]
#[expect(clippy::disallowed_methods, reason = "run by hand, with a seed that was reported")]
async fn campaign() {
    let end = Instant::now() + Duration::from_secs(600);
    let given = std::env::var("JUNK_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut seed = given.unwrap_or_else(|| base::Clock::system().unix_seconds() as u64);
    let mut sum = 0;
    while Instant::now() < end {
        sum += try_junk(seed, |round| round == 20_000 || Instant::now() >= end).await;
        seed += 1;
    }
    println!("{sum} requests, last seed {seed}");
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

/// A session may keep who asks; code that changes the session must not make others be somebody else, however it hides.
#[tokio::test]
async fn nobody_becomes_somebody_else_by_what_a_function_leaves() {
    let library = Library::open().await;
    library
        .database
        .run(
            "drop function with_header();
             create table shown (id int primary key); insert into shown values (1);
             alter table shown enable row level security; grant select on shown to anon, authenticated;
             create policy p on shown for select to anon
               using (current_setting('request.jwt.claims', true)::json ->> 'role' = 'anon');
             create function hidden(n text, v text) returns text language plpgsql as $$
             begin raise notice '-- start --'; perform set_config(n, v, false); return v; end $$;
             create function calm(n text, v text) returns text stable language plpgsql as $$
             begin raise notice '-- start --'; perform set_config(n, v, false); return v; end $$;
             create function \"se\"\"t\"() returns text language plpgsql as $$
             begin perform set_config('role', 'authenticated', false); return 'x'; end $$;
             create table parent (id int primary key); insert into parent values (1);
             create function touched() returns trigger language plpgsql as $$
             begin raise notice '--'; perform set_config('request.jwt.claims', '{}', false); return new; end $$;
             create table child (id int references parent on update cascade); insert into child values (1);
             create trigger t before update on child for each row execute function touched();
             grant all on parent, child to anon;",
        )
        .await;
    library.rest.reload().await.unwrap();
    let anonymous = async || {
        for _ in 0..30 {
            assert_eq!(library.get("/shown?id=eq.1").await.both(), (200, json!([{"id": 1}])));
        }
    };
    for round in 0..8 {
        anonymous().await;
        let leak = json!({"n": "role", "v": "authenticated"});
        match round % 4 {
            0 => assert_eq!(library.post("/rpc/hidden", &[], &leak).await.status, 200),
            1 => assert_eq!(library.get("/rpc/calm?n=role&v=authenticated").await.status, 200),
            2 => assert_eq!(library.post("/rpc/se%22t", &[], &json!({})).await.status, 200),
            _ => {
                let body = format!("{{\"id\": {}}}", round + 2);
                let reply = library.send("PATCH", "/parent?id=gt.0", &["content-type: application/json"], body).await;
                assert_eq!(reply.status, 204, "{}", reply.body);
            }
        }
    }
    anonymous().await;
}

/// What is harmless decides whether a session may keep who asks.
#[tokio::test]
async fn relations_are_harmless_only_where_nothing_of_a_user_runs() {
    let library = Library::open().await;
    library
        .database
        .run(
            "drop function with_header();
             create function f() returns boolean language plpgsql stable as 'begin return true; end';
             create function says() returns text language sql stable as $$ select current_setting('a.b', true) $$;
             create function sets() returns text language sql as $$ select set_config('a.b', 'x', false) $$;
             create domain d as int check (f() is not null);
             create table a_plain (id int primary key, t text default says());
             create table a_child (id int references a_plain, t text);
             create table b_policy (id int); alter table b_policy enable row level security;
             create policy p on b_policy using (f());
             create table b_setting (id int); alter table b_setting enable row level security;
             create policy p on b_setting using (set_config('a.b', 'x', false) is not null);
             create table b_sets (id int); alter table b_sets enable row level security;
             create policy p on b_sets using (sets() is not null);
             create table b_domain (id d); create table b_array (ids d[]);
             create table b_check (id int check (f())); create table b_index (id int);
             create function still(int) returns int language plpgsql immutable as 'begin return 1; end'; create index on b_index (still(id));
             create view b_view as select id, f() from a_plain; create view b_over as select * from b_view;
             create table b_sub (id int); alter table b_sub enable row level security;
             create policy p on b_sub using (exists (select from b_policy));
             create table b_parent (id int) partition by list (id);
             create table b_part partition of b_parent for values in (1); alter table b_part add check (f());
             create table c_default (id int, t text default sets()); create view c_view as select * from a_plain;
             create table c_trigger (id int); create function tr() returns trigger language plpgsql as 'begin return new; end';
             create trigger t before insert on c_trigger for each row execute function tr();
             create table c_rule (id int); create rule r as on insert to c_rule do also select 1;
             create table d_members (org int, who text);
             create function is_member(o int) returns boolean stable security definer set search_path = ''
               return exists (select from public.d_members m where m.org = o and m.who = current_setting('a.b', true));
             create function is_owner(o int) returns boolean stable language sql
               begin atomic select public.is_member(o) and o > 0; end;
             create table d_atomic (org int); alter table d_atomic enable row level security;
             create policy p on d_atomic using (is_owner(org));
             create function atomic_sets() returns boolean stable return set_config('a.b', 'x', false) is not null;
             create table e_sets (id int); alter table e_sets enable row level security; create policy p on e_sets using (atomic_sets());
             create function atomic_calls() returns boolean stable return atomic_sets() and true;
             create table e_calls (id int); alter table e_calls enable row level security; create policy p on e_calls using (atomic_calls());
             create function atomic_reads() returns boolean stable return exists (select from public.e_sets);
             create table e_reads (id int); alter table e_reads enable row level security; create policy p on e_reads using (atomic_reads());
             create function atomic_default(b boolean default f()) returns boolean stable return b;
             create table e_default (id int); alter table e_default enable row level security;
             create policy p on e_default using (atomic_default());
             create function atomic_volatile() returns boolean begin atomic insert into public.c_trigger values (1) returning true; end;
             create table e_volatile (id int); alter table e_volatile enable row level security;
             create policy p on e_volatile using (atomic_volatile());
             create function atomic_domain(i int) returns boolean stable return i::public.d is not null;
             create table e_domain (id int); alter table e_domain enable row level security; create policy p on e_domain using (atomic_domain(id));
             do $$ begin if current_setting('server_version_num')::int >= 160000 then
               execute 'create view e_input as select pg_input_is_valid(t, ''d'') from a_plain'; end if; end $$;
             create function said() returns text stable language sql as $$ select f()::text $$;
             create function atomic_text() returns text stable return said();
             create table e_text (id int); alter table e_text enable row level security; create policy p on e_text using (atomic_text() = 'x');",
        )
        .await;
    let harmless = async || {
        let client = library.database.authenticator.connect().await.unwrap();
        let found = client.query_one(include_str!("../../../catalog/src/load/harmless.sql"), &[]).await.unwrap();
        let found: Value = serde_json::from_str(found.get(0)).unwrap();
        let mut found: Vec<(String, String, bool)> = serde_json::from_value(found["relations"].clone()).unwrap();
        found.retain(|(_, name, _)| name.as_bytes()[1] == b'_');
        found.sort();
        found.into_iter().map(|(_, name, writes)| format!("{name} {writes}")).collect::<Vec<_>>()
    };
    assert_eq!(
        harmless().await,
        [
            "a_child true",
            "a_plain true",
            "c_default false",
            "c_rule false",
            "c_trigger false",
            "c_view false",
            "d_atomic true",
            "d_members true"
        ]
    );
    // A function of a user by the name of one that is known.
    let other = "create function current_setting(text, text) returns text language plpgsql as 'begin return 1; end'";
    library.database.run(other).await;
    assert_eq!(harmless().await, Vec::<String>::new());
    library.database.run("drop function current_setting(text, text)").await;
    assert_eq!(harmless().await.len(), 8);
    // Operators run without being named.
    let operator = "create function same(int, int) returns boolean language plpgsql as 'begin return true; end';
        create operator === (function = same, leftarg = int, rightarg = int)";
    library.database.run(operator).await;
    assert_eq!(harmless().await, Vec::<String>::new());
}

/// Functions by whose text or record it is known that they only read.
#[tokio::test]
async fn functions_are_harmless_only_where_nothing_else_of_a_user_runs() {
    let library = Library::open().await;
    library
        .database
        .run(
            r#"drop function with_header();
             create schema h; set search_path = h;
             create function f() returns boolean language plpgsql stable as 'begin return true; end';
             create function d(int) returns int language plpgsql stable as 'begin return 1; end';
             create domain dom as int check (f()); create view v as select f() as x;
             create function good_sum(a int, b int) returns int language sql immutable as 'select a + b';
             create function good_number(int, int) returns boolean language sql immutable as
               $$select ($1 + $2 * 3)::text::json::text || ' x' is null$$;
             create function good_case(given text) returns text language sql stable as
               $$ select case when given is null or given = '' then 'none' else coalesce(given, current_setting('a.b', true)) end; $$;
             create function good_atomic(a int) returns int stable return a + 1;
             create function good_sure(a int default 1) returns int stable return a;
             create function good_path(a int) returns int stable set search_path = '' return a;
             create function good_many(a int) returns setof int stable begin atomic select generate_series(1, a); end;
             create function bad_volatile(a int) returns int language sql as 'select a';
             create function bad_sets(a text) returns text language sql stable as 'select set_config(a, a, false)';
             create function bad_name(set_config text) returns text language sql stable as $$select set_config('a.b', 'x', false)$$;
             create function bad_comment(set_config text) returns text language sql stable as
               $$select set_config/* */('a.b', 'x', false)$$;
             create function bad_line(set_config text) returns text language sql stable as E'select set_config --\n(\'a.b\', \'x\', false)';
             create function bad_quoted(f text) returns boolean language sql stable as 'select "f"()';
             create function bad_from("from" int, v int) returns text language sql stable as 'select null from v';
             create function bad_table("table" int, v int) returns setof boolean language sql stable as 'table v';
             create function bad_type(dom int) returns int language sql stable as $$select dom '1'$$;
             create function bad_timeout() returns text language sql stable as $$select current_setting('statement_timeout')$$;
             create function bad_limit(a int) returns int language sql stable set statement_timeout = '1s' as 'select a';
             create function bad_own_limit(a int) returns int stable set statement_timeout = '1s' return a;
             create function bad_default(a boolean default f()) returns boolean language sql stable as 'select a';
             create function bad_default_too(a boolean default f()) returns boolean stable return a;
             create function bad_given(a dom) returns int language sql stable as 'select 1';
             create function bad_taken(a int) returns dom language sql stable as 'select a';
             create function bad_field(a v) returns int language sql stable as 'select 1';
             create function bad_deep(a int) returns boolean stable return f();
             create function bad_view(a int) returns boolean stable return exists (select from v);
             create function bad_two(a int) returns int language sql stable as 'select a';
             create function bad_two(a text) returns text language plpgsql stable as 'begin return a; end';
             create function good_void() returns void language sql stable as 'select null';
             reset search_path;"#,
        )
        .await;
    let client = library.database.authenticator.connect().await.unwrap();
    let found = client.query_one(include_str!("../../../catalog/src/load/harmless.sql"), &[]).await.unwrap();
    let found: Value = serde_json::from_str(found.get(0)).unwrap();
    let found: Vec<(String, String)> = serde_json::from_value(found["functions"].clone()).unwrap();
    let mut found: Vec<&str> =
        found.iter().filter(|(schema, _)| schema == "h").map(|(_, name)| name.as_str()).collect();
    found.sort_unstable();
    let good =
        ["good_atomic", "good_case", "good_many", "good_number", "good_path", "good_sum", "good_sure", "good_void"];
    assert_eq!(found, good);
}

/// Short reads share connections under a timeout of ours: no code of users may see or catch it.
#[tokio::test]
async fn functions_see_no_timeout_but_their_own() {
    let library = Library::open().await;
    library
        .database
        .run(
            "create function naps(s float8) returns text stable language plpgsql as $$ begin
               perform pg_sleep(s); return current_setting('statement_timeout');
             exception when query_canceled then return 'caught'; end $$;
             create function hasty(s float8) returns text stable language plpgsql set statement_timeout = '100ms'
               as $$ begin perform pg_sleep(s); return current_setting('statement_timeout'); end $$;
             create view napping as select naps(0.4); grant select on napping to anon;",
        )
        .await;
    library.rest.reload().await.unwrap();
    for seconds in ["0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0.4", "0"] {
        assert_eq!(library.get(&format!("/rpc/naps?s={seconds}")).await.both(), (200, json!("3s")));
        assert_eq!(library.get("/napping?limit=1").await.both(), (200, json!([{"naps": "3s"}])));
        assert_eq!(library.get("/rpc/hasty?s=0").await.both(), (200, json!("100ms")));
    }
    assert_eq!(library.get("/rpc/hasty?s=1").await.code(), "57014");
}

#[tokio::test]
async fn what_functions_raise_and_answer_is_theirs_once() {
    let library = Library::open().await;
    library
        .database
        .run(
            "create sequence runs; grant all on runs to anon;
             create function raises() returns int language plpgsql as $$
             begin perform nextval('runs'); raise 'mine' using errcode = '26000'; end $$;
             create table picky (id int); grant insert on picky to anon;
             create function refuses() returns trigger language plpgsql as $$
             begin perform nextval('runs'); raise 'not this' using errcode = '22023'; end $$;
             create trigger refuses before insert on picky for each row execute function refuses();
             create function chunks() returns int language plpgsql as $$
             begin perform set_config('response.headers', '[{\"Transfer-Encoding\": \"chunked\"}, {\"X-Mine\": \"1\"}]', true); return 1; end $$;",
        )
        .await;
    library.rest.reload().await.unwrap();
    assert_eq!(library.post("/rpc/raises", &[], &json!({})).await.code(), "26000");
    assert_eq!(library.post("/picky", &[], &json!({"id": 1})).await.code(), "22023");
    let client = library.database.admin.connect().await.unwrap();
    let runs: i64 = client.query_one("select nextval('runs')", &[]).await.unwrap().get(0);
    assert_eq!(runs, 3, "each run once, and counted once more here");
    let reply = library.post("/rpc/chunks", &[], &json!({})).await;
    assert_eq!((reply.status, reply.header("transfer-encoding"), reply.header("x-mine")), (200, "", "1"));
}
