//! Every change can be made and taken back, and what is said to change nothing does.

use access::Schema;
use access::mutants::{Mutant, all};

const SCHEMA: &str = "
    create table public.notes (id int primary key, \"who's\" uuid not null, title text, open boolean, rank int);
    alter table public.notes enable row level security;
    revoke all on public.notes from anon, authenticated;
    grant select, update (title), delete on public.notes to authenticated;
    create policy \"it's own\" on public.notes for update to authenticated
        using (\"who's\" = (select auth.uid()) and open) with check (\"who's\" = (select auth.uid()) and title <> 'x');
    create policy \"see\" on public.notes for select to authenticated
        using (\"who's\" is not null and (open or exists (select from public.notes n where n.id = notes.rank and not n.open)));
    create policy \"add\" on public.notes for insert to authenticated with check (true);
    create policy \"floor\" on public.notes as restrictive to authenticated, anon using (rank between 1 and 5);
    create policy \"server\" on public.notes to service_role using (true);
    create table public.books (id int primary key, open boolean);
    alter table public.books enable row level security;
    grant select on public.books to authenticated;
    create policy \"books\" on public.books for select to authenticated using (open and id > 0);
    create table public.pages (id int primary key, book int, reader uuid default auth.uid());
    alter table public.pages enable row level security;
    revoke all on public.pages from anon, authenticated;
    grant select, insert (id), update (id) on public.pages to authenticated;
    create policy \"pages\" on public.pages for select to authenticated
        using (book is not null and exists (select from public.books b where b.id = pages.book and b.open));
    create policy \"turn\" on public.pages for update to authenticated using (reader = (select auth.uid()));
    create policy \"bind\" on public.pages for insert to authenticated with check (reader = (select auth.uid()) and id > 0);
    create view public.titles with (security_invoker) as select title from public.notes;";

async fn mutants() -> (testkit::Database, Schema, Vec<Mutant>) {
    let database = testkit::database().await;
    database.run(SCHEMA).await;
    let schema = read(&database).await;
    let found = all(&schema);
    (database, schema, found)
}

async fn read(database: &testkit::Database) -> Schema {
    let client = database.admin.connect().await.expect("the database answers");
    Schema::read(&client).await.expect("the schema can be read")
}

#[tokio::test]
async fn each_change_is_made_and_taken_back() {
    let (database, before, found) = mutants().await;
    assert!(found.len() > 30, "{}", found.len());
    for mutant in &found {
        let notes = |schema: &Schema| {
            let table = schema.relation("public", mutant.table.strip_prefix("public.").unwrap()).unwrap();
            (format!("{:?}", table.policies), format!("{:?} {:?}", table.grants, table.columns), table.rls)
        };
        let as_it_was = notes(&before);
        database.run(&format!("set search_path = ''; {}", mutant.sql)).await;
        assert_ne!(notes(&read(&database).await), as_it_was, "{} changes nothing", mutant.title());
        database.run(&format!("set search_path = ''; {}", mutant.undo)).await;
        let (mut after, mut expected) = (notes(&read(&database).await), as_it_was.clone());
        // A policy that is made again has moved to another place of the catalog, which reads in no order of ours.
        (after.0, expected.0) = (sorted(&after.0), sorted(&expected.0));
        (after.1, expected.1) = (sorted(&after.1), sorted(&expected.1));
        assert_eq!(after, expected, "{} is not taken back", mutant.title());
    }
}

fn sorted(text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    chars.sort_unstable();
    chars.into_iter().collect()
}

#[tokio::test]
async fn what_nobody_can_notice_is_told_apart() {
    let (_database, _schema, found) = mutants().await;
    let reason = |subject: &str, change: &str| {
        let mutant = found.iter().find(|mutant| mutant.subject.contains(subject) && mutant.change.contains(change));
        mutant.unwrap_or_else(|| panic!("no change {change} of {subject}: {found:#?}")).equivalent.clone()
    };
    assert!(reason("add", "dropped").unwrap().contains("no grant"));
    assert!(reason("server", "dropped").unwrap().contains("does not bind"));
    assert!(reason("see", "without \"who's\" IS NOT NULL").unwrap().contains("never null"));
    assert!(reason("see", "for everybody").unwrap().contains("nobody else"));
    // The owner is not writable, so the check keeps what USING asked; the title is.
    assert!(reason("own", "with check: without \"who's\" = ").is_some());
    assert_eq!(reason("own", "with check: without title"), None);
    assert_eq!(reason("own", "with check: true"), None);
    assert_eq!(reason("own", "using: without open"), None);
    assert_eq!(reason("row-level security", "off"), None);
    // Only open books are seen, only one's own shelf is written.
    assert!(reason("pages", "without b.open").unwrap().contains("public.books shows no other rows"));
    assert!(reason("pages", "without book IS NOT NULL").unwrap().contains("not true where book is null"));
    assert_eq!(reason("pages", "without b.id = pages.book"), None);
    assert!(
        reason("role authenticated", "update of column \"reader\" granted").unwrap().contains("reader is auth.uid()")
    );
    assert!(
        reason("role authenticated", "insert of column \"reader\" granted").unwrap().contains("reader is auth.uid()")
    );
    assert_eq!(reason("role authenticated", "update of column \"book\" granted"), None);
    assert!(found.iter().any(|mutant| mutant.title().contains("update of column \"rank\" granted")));
    assert!(
        found
            .iter()
            .all(|mutant| !mutant.table.ends_with("notes") || mutant.concerns.contains(&"public.titles".to_owned()))
    );
}
