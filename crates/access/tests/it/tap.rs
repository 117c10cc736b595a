//! Test files on a real database with pgTAP's functions, or what they print.

use std::path::PathBuf;

use access::tap::{Outcome, Script, Stop, run};

/// A file that is removed at the end.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("basalt-tap-{}-{name}", std::process::id()));
        std::fs::write(&path, text).expect("a file can be written");
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn outcome(client: &pg::tokio_postgres::Client, name: &str, text: &str, stop: Stop, within: bool) -> Outcome {
    let file = File::new(name, text);
    run(client, &Script::read(&file.0).expect("it can be read"), stop, within).await
}

#[tokio::test]
async fn a_file_leaves_nothing_behind_whether_or_not_it_says_begin() {
    let database = testkit::database().await;
    let client = database.postgres.connect().await.unwrap();
    for text in [
        "begin; create table public.t (); select '1..1'; select 'ok 1 - a'; rollback;",
        "\\set QUIET 1\ncreate table public.t (); select '1..1'; select 'ok 1 - a';",
    ] {
        let outcome = outcome(&client, "clean.sql", text, Stop::AtEnd, false).await;
        assert!(outcome.passed(), "{outcome:?}");
        let row = client.query_one("select to_regclass('public.t') is null", &[]).await.unwrap();
        assert!(row.get::<_, bool>(0), "{text}");
    }
}

#[tokio::test]
async fn a_file_that_dies_says_where() {
    let database = testkit::database().await;
    let client = database.postgres.connect().await.unwrap();
    let text =
        "begin;\nselect '1..2';\nselect 'ok 1 - a';\nselect * from nothing_there;\nselect 'ok 2 - b';\nrollback;";
    let outcome = outcome(&client, "dies.sql", text, Stop::AtEnd, false).await;
    assert_eq!(outcome.tests.len(), 1);
    let died = outcome.died.clone().unwrap();
    assert!(died.starts_with("line 4: ") && died.contains("nothing_there"), "{died}");
    assert!(!outcome.passed());
    assert!(client.query_one("select 1", &[]).await.is_ok());
}

#[tokio::test]
async fn within_a_transaction_its_changes_are_seen_and_it_stays_open() {
    let database = testkit::database().await;
    let client = database.postgres.connect().await.unwrap();
    client.batch_execute("begin; create table public.mutant ()").await.unwrap();
    let text = "begin;\nselect '1..2';\nselect case when to_regclass('public.mutant') is null then 'ok 1' else 'not ok 1' end;\n\
                select 'ok 2';\nrollback;";
    let outcome = outcome(&client, "within.sql", text, Stop::AtFailure, true).await;
    assert_eq!((outcome.failures(), outcome.tests.len()), (1, 1));
    let row = client.query_one("select to_regclass('public.mutant') is not null", &[]).await.unwrap();
    assert!(row.get::<_, bool>(0));
    client.batch_execute("rollback").await.unwrap();
}

#[tokio::test]
async fn commands_of_psql_that_matter_are_refused_by_name() {
    let database = testkit::database().await;
    let client = database.postgres.connect().await.unwrap();
    let outcome = outcome(&client, "meta.sql", "select '1..1';\n\\gexec\nselect 'ok 1';\n", Stop::AtEnd, false).await;
    assert!(outcome.died.unwrap().contains("\\gexec"));
}

#[tokio::test]
async fn a_test_that_waits_for_ever_is_stopped_and_named() {
    let database = testkit::database().await;
    let client = database.postgres.connect().await.unwrap();
    for text in
        ["begin;\nselect '1..1';\nselect pg_sleep(1000);\n", "select '1..1';\n\ndo $$ begin loop end loop; end $$;"]
    {
        let file = File::new("hangs.sql", text);
        let mut script = Script::read(&file.0).unwrap();
        assert_eq!(script.longest.as_secs(), 60);
        script.longest = std::time::Duration::from_secs(1);
        let outcome = run(&client, &script, Stop::AtEnd, false).await;
        let died = outcome.died.unwrap();
        assert!(died.starts_with("line 3: stopped") && died.contains("longer than 1s"), "{died}");
    }
    // A file may take its time if it says so.
    let file =
        File::new("slow.sql", "set statement_timeout = '20s'; select '1..1'; select pg_sleep(2); select 'ok 1';");
    let mut script = Script::read(&file.0).unwrap();
    script.longest = std::time::Duration::from_secs(1);
    let outcome = run(&client, &script, Stop::AtEnd, false).await;
    assert!(outcome.passed(), "{outcome:?}");
}

#[test]
fn a_file_that_is_not_utf_8_says_where() {
    let file = File::new("latin.sql", "");
    std::fs::write(&file.0, b"begin;\nselect '\xe4';\n").unwrap();
    let error = Script::read(&file.0).unwrap_err().to_string();
    assert!(error.contains("0xE4 in line 2"), "{error}");
}

#[tokio::test]
async fn variables_of_psql_are_known() {
    let database = testkit::database().await;
    let client = database.postgres.connect().await.unwrap();
    let text = "\\set ECHO none\n\\set count 2\n\\set who 'O''Hara'\nselect '1..' || :count;\n\
                select case when :'who' = 'O' || chr(39) || 'Hara' then 'ok 1' else 'not ok 1' end;\n\
                select 'ok 2 - ' || ':count'::text;";
    let outcome = outcome(&client, "variables.sql", text, Stop::AtEnd, false).await;
    assert!(outcome.passed() && outcome.tests[1].name == ":count", "{outcome:?}");
}
