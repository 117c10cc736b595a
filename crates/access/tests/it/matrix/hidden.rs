//! Rights that a statement with a WHERE, or one that a foreign key stops, does not show.

use access::matrix::{self, Difference};
use access::{Schema, Spec};

use super::options;

const SQL: &str = "
    create table public.notes (id int primary key, owner_id uuid not null default auth.uid(), done boolean not null default false, body text);
    create table public.lines (id int primary key, note int not null references public.notes);
    alter table public.notes enable row level security;
    alter table public.lines enable row level security;
    revoke all on public.notes, public.lines from anon, authenticated;
    grant select, delete, update (body) on public.notes to authenticated;
    grant select, delete on public.lines to authenticated;
    create policy see on public.notes for select to authenticated using (owner_id = (select auth.uid()));
    create policy change on public.notes for update to authenticated using (owner_id = (select auth.uid()));
    create policy see on public.lines for select to authenticated
        using (exists (select from public.notes n where n.id = lines.note and n.owner_id = (select auth.uid())));
    -- Whoever says WHERE is held back by what he sees; whoever does not is not.
    create policy remove on public.lines for delete to authenticated using (true);";

const ACCESS: &str = r#"
version = 1

[tables."public.notes"]
owner = "owner_id"
user = { select = "own", update = "own: body" }
service = { select = "all", insert = "all", update = "all", delete = "all" }

[tables."public.lines"]
words = { mine = "exists (select from public.notes n where n.id = lines.note and n.owner_id = $uid)" }
user = { select = "mine", delete = "mine" }
service = { select = "all", insert = "all", update = "all", delete = "all" }
"#;

async fn differences(more: &str) -> Vec<Difference> {
    let database = testkit::database().await;
    database.run(SQL).await;
    database.run(more).await;
    let schema = Schema::read(&database.connect(&database.admin).await).await.unwrap();
    let spec = Spec::parse(ACCESS).unwrap();
    matrix::run(&database.admin, &schema, Some(&spec), &options(&database)).await.unwrap().differences
}

#[tokio::test]
async fn a_delete_without_where_is_not_held_back_by_what_is_seen() {
    let found = differences("").await;
    let [one] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!((one.object.as_str(), one.identity.as_str()), ("public.lines", "user"));
    assert!(one.seen.contains("without a WHERE"), "{}", one.seen);
    assert!(one.because.iter().any(|why| why.contains("policy \"remove\"")), "{:?}", one.because);
    assert!(one.counterexample.as_ref().unwrap().sql.contains("delete from \"public\".\"lines\";"), "{one:#?}");
}

#[tokio::test]
async fn a_key_that_others_point_to_is_open_even_where_it_cannot_change_today() {
    let found = differences(
        "alter policy remove on public.lines using (exists (select from public.notes n where n.id = lines.note and n.owner_id = (select auth.uid())));
         grant update (id) on public.notes to authenticated;",
    )
    .await;
    let [one] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!((one.object.as_str(), one.column.as_deref()), ("public.notes", Some("id")));
    for part in [
        "grants and policies let it through: id would have been changed, had not a constraint stopped this one try",
        "violates foreign key constraint \"lines_note_fkey\"",
        "another row or value passes",
    ] {
        assert!(one.seen.contains(part), "{}", one.seen);
    }
}

/// Somebody's tasks, with one policy for reading and this one for changing.
async fn tasks(change: &str, update: &str, seed: u64) -> Vec<Difference> {
    let database = testkit::database().await;
    database
        .run(&format!(
            "create table public.tasks (id int primary key, owner_id uuid not null references auth.users(id),
                 alive boolean not null default true, title text);
             alter table public.tasks enable row level security;
             revoke all on public.tasks from anon, authenticated, service_role;
             grant select, update on public.tasks to authenticated;
             create policy see on public.tasks for select to authenticated using (owner_id = (select auth.uid()));
             create policy change on public.tasks for update to authenticated {change};"
        ))
        .await;
    let schema = Schema::read(&database.connect(&database.admin).await).await.unwrap();
    let spec = Spec::parse(&format!(
        "version = 1\n[tables.\"public.tasks\"]\nowner = \"owner_id\"\nwords = {{ alive = \"alive\" }}\n\
         user = {{ select = \"own\", update = \"{update}\" }}\n"
    ))
    .unwrap();
    let options = matrix::Options { seed, ..options(&database) };
    matrix::run(&database.admin, &schema, Some(&spec), &options).await.unwrap().differences
}

#[tokio::test]
async fn an_update_of_the_owner_without_where_that_changes_nobody_is_no_leak() {
    for seed in 1..6 {
        let change = "using (owner_id = (select auth.uid()) and alive) with check (owner_id = (select auth.uid()))";
        let found = tasks(change, "own and alive becoming own", seed).await;
        assert!(found.is_empty(), "{seed} {found:#?}");
    }
}

#[tokio::test]
async fn rows_are_given_away_without_a_where() {
    let found = tasks("using (owner_id = (select auth.uid())) with check (true)", "own", 1).await;
    let [one] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!(one.column.as_deref(), Some("owner_id"), "{one:#?}");
    assert!(one.seen.contains("without a WHERE"), "{one:#?}");
    let change = "using (owner_id = (select auth.uid()) and alive) with check (alive)";
    let found = tasks(change, "own and alive becoming own", 1).await;
    assert!(found.iter().any(|one| one.seen.contains("without a WHERE")), "{found:#?}");
}

#[tokio::test]
async fn a_request_for_another_schema_names_it_also_to_read() {
    let database = testkit::database().await;
    database
        .run(
            "create schema \"my $api\"; grant usage on schema \"my $api\" to anon;
             create table \"my $api\".open (id int primary key); grant select on \"my $api\".open to anon;",
        )
        .await;
    let schema = Schema::read(&database.connect(&database.admin).await).await.unwrap();
    let spec = Spec::parse("version = 1\n").unwrap();
    let options = matrix::Options { exposed: vec!["my $api".to_owned()], ..options(&database) };
    let report = matrix::run(&database.admin, &schema, Some(&spec), &options).await.unwrap();
    let reads = |one: &&Difference| one.identity == "anon" && one.operation.word() == "select";
    let example = report.differences.iter().find(reads).unwrap().counterexample.as_ref().unwrap();
    assert!(example.curl.contains(r#" -H "Accept-Profile: my \$api""#), "{}", example.curl);
}
