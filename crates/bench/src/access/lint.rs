//! The linter on a schema of 200 tables.

use std::fmt::Write;
use std::time::Instant;

use access::Schema;
use access::lint::{Context, lint, observe};
use anyhow::ensure;

use crate::database::Cluster;

/// Seconds of each round. Each table has ten columns, five policies (one with a sub-select on the table before), two foreign keys,
/// a view and a function.
pub(super) async fn of_200_tables(rounds: usize) -> anyhow::Result<Vec<f64>> {
    let cluster = Cluster::start()?;
    let client = cluster.target("postgres")?.connect().await?;
    // Too long for a command line.
    client.batch_execute(&schema(200)).await?;
    let mut times = Vec::new();
    for _ in 0..rounds {
        let start = Instant::now();
        let schema = Schema::read(&client).await?;
        let observed = observe(&client, &schema).await?;
        let found = lint(&schema, &Context { observed, ..Context::default() }).len();
        times.push(start.elapsed().as_secs_f64());
        ensure!(found > 0, "a schema without indexes has findings");
    }
    Ok(times)
}

fn schema(tables: usize) -> String {
    let mut sql = String::from("create role service_role bypassrls;");
    for n in 0..tables {
        let before = n.saturating_sub(1);
        _ = write!(
            sql,
            "create table public.t{n} (id uuid primary key, owner uuid not null, parent uuid references public.t{before}, other uuid \
             references public.t{before}, a text, b text, c int, d jsonb, status text check (status in ('x', 'y')), at timestamptz);
             create index on public.t{n} (owner); alter table public.t{n} enable row level security;
             create function public.f{n}(wanted uuid) returns boolean language sql stable set search_path = ''
               as $$ select exists (select from public.t{n} where id = wanted) $$;
             create policy s on public.t{n} for select to authenticated using (owner = (select auth.uid()) or status = 'x');
             create policy i on public.t{n} for insert to authenticated with check (owner = (select auth.uid()));
             create policy u on public.t{n} for update to authenticated using (owner = (select auth.uid())) with check (owner = (select auth.uid()));
             create policy d on public.t{n} for delete to authenticated using (owner = auth.uid());
             create policy e on public.t{n} as restrictive to authenticated
               using (parent is null or exists (select from public.t{before} p where p.id = t{n}.parent));
             create view public.v{n} with (security_invoker = true) as select t.id, p.a from public.t{n} t join public.t{before} p on p.id = t.parent;
             grant select, insert, update, delete on public.t{n} to authenticated;"
        );
    }
    sql
}
