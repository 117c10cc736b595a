//! The executor against a real server: what it promises a request, and what it keeps from the next.

mod scratch;

use std::time::Duration;

use bytes::Bytes;
use pg::exec::{Access, Batch, End, ExecConfig, Executor, Isolation, Lane, Step, StepResult, Verdict};
use pg::{Error, Target};

const SCHEMA: &str = "
    do $$ begin
        create role authenticator noinherit login; create role anon; create role member; grant anon, member to authenticator;
    exception when duplicate_object or unique_violation then null; end $$;
    create table notes(id int primary key, owner text not null default current_setting('request.jwt.claims', true), body text);
    alter table notes enable row level security;
    create policy own on notes using (owner = current_setting('request.jwt.claims', true));
    grant all on notes to anon, member;
    create table parents(id int primary key);
    create table kids(id int primary key, parent int references parents deferrable initially deferred);
    grant all on parents, kids to anon, member;
    create function leak() returns void language plpgsql as $$ begin
        perform set_config('request.jwt.claims', 'evil', false);
        perform set_config('role', 'member', false);
        perform set_config('app.secret', 'left behind', false);
        perform pg_advisory_lock(42);
        create temp table if not exists leftover(x int);
        listen gossip;
    end $$;
    create function forget_all() returns void language plpgsql as $$ begin execute 'deallocate all'; end $$;
    insert into notes values (1, 'ada', 'hers'), (2, 'bob', 'his');";

/// A database with two callers' rows, and an executor on it.
fn world(name: &str, config: ExecConfig) -> (Target, Executor) {
    let target = scratch::database(name);
    scratch::psql(&target, SCHEMA);
    let executor = Executor::new(&target.as_role("authenticator", &base::Secret::default()), config);
    (target, executor)
}

fn as_caller(role: &'static str, claims: &str) -> Vec<(std::borrow::Cow<'static, str>, Bytes)> {
    vec![
        ("role".into(), Bytes::from_static(role.as_bytes())),
        ("request.jwt.claims".into(), Bytes::from(claims.to_owned())),
    ]
}

fn step(sql: &str, params: &[&str]) -> Step {
    Step::new(sql, params.iter().map(|p| Some(Bytes::from((*p).to_owned()))).collect())
}

fn read(claims: &str, sql: &str, params: &[&str]) -> Batch {
    Batch::read(as_caller("anon", claims), vec![step(sql, params)])
}

fn write(claims: &str, sql: &str, params: &[&str]) -> Batch {
    Batch::write(as_caller("anon", claims), vec![step(sql, params)])
}

/// The result of the last statement as text.
fn text(results: &[StepResult]) -> String {
    let rows = &results.last().expect("a result").rows;
    let row = |r: pg::exec::Row<'_>| {
        r.fields()
            .map(|f| f.map_or("∅".into(), |v| String::from_utf8_lossy(v).into_owned()))
            .collect::<Vec<_>>()
            .join("|")
    };
    rows.iter().map(row).collect::<Vec<_>>().join(",")
}

/// Who the session is, what it remembers, which locks and temporary tables it has.
const STATE: &str = "select current_user, current_setting('role'), current_setting('request.jwt.claims', true), \
     coalesce(current_setting('app.secret', true), ''), (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()), \
     to_regclass('pg_temp.leftover') is null, (select count(*) from pg_listening_channels())";

#[tokio::test(flavor = "multi_thread")]
async fn each_request_is_its_caller() {
    let (_, executor) = world("exec_callers", ExecConfig { short_connections: 1, ..ExecConfig::default() });
    let sql = "select id, body from notes where id < $1 order by id";
    for (claims, expected) in [("ada", "1|hers"), ("bob", "2|his"), ("eve", ""), ("ada", "1|hers")] {
        let results = executor.run(read(claims, sql, &["10"])).await.unwrap();
        assert_eq!(text(&results), expected);
        assert_eq!(
            results[0].columns.iter().map(|c| (c.name.as_str(), c.type_oid)).collect::<Vec<_>>(),
            [("id", 23), ("body", 25)]
        );
    }
    let claims: Vec<String> = (0..200).map(|n| if n % 2 == 0 { "ada".into() } else { "bob".to_owned() }).collect();
    let answers = futures_util::future::join_all(claims.iter().map(|c| executor.run(read(c, sql, &["10"])))).await;
    for (claims, answer) in claims.iter().zip(answers) {
        assert_eq!(text(&answer.unwrap()), if claims == "ada" { "1|hers" } else { "2|his" });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_undoes_the_request_and_spares_its_neighbours() {
    let (_, executor) = world("exec_errors", ExecConfig { short_connections: 1, ..ExecConfig::default() });
    let half = Batch::write(
        as_caller("anon", "ada"),
        vec![step("insert into notes(id, owner) values (9, 'ada')", &[]), step("select 1 / $1::int", &["0"])],
    );
    let error = executor.run(half).await.unwrap_err();
    assert_eq!(error.code(), Some("22012"));
    let count = || executor.run(read("ada", "select count(*) from notes", &[]));
    assert_eq!(text(&count().await.unwrap()), "1");
    // Pipelined on one connection: every second one fails, also in its settings.
    let requests = (0..60).map(|n| {
        let executor = executor.clone();
        async move {
            match n % 3 {
                0 => executor.run(read("ada", "select body from notes where id = $1", &["1"])).await.map(|r| text(&r)),
                1 => executor.run(read("ada", "select $1::int", &["x"])).await.map(|r| text(&r)),
                _ => executor
                    .run(Batch::read(as_caller("nobody_here", "x"), vec![step("select 1", &[])]))
                    .await
                    .map(|r| text(&r)),
            }
        }
    });
    for (n, answer) in futures_util::future::join_all(requests).await.into_iter().enumerate() {
        match n % 3 {
            0 => assert_eq!(answer.unwrap(), "hers"),
            1 => assert_eq!(answer.unwrap_err().code(), Some("22P02")),
            _ => assert_eq!(answer.unwrap_err().code(), Some("22023")),
        }
    }
    assert_eq!(text(&count().await.unwrap()), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_cannot_write() {
    let (_, executor) = world("exec_readonly", ExecConfig::default());
    for isolation in [None, Some(Isolation::Serializable)] {
        for prepared in [true, false] {
            let mut batch = read("ada", "insert into notes(id, owner) values (7, 'ada')", &[]);
            (batch.isolation, batch.prepared) = (isolation, prepared);
            assert_eq!(executor.run(batch).await.unwrap_err().code(), Some("25006"));
        }
    }
    let level = |isolation| {
        let mut batch = read("ada", "select current_setting('transaction_isolation')", &[]);
        batch.isolation = isolation;
        executor.run(batch)
    };
    assert_eq!(text(&level(Some(Isolation::RepeatableRead)).await.unwrap()), "repeatable read");
    assert_eq!(text(&level(None).await.unwrap()), "read committed");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_function_left_is_seen_by_the_next() {
    let config = ExecConfig { short_connections: 1, wide_connections: 1, ..ExecConfig::default() };
    let (target, executor) = world("exec_leaks", config);
    let clean = "anon|anon|bob||0|t|0";
    for (lane, access) in
        [(Lane::Wide, Access::ReadWrite), (Lane::Short, Access::ReadOnly), (Lane::Wide, Access::ReadOnly)]
    {
        for end in [None, Some(End::Rollback), Some(End::Judge(Box::new(|_| Verdict::Commit)))] {
            for sql in ["select leak()", "select leak(), 1 / (select 0 from leak())"] {
                let mut batch = write("ada", sql, &[]);
                (batch.lane, batch.access, batch.tainted) = (lane, access, true);
                batch.end = match &end {
                    None => End::Commit,
                    Some(End::Rollback) => End::Rollback,
                    Some(_) => End::Judge(Box::new(|_| Verdict::Commit)),
                };
                let _ = executor.run(batch).await;
                let mut next = read("bob", STATE, &[]);
                next.lane = lane;
                assert_eq!(
                    text(&executor.run(next).await.unwrap()),
                    clean,
                    "after {sql} on {lane:?}, {access:?}, {end:?}"
                );
                let mut short = read("bob", STATE, &[]);
                short.lane = Lane::Short;
                assert_eq!(text(&executor.run(short).await.unwrap()), clean);
            }
        }
    }
    // Session by session, seen from outside: nobody holds a lock.
    assert_eq!(
        scratch::psql(
            &target,
            "select count(*) from pg_locks join pg_database d on d.oid = database where locktype = 'advisory' and datname = current_database()"
        ),
        "0"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_request_sets_wins_over_what_leaked() {
    // Without `tainted` the session keeps what a function left; role and claims of the next request are its own all the same.
    let config = ExecConfig { short_connections: 1, wide_connections: 1, ..ExecConfig::default() };
    let (_, executor) = world("exec_untainted", config);
    let results = executor.run(write("ada", "select leak()", &[])).await.unwrap();
    assert_eq!(results.len(), 1);
    let mut next = read("bob", "select current_user, current_setting('request.jwt.claims')", &[]);
    next.lane = Lane::Wide;
    assert_eq!(text(&executor.run(next).await.unwrap()), "anon|bob");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_has_its_search_path() {
    let (_, executor) = world("exec_paths", ExecConfig { short_connections: 1, ..ExecConfig::default() });
    let path = |path: &'static str, tainted: bool| {
        let mut batch = read("ada", "select current_setting('search_path')", &[]);
        batch.settings.insert(0, ("search_path".into(), Bytes::from_static(path.as_bytes())));
        if tainted {
            batch.steps.push(step("select set_config('search_path', 'evil', false)", &[]));
        }
        batch.tainted = tainted;
        executor.run(batch)
    };
    for (want, tainted) in [
        ("\"a\"", false),
        ("\"a\"", false),
        ("\"b\"", false),
        ("\"a\"", true),
        ("\"a\"", false),
        ("\"b\"", true),
        ("\"b\"", false),
    ] {
        let results = path(want, tainted).await.unwrap();
        assert_eq!(text(&results[..1]), want);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_end_as_they_are_told() {
    let (_, executor) = world("exec_ends", ExecConfig::default());
    let insert = |id: &str, end: End| {
        let mut batch = write("ada", "insert into notes(id) values ($1) returning id", &[id]);
        batch.end = end;
        executor.run(batch)
    };
    let judge = |verdict: Verdict| {
        End::Judge(Box::new(move |results: &[StepResult]| {
            assert_eq!((results[0].affected, results[0].rows.len()), (1, 1));
            verdict
        }))
    };
    assert_eq!(text(&insert("10", End::Commit).await.unwrap()), "10");
    assert_eq!(text(&insert("11", End::Rollback).await.unwrap()), "11");
    assert_eq!(text(&insert("12", judge(Verdict::Commit)).await.unwrap()), "12");
    assert_eq!(text(&insert("13", judge(Verdict::Rollback)).await.unwrap()), "13");
    assert_eq!(text(&insert("14", judge(Verdict::DryRun)).await.unwrap()), "14");
    assert_eq!(insert("10", judge(Verdict::Commit)).await.unwrap_err().code(), Some("23505"));
    let seen = executor.run(read("ada", "select id from notes order by id", &[])).await.unwrap();
    assert_eq!(text(&seen), "1,10,12");
}

#[tokio::test(flavor = "multi_thread")]
async fn deferred_constraints_are_checked_by_every_end() {
    let (_, executor) = world("exec_deferred", ExecConfig::default());
    let ends = [
        (None, End::Commit),
        (None, End::Rollback),
        (Some(Isolation::Serializable), End::Commit),
        (None, End::Judge(Box::new(|_| Verdict::Commit))),
        (None, End::Judge(Box::new(|_| Verdict::DryRun))),
    ];
    for (isolation, end) in ends {
        let mut batch = write("ada", "insert into kids values (1, 99)", &[]);
        (batch.isolation, batch.end) = (isolation, end);
        let (i, e) = (batch.isolation, format!("{:?}", batch.end));
        let error = executor.run(batch).await.unwrap_err();
        assert_eq!(error.code(), Some("23503"), "{i:?} {e}");
    }
    let seen = executor.run(read("ada", "select count(*) from kids", &[])).await.unwrap();
    assert_eq!(text(&seen), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_tables_and_lost_statements_are_prepared_anew() {
    let config = ExecConfig { short_connections: 1, wide_connections: 1, ..ExecConfig::default() };
    let (target, executor) = world("exec_replan", config);
    scratch::psql(&target, "create table t(a int); insert into t values (1); grant select on t to anon");
    let all = || executor.run(read("ada", "select * from t", &[]));
    assert_eq!(text(&all().await.unwrap()), "1");
    scratch::psql(&target, "alter table t add b text default 'new'");
    let results = all().await.unwrap();
    assert_eq!((text(&results).as_str(), results[0].columns.len()), ("1|new", 2));
    scratch::psql(&target, "alter table t alter a type text");
    assert_eq!(all().await.unwrap()[0].columns[0].type_oid, 25);
    executor.invalidate();
    assert_eq!(text(&all().await.unwrap()), "1|new");
    // User code that drops our names, and then a request that needs them.
    for _ in 0..3 {
        executor.run(write("ada", "select forget_all()", &[])).await.unwrap();
        let mut wide = read("ada", "select * from t", &[]);
        wide.lane = Lane::Wide;
        assert_eq!(text(&executor.run(wide).await.unwrap()), "1|new");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_table_is_found_changed_by_every_connection() {
    let config = ExecConfig { short_connections: 4, ..ExecConfig::default() };
    let (target, executor) = world("exec_changed", config);
    scratch::psql(&target, "create table t(a int); insert into t values (1); grant select on t to anon");
    let all = || executor.run(read("ada", "select * from t", &[]));
    for column in ["b", "c", "d"] {
        // So many at once that all connections have prepared it; then each tells of the change for itself.
        for answer in futures_util::future::join_all((0..60).map(|_| all())).await {
            assert_eq!(answer.unwrap()[0].rows.len(), 1);
        }
        scratch::psql(&target, &format!("alter table t add {column} text"));
    }
    for _ in 0..8 {
        assert_eq!(all().await.unwrap()[0].columns.len(), 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_have_names_only_when_wanted() {
    let config = ExecConfig { short_connections: 1, ..ExecConfig::default() };
    let (_, executor) = world("exec_names", config);
    let mut batch =
        read("ada", "select count(*) from pg_prepared_statements where statement like $1", &["%pg_prepared%"]);
    batch.prepared = false;
    let mut again =
        read("ada", "select count(*) from pg_prepared_statements where statement like $1", &["%pg_prepared%"]);
    again.prepared = false;
    executor.run(batch).await.unwrap();
    assert_eq!(text(&executor.run(again).await.unwrap()), "0");
    let named =
        || read("ada", "select count(*) from pg_prepared_statements where statement like $1", &["%pg_prepared%"]);
    executor.run(named()).await.unwrap();
    assert_eq!(text(&executor.run(named()).await.unwrap()), "1");
    // More shapes than a connection keeps.
    for n in 0..450 {
        executor.run(read("ada", &format!("select {n}"), &[])).await.unwrap();
    }
    let total = executor.run(read("ada", "select count(*) < 250 from pg_prepared_statements", &[])).await.unwrap();
    assert_eq!(text(&total), "t");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_reads_move_to_the_wide_lane() {
    let (_, executor) = world("exec_slow", ExecConfig { short_connections: 1, ..ExecConfig::default() });
    let harmless = |sql: &str| Batch { harmless: true, ..read("ada", sql, &[]) };
    let slow =
        executor.run(harmless("select pg_sleep(0.4) is null, current_setting('statement_timeout')")).await.unwrap();
    assert_eq!(text(&slow), "f|0", "it ran without the short lane's timeout in the end");
    // On a busy machine even this may be late once, and is then run on the wide lane.
    let mut short = String::new();
    for n in 0..100 {
        let sql = format!("select current_setting('statement_timeout') as n{n}");
        short = text(&executor.run(harmless(&sql)).await.unwrap());
        if short != "0" {
            break;
        }
    }
    assert_eq!(short, "250ms");
    // A role's own timeout acts on the wide lane and reaches the caller.
    let mut settings = as_caller("anon", "ada");
    settings.insert(0, ("statement_timeout".into(), Bytes::from_static(b"300ms")));
    let error = executor.run(Batch::read(settings, vec![step("select pg_sleep(5)", &[])])).await.unwrap_err();
    assert_eq!(error.code(), Some("57014"));
}

/// What may run code of users sees no timeout of ours, and is not run again for the way in which it ends.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_cancelled_is_run_once() {
    let (target, executor) = world("exec_once", ExecConfig { short_connections: 1, ..ExecConfig::default() });
    scratch::psql(
        &target,
        "create function ends(how text) returns text stable language plpgsql as $$ begin
            perform pg_advisory_lock_shared(length(how));
            if how <> '' then raise 'own' using errcode = how; end if;
            return current_setting('statement_timeout');
         end $$;
         create function sleeps(s float8) returns text stable language plpgsql as $$ begin
            perform pg_sleep(s); return 'slept';
         exception when query_canceled then return 'caught'; end $$",
    );
    let sessions = |lock: u8| {
        scratch::psql(
            &target,
            &format!(
                "select count(distinct pid) from pg_locks where locktype = 'advisory' and objid = {lock}
                      and database = (select oid from pg_database where datname = current_database())"
            ),
        )
    };
    for _ in 0..20 {
        assert_eq!(text(&executor.run(read("ada", "select ends($1)", &[""])).await.unwrap()), "0");
        assert_eq!(text(&executor.run(read("ada", "select sleeps($1)", &["0"])).await.unwrap()), "slept");
    }
    assert_eq!(text(&executor.run(read("ada", "select sleeps($1)", &["0.4"])).await.unwrap()), "slept");
    for code in ["57014", "57P01", "57P03", "26000"] {
        let error = executor.run(read("ada", "select ends($1)", &[code])).await.unwrap_err();
        assert_eq!(error.code(), Some(code));
    }
    // Each session that runs it keeps the lock.
    assert_eq!(sessions(5), "1");

    // A role's own timeout, shorter than the lane's, is nobody else's.
    let mut settings = as_caller("anon", "ada");
    settings.insert(0, ("statement_timeout".into(), Bytes::from_static(b"100ms")));
    let steps = vec![step("select pg_advisory_lock_shared(9), pg_sleep(5)", &[])];
    let error = executor.run(Batch { harmless: true, ..Batch::read(settings, steps) }).await.unwrap_err();
    assert_eq!(error.code(), Some("57014"));
    // None, where the time was over before the statement came to its lock.
    assert!(["0", "1"].contains(&sessions(9).as_str()), "it ran twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_request_is_cancelled_and_its_connection_serves_on() {
    let config = ExecConfig { wide_connections: 1, ..ExecConfig::default() };
    let (target, executor) = world("exec_cancel", config);
    for end in [End::Commit, End::Rollback, End::Judge(Box::new(|_| Verdict::Commit))] {
        let mut batch = write("ada", "insert into notes(id) select 50 from pg_sleep(600)", &[]);
        batch.end = end;
        let running = tokio::spawn({
            let executor = executor.clone();
            async move { executor.run(batch).await.map(|_| ()) }
        });
        let started = "select count(*) from pg_stat_activity where query like '%pg_sleep(600)%' and state = 'active' and usename = 'authenticator' and datname = current_database()";
        while scratch::psql(&target, started) == "0" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        running.abort();
        // The only connection of the lane is free again long before the statement would have ended.
        let results = executor.run(write("ada", "select count(*) from notes", &[])).await.unwrap();
        assert_eq!(text(&results), "1");
        assert_eq!(scratch::psql(&target, started), "0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_at_any_moment_nothing_is_lost_or_mixed_up() {
    let config = ExecConfig { short_connections: 1, wide_connections: 2, ..ExecConfig::default() };
    let (_, executor) = world("exec_drops", config);
    for round in 0..300u32 {
        let mut batch = match round % 3 {
            0 => read("ada", "select body from notes", &[]),
            1 => write("ada", "update notes set body = body returning body", &[]),
            _ => write("ada", "select leak()", &[]),
        };
        batch.tainted = round % 3 == 2;
        if round % 5 == 0 {
            batch.end = End::Judge(Box::new(|_| Verdict::Rollback));
        }
        let dropped = executor.run(batch);
        // Polls it a few times and drops it wherever it then is.
        let turns = round % 7;
        tokio::select! {
            biased;
            _ = dropped => {}
            () = async { for _ in 0..turns { tokio::task::yield_now().await } } => {}
        }
        let mut mine = read("bob", "select body from notes", &[]);
        mine.lane = if round % 2 == 0 { Lane::Short } else { Lane::Wide };
        assert_eq!(text(&executor.run(mine).await.unwrap()), "his");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_lane_answers_by_a_timeout() {
    let config =
        ExecConfig { wide_connections: 1, acquisition_timeout: Duration::from_millis(50), ..ExecConfig::default() };
    let (_, executor) = world("exec_full", config);
    let sleeper = tokio::spawn({
        let executor = executor.clone();
        async move { executor.run(write("ada", "select pg_sleep(600)", &[])).await.map(|_| ()) }
    });
    while executor.stats().available > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let error = executor.run(write("ada", "select 1", &[])).await.unwrap_err();
    assert!(matches!(error, Error::PoolTimeout), "{error}");
    assert_eq!((executor.stats().timeouts, executor.stats().waiting), (1, 0));
    sleeper.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_session_is_replaced() {
    let config = ExecConfig { short_connections: 2, wide_connections: 2, ..ExecConfig::default() };
    let (target, executor) = world("exec_killed", config);
    for lane in [Lane::Short, Lane::Wide, Lane::Short, Lane::Wide] {
        let request = || {
            let mut batch = read("ada", "select body from notes", &[]);
            batch.lane = lane;
            executor.run(batch)
        };
        assert_eq!(text(&request().await.unwrap()), "hers");
        scratch::psql(
            &target,
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'authenticator' and datname = current_database()",
        );
        assert_eq!(text(&request().await.unwrap()), "hers");
    }
}

#[tokio::test]
async fn no_server_is_said_at_once() {
    let target = Target::parse("host=/nonexistent user=me dbname=x").unwrap();
    let error = Executor::new(&target, ExecConfig::default()).run(read("ada", "select 1", &[])).await.unwrap_err();
    assert!(matches!(error, Error::Connect(_)), "{error}");
}

/// A batch of a random walk, and what its session must look like.
fn random_batch(caller: usize, kind: u32) -> (Batch, Result<String, &'static str>) {
    let (role, claims, path) = [
        ("anon", "ada", "public"),
        ("anon", "bob", "public"),
        ("member", "eve", "public"),
        ("member", "eve", "pg_catalog"),
    ][caller % 4];
    let sql = "select current_user, current_setting('request.jwt.claims', true), current_setting('search_path'), \
         current_setting('timezone')";
    let mut settings = as_caller(role, claims);
    settings.insert(0, ("search_path".into(), Bytes::from_static(path.as_bytes())));
    let mut zone = "UTC";
    if kind == 1 {
        zone = "Asia/Tokyo";
    }
    settings.push(("timezone".into(), Bytes::from(zone)));
    if kind != 1 && kind.is_multiple_of(2) {
        settings.pop();
    }
    let mut batch = Batch::read(settings, vec![step(sql, &[])]);
    batch.harmless = true;
    let seen = Ok(format!("{role}|{claims}|{path}|{zone}"));
    match kind {
        2 => {
            batch.steps.push(step("select $1::int", &["x"]));
            (batch, Err("22P02"))
        }
        // Known to leave something, or merely not known to be harmless.
        3 | 10 => {
            (batch.tainted, batch.harmless) = (kind == 3, false);
            let leak = "select set_config('request.jwt.claims', 'evil', false), set_config('role', 'member', false), \
                 set_config('search_path', 'pg_temp', false)";
            batch.steps.insert(0, step(leak, &[]));
            if kind == 3 {
                batch.steps.insert(0, step("select pg_advisory_lock(42)", &[]));
            }
            (batch, seen.map(|_| "tainted".to_owned()))
        }
        4 => {
            batch.prepared = false;
            (batch, seen)
        }
        5 => {
            (batch.lane, batch.access) = (Lane::Wide, Access::ReadWrite);
            (batch, seen)
        }
        6 => {
            // Nobody's: such a request must not find itself somebody.
            batch.settings.retain(|(name, _)| name == "search_path");
            (batch, Ok(format!("authenticator||{path}|UTC")))
        }
        7 => {
            batch.settings[1].1 = Bytes::from_static(b"nobody_here");
            (batch, Err("22023"))
        }
        8 => {
            batch.isolation = Some(Isolation::RepeatableRead);
            (batch, seen)
        }
        9 => {
            batch.end = End::Rollback;
            batch.access = Access::ReadWrite;
            (batch, seen)
        }
        _ => (batch, seen),
    }
}

/// Long runs of one caller, so that sessions keep his identity, with everything in between that could leave it to somebody else.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_session_keeps_each_request_is_its_caller() {
    let (target, executor) = walk("exec_kept", 6).await;
    // A role that the login role lost is lost within a second.
    scratch::psql(&target, "create role passing; grant passing to authenticator");
    let who = || {
        let batch = Batch::read(as_caller("passing", "x"), vec![step("select current_user", &[])]);
        executor.run(Batch { harmless: true, ..batch })
    };
    for _ in 0..20 {
        assert_eq!(text(&who().await.unwrap()), "passing");
    }
    scratch::psql(&target, "revoke passing from authenticator");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(who().await.unwrap_err().code(), Some("42501"));
}

/// The same beside code that changes the session and is not known to. Each request says who it is: who says nothing would find what was
/// left, as everywhere.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_unknown_code_leaves_each_request_is_its_caller() {
    walk("exec_unknown", 10).await;
}

/// `sixth`: what comes as the sixth kind of batch.
async fn walk(database: &str, sixth: u32) -> (Target, Executor) {
    let config = ExecConfig { short_connections: 2, wide_connections: 2, ..ExecConfig::default() };
    let (target, executor) = world(database, config);
    scratch::psql(&target, &format!("alter database {database} set timezone = 'UTC'"));
    let mut seed: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut random = move |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    for round in 0..60 {
        let mut batches = Vec::new();
        for _ in 0..6 {
            let caller = random(4) as usize;
            for _ in 0..=random(24) {
                // Most are plain; in every third round nothing else comes, so that something is kept.
                let kind = if round % 3 == 0 || random(4) > 0 { 0 } else { random(10) as u32 };
                let kind = if kind == 6 { sixth } else { kind };
                batches.push(random_batch(caller, kind));
            }
        }
        let answers = batches.into_iter().map(|(batch, expected)| {
            let executor = executor.clone();
            async move { (executor.run(batch).await, expected) }
        });
        for (answer, expected) in futures_util::future::join_all(answers).await {
            match (answer, expected) {
                (Ok(_), Ok(expected)) if expected == "tainted" => {}
                (Ok(results), Ok(expected)) => assert_eq!(text(&results), expected),
                (Err(error), Err(code)) => assert_eq!(error.code(), Some(code)),
                (answer, expected) => panic!("{answer:?} instead of {expected:?}"),
            }
        }
    }
    (target, executor)
}
