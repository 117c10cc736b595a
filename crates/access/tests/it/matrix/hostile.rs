//! Schemas that are hard to fill: the matrix ends, finds what can be found, and says what it could not try.

use access::matrix;

use super::{options, schema};

const SQL: &str = "
    create domain public.score as int check (value between 0 and 10);
    create type public.mood as enum ('fine', 'not fine');
    create table public.\"Größe & Co\" (\"Schlüssel\" int, teil text, wer uuid references auth.users, double int generated always as (\"Schlüssel\" * 2) stored,
        wert public.score, laune public.mood, primary key (\"Schlüssel\", teil));
    alter table public.\"Größe & Co\" enable row level security;
    create policy \"die eigenen\" on public.\"Größe & Co\" for all to authenticated using (wer = auth.uid());
    -- Two tables that need each other.
    create table public.hen (id int primary key, egg int not null, wer uuid references auth.users);
    create table public.egg (id int primary key, hen int not null references public.hen deferrable initially deferred);
    alter table public.hen add foreign key (egg) references public.egg deferrable initially deferred;
    -- Partitions, of which one is open by itself.
    create table public.events (id int, day date not null, wer uuid references auth.users, primary key (id, day)) partition by range (day);
    create table public.events_2025 partition of public.events for values from ('2020-01-01') to ('2036-01-01');
    alter table public.events enable row level security;
    create policy own on public.events for select to authenticated using (wer = auth.uid());
    -- No two at a time.
    create extension if not exists btree_gist with schema extensions;
    create table public.bookings (id uuid primary key default gen_random_uuid(), room int not null, during tstzrange not null, exclude using gist (room with =, during with &&));
    -- Nothing goes in.
    create function public.never() returns trigger language plpgsql as $$ begin raise exception 'never'; end $$;
    create table public.closed (id int primary key, wer uuid references auth.users);
    create trigger never before insert or update or delete on public.closed for each row execute function public.never();
    -- A table without a key, one without columns, one with a type that nobody knows.
    create table public.keyless (note text);
    create table public.bare ();
    create table public.odd (id int primary key, what pg_catalog.pg_lsn not null);
    create policy broken on public.odd for select using (1 / (id - id) = 1);
    alter table public.odd enable row level security;
";

#[tokio::test]
async fn it_ends_and_says_what_it_could_not_try() {
    let database = testkit::database().await;
    database.run(SQL).await;
    let schema = schema(&database).await;
    let report = matrix::run(&database.admin, &schema, None, &options(&database)).await.unwrap();
    let right = |object: &str, identity: &str, operation: &str| {
        let cell = report
            .cells
            .iter()
            .find(|cell| cell.object == object && cell.identity == identity && cell.operation.word() == operation);
        cell.unwrap_or_else(|| panic!("{object} is not there")).right.clone()
    };
    assert_eq!(right("public.Größe & Co", "user", "select"), "own");
    assert_eq!(right("public.Größe & Co", "anon", "select"), "none");
    assert_eq!(right("public.events", "user", "select"), "own");
    // Row-level security of the parent does not reach who names the partition.
    assert_eq!(right("public.events_2025", "anon", "select"), "all");
    assert_eq!(right("public.keyless", "anon", "select"), "all");
    let untried = |object: &str, why: &str| {
        report.untried.iter().any(|untried| untried.object == object && untried.why.contains(why))
    };
    assert!(untried("public.closed", "never"), "{:#?}", report.untried);
    assert!(matrix::render(&report, true).contains("public.closed"));
}
