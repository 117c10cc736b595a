//! Schemas made to confuse: the linter ends, and says something of each.

use super::findings;

const SHAPES: &str = r#"
    create schema "Übel ""x""";
    create table "Übel ""x"""."Tä.ble" ("Id" int primary key, "owner id" uuid, gone int, other int);
    alter table "Übel ""x"""."Tä.ble" drop column gone;
    alter table "Übel ""x"""."Tä.ble" enable row level security;
    create policy "p""o'l" on "Übel ""x"""."Tä.ble" using ("owner id" = auth.uid());
    create domain public.positive as int check (value > 0);
    create table public.parted (id int, at date not null, n public.positive, twice int generated always as (id * 2) stored,
        primary key (id, at)) partition by range (at);
    create table public.parted_1 partition of public.parted for values from ('2026-01-01') to ('2027-01-01');
    create table public.a (id int primary key, b int, during tsrange, exclude using gist (during with &&));
    create table public.b (id int primary key, a int references public.a, x int, y date, foreign key (x, y) references public.parted);
    alter table public.a add foreign key (b) references public.b;
    alter table public.a enable row level security;
    alter table public.b enable row level security;
    create policy p on public.a using (b in (select id from public.b));
    create policy p on public.b using (a in (select id from public.a));
    create view public.v1 as select * from public.a;
    create view public.v2 as select * from public.v1;
    create recursive view public.v3 (n) as select 1 union all select n + 1 from v3 where n < 5;
    create policy q on public.parted using (exists (select from public.v2 join public.v3 on v3.n = v2.id));
    create function public.loops() returns int language sql as $$ select 1 $$;
    create or replace function public.loops() returns int language sql stable as $$ select public.loops() $$;
    create policy r on public.parted using (public.loops() = 1 and case when n > 1 then true else (select n > 0) end);
    create procedure public.nothing() language plpgsql as $$ begin commit; end $$;
    create aggregate public.total(int) (sfunc = int4pl, stype = int);
"#;

#[tokio::test]
async fn odd_names_and_shapes() {
    let database = testkit::database().await;
    database.run(SHAPES).await;
    let found = findings(&database).await;
    let of = |rule: &str| found.iter().filter(|f| f.rule.name == rule).map(|f| f.object.path()).collect::<Vec<_>>();
    assert!(of("auth_rls_initplan").contains(&"Übel \"x\".Tä.ble".to_owned()), "{:?}", of("auth_rls_initplan"));
    assert!(!of("policy_recursion").is_empty());
    assert!(of("unindexed_foreign_keys").contains(&"public.b".to_owned()));
    assert!(of("function_does_not_compile").is_empty());
    // What it proposes for odd names is SQL.
    let finding = found.iter().find(|f| f.rule.name == "auth_rls_initplan").unwrap();
    database.run(finding.remedy_sql.as_deref().unwrap()).await;
}

#[tokio::test]
async fn a_thousand_policies_and_long_chains() {
    let database = testkit::database().await;
    let mut sql = String::from(
        "create table public.t0 (id int primary key, owner uuid); alter table public.t0 enable row level security;",
    );
    for n in 1..100 {
        sql += &format!(
            "create table public.t{n} (id int primary key, owner uuid); alter table public.t{n} enable row level security;"
        );
        for p in 0..10 {
            let before = (n * 7 + p * 13) % n;
            sql += &format!(
                "create policy p{p} on public.t{n} for select to authenticated using (id in (select id from public.t{before}) or owner = auth.uid());"
            );
        }
    }
    sql += "create policy back on public.t0 for select to authenticated using (id in (select id from public.t99));";
    database.run(&sql).await;
    let found = findings(&database).await;
    assert!(found.iter().any(|f| f.rule.name == "policy_recursion"));
    assert!(found.iter().filter(|f| f.rule.name == "auth_rls_initplan").count() >= 990);
}
