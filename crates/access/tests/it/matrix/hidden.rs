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
}
