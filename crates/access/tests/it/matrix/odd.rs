//! Schemas that are hard to put into words: what `--update` writes is what the next run sees, or it says where no words fit.

use access::{Spec, matrix};

use super::{options, schema, told};

const SQL: &str = "
    create table public.notes (id bigint generated always as identity primary key, owner uuid not null default auth.uid() references auth.users(id),
        body text not null, shared boolean not null default false);
    alter table public.notes enable row level security;
    create policy own on public.notes to authenticated using (owner = (select auth.uid())) with check (owner = (select auth.uid()));
    create policy shared on public.notes for select using (shared);
    -- Views without a key to an owner: of who asks, of their owner, with other names.
    create view public.mine with (security_invoker = on) as select id, owner, body, shared from public.notes;
    create view public.theirs as select id, owner as who, body from public.notes where owner = auth.uid();
    create view public.renamed with (security_invoker = on) as select id as nr, owner as who from public.notes;
    create view public.counted as select owner, count(*) as n from public.notes group by owner;
    create materialized view public.copied as select id, owner, body from public.notes;
    -- Only constraints stop them.
    create table public.comp (x int, y text, primary key (x, y));
    create table public.comp_child (x int, y text, n int, primary key (x, y, n), foreign key (x, y) references public.comp);
    create table public.a (id int primary key, b_id int not null);
    create table public.b (id int primary key, a_id int not null references public.a deferrable initially deferred);
    alter table public.a add foreign key (b_id) references public.b deferrable initially deferred;
    create table public.one (id int primary key default 1 check (id = 1), v text);
    create table public.part (id int, k text not null) partition by list (k);
    create table public.keyless (a int, b text);
    -- What is changed without a WHERE is not what is seen.
    create table public.blind (id int primary key, owner uuid references auth.users(id), body text);
    alter table public.blind enable row level security;
    create policy s on public.blind for select to authenticated using (owner = (select auth.uid()));
    create policy u on public.blind for update to authenticated using (true);
    create policy d on public.blind for delete to authenticated using (true);
    -- An error for some row.
    create view public.ratio as select id, 100 / (id % 3) as r from public.notes;";

#[tokio::test]
async fn what_is_written_holds_in_the_next_run() {
    let first = testkit::database().await;
    first.run(SQL).await;
    let before = schema(&first).await;
    let seen = matrix::run(&first.admin, &before, None, &options(&first)).await.unwrap();
    let text = seen.to_spec(None, &before).to_toml();
    let spec = Spec::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(spec.check(&before), Ok(()), "{text}");
    let second = testkit::database().await;
    second.run(SQL).await;
    let after = schema(&second).await;
    let held = matrix::run(&second.admin, &after, Some(&spec), &options(&second)).await.unwrap();
    let unsaid = |object: &str| seen.cells.iter().any(|cell| cell.object == object && !cell.explained);
    assert!(!held.differences.iter().any(|found| !unsaid(&found.object)), "{text}\n{}", told(&held));
    for object in ["public.mine", "public.theirs", "public.comp", "public.blind"] {
        assert!(!unsaid(object), "{object}\n{text}");
    }
    // What is shared cannot be told from this view's columns.
    assert!(unsaid("public.renamed"), "{:#?}", seen.cells);
    // And once more from the file itself: nothing is written anew.
    assert_eq!(held.to_spec(Some(&spec), &after).to_toml(), text);
}
