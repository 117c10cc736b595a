//! The sentence that a person reads, on real rows.

use access::explain::{Action, Explanation, Question, Seen, Trouble, Truth, explain, render};
use pg::tokio_postgres::Client;

const MINE: &str = "00000000-0000-4000-8000-000000000001";
const THEIRS: &str = "00000000-0000-4000-8000-000000000002";

const SCHEMA: &str = "
    insert into auth.users (id, email) values ('00000000-0000-4000-8000-000000000001', 'Mia@example.com'),
        ('00000000-0000-4000-8000-000000000002', 'tom@example.com');
    create table public.notes (id int primary key, \"who's\" uuid, title text, open boolean, secret text);
    revoke all on public.notes from anon, authenticated;
    grant select (id, title), update (title) on public.notes to authenticated;
    grant select, delete on public.notes to anon;
    alter table public.notes enable row level security;
    create policy own on public.notes to authenticated using (\"who's\" = auth.uid() and (open or title = 'a, b'));
    create policy visitors on public.notes for select to anon using (open);
    create policy floor on public.notes as restrictive for select using (coalesce(auth.jwt() ->> 'blocked', '') <> 'yes');
    insert into public.notes values (1, '00000000-0000-4000-8000-000000000001', 'a, b', false, 'x'),
        (2, '00000000-0000-4000-8000-000000000002', 'c', true, 'y'), (3, null, 'd', null, 'z');
    create table public.parts (a int, b text, primary key (a, b));
    insert into public.parts values (1, 'x');
    create table public.loops (id int primary key);
    alter table public.loops enable row level security;
    create policy again on public.loops using (exists (select from public.loops l where l.id = loops.id));
    insert into public.loops values (1);";

async fn client() -> Client {
    let database = testkit::database().await;
    database.run(SCHEMA).await;
    database.admin.connect().await.expect("the database answers")
}

async fn ask(client: &Client, table: &str, key: &str, caller: &str, action: Action) -> Result<Explanation, Trouble> {
    explain(client, &Question { table, key, caller, claims: None, action }).await
}

#[tokio::test]
async fn a_user_sees_the_own_row_and_learns_which_part_of_a_condition_fails_on_another() {
    let client = client().await;
    let own = ask(&client, "notes", "1", "mia@example.com", Action::Select).await.unwrap();
    assert!(own.verdict.allowed, "{}", render(&own));
    assert_eq!(own.verdict.policy.as_deref(), Some("own"));
    assert_eq!(own.grants.columns, ["id", "title"]);
    let other = ask(&client, "public.notes", "id=2", MINE, Action::Select).await.unwrap();
    assert!(!other.verdict.allowed);
    assert!(other.verdict.because.contains("false is \"who's\" = auth.uid()"), "{}", other.verdict.because);
    let using = other.policies.iter().find(|policy| policy.name == "own").unwrap().using.clone().unwrap();
    let truths: Vec<_> = using.parts.iter().map(|part| part.truth.clone()).collect();
    assert_eq!(truths, [Truth::False, Truth::True]);
    let nobody = ask(&client, "notes", "3", MINE, Action::Select).await.unwrap();
    assert!(nobody.verdict.because.contains("null is"), "{}", nobody.verdict.because);
}

#[tokio::test]
async fn what_was_predicted_is_what_happens() {
    let client = client().await;
    for (key, caller) in
        [("1", MINE), ("2", MINE), ("2", THEIRS), ("3", THEIRS), ("1", "anon"), ("2", "anon"), ("1", "service")]
    {
        let found = ask(&client, "notes", key, caller, Action::Select).await.unwrap();
        assert_eq!(found.verdict.allowed, found.seen == Some(Seen::Yes), "{}", render(&found));
    }
}

#[tokio::test]
async fn a_missing_row_a_missing_grant_and_a_restrictive_policy_are_told_apart() {
    let client = client().await;
    let because = async |key, caller, claims: Option<&serde_json::Value>, action| {
        let question = Question { table: "notes", key, caller, claims, action };
        explain(&client, &question).await.unwrap().verdict.because
    };
    assert_eq!(because("9", "anon", None, Action::Select).await, "the row does not exist");
    assert!(because("2", "anon", None, Action::Update).await.contains("no update privilege"));
    let blocked = serde_json::json!({ "blocked": "yes" });
    let stopped = because("2", "anon", Some(&blocked), Action::Select).await;
    assert!(stopped.contains("restrictive policy \"floor\" stops it"), "{stopped}");
    // A visitor may delete, says the grant; no policy is for it.
    assert!(because("2", "anon", None, Action::Delete).await.contains("no permissive policy"));
    assert!(because("1", "service", None, Action::Delete).await.contains("does not bind service_role"));
}

#[tokio::test]
async fn keys_have_many_forms_and_bad_ones_are_explained() {
    let client = client().await;
    assert!(ask(&client, "parts", "1,x", "anon", Action::Select).await.unwrap().row_exists);
    assert!(ask(&client, "parts", "b=x,a=1", "anon", Action::Select).await.unwrap().row_exists);
    assert!(ask(&client, "notes", "title=a, b", "anon", Action::Select).await.is_ok_and(|found| found.row_exists));
    let error = |result: Result<Explanation, Trouble>| result.unwrap_err().to_string();
    assert!(
        error(ask(&client, "parts", "1", "anon", Action::Select).await).contains("the key of public.parts is (a, b)")
    );
    assert!(error(ask(&client, "note", "1", "anon", Action::Select).await).contains("did you mean public.notes"));
    assert!(error(ask(&client, "notes", "1", "tim@example.com", Action::Select).await).contains("neither a user"));
    assert!(error(ask(&client, "notes", "x", "anon", Action::Select).await).contains("invalid input syntax"));
    // The connection is as it was.
    assert!(ask(&client, "notes", "1", "anon", Action::Select).await.is_ok());
}

#[tokio::test]
async fn a_policy_that_recurses_is_named_with_what_postgresql_says() {
    let client = client().await;
    let found = ask(&client, "loops", "1", "authenticated", Action::Select).await.unwrap();
    assert!(!found.verdict.allowed);
    assert!(found.verdict.because.contains("policy \"again\" fails: infinite recursion"), "{}", found.verdict.because);
}

#[tokio::test]
async fn names_are_taken_as_sql_writes_them_and_without_quotes() {
    let client = client().await;
    client
        .batch_execute(
            "create schema \"My.Schema\"; create table public.\"My Table\" (\"the key\" int primary key, \"a\"\"b\" int);
             create table public.\"dot.ted\" (id int primary key); create table public.\"say \"\"hi\"\"\" (id int primary key);
             create table \"My.Schema\".t (id int primary key);
             insert into public.\"My Table\" values (1, 2);",
        )
        .await
        .unwrap();
    for table in [
        "My Table",
        "\"My Table\"",
        "public.My Table",
        "public.\"My Table\"",
        "\"public\".\"My Table\"",
        "dot.ted",
        "\"dot.ted\"",
        "public.dot.ted",
        "say \"hi\"",
        "\"say \"\"hi\"\"\"",
        "\"My.Schema\".t",
    ] {
        let answer = ask(&client, table, "1", "anon", Action::Select).await;
        assert!(answer.is_ok(), "{table}: {}", answer.unwrap_err());
    }
    for key in ["the key=1", "\"the key\"=1", "\"a\"\"b\"=2"] {
        assert!(ask(&client, "My Table", key, "anon", Action::Select).await.unwrap().row_exists, "{key}");
    }
    for (key, column) in [("nothing=1", "nothing"), ("\"no such\"=1", "no such")] {
        let error = ask(&client, "My Table", key, "anon", Action::Select).await.unwrap_err().to_string();
        assert_eq!(error, format!("public.My Table has no column {column}; it has: the key, a\"b"));
    }
    let error = ask(&client, "\"my table\"", "1", "anon", Action::Select).await.unwrap_err().to_string();
    assert_eq!(error, "there is no table or view public.my table; did you mean public.My Table?");
}
