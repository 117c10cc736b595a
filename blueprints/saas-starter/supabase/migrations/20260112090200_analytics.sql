-- What people do, in events that land in batches, and what can be read from them.

create table public.analytics_events (
  id          uuid primary key default gen_random_uuid(),
  user_id     uuid references public.users (id) on delete cascade,
  visit_id    uuid,
  name        text not null check (name ~ '^[a-z][a-z0-9_.]{0,63}$'),
  properties  jsonb not null default '{}' check (jsonb_typeof(properties) = 'object' and pg_column_size(properties) <= 8192),
  occurred_at timestamptz not null default now(),
  received_at timestamptz not null default now()
);
comment on column public.analytics_events.id is 'Chosen by the client: a batch that is sent again finds its ids taken.';
create index analytics_events_user_id_idx on public.analytics_events (user_id, occurred_at desc);
create index analytics_events_name_idx on public.analytics_events (name, occurred_at desc);
create index analytics_events_occurred_at_idx on public.analytics_events using brin (occurred_at);

alter table public.analytics_events enable row level security;
revoke all on public.analytics_events from anon, authenticated;
grant all on public.analytics_events to service_role;
grant insert (id, user_id, visit_id, name, properties, occurred_at) on public.analytics_events to anon, authenticated;
grant select on public.analytics_events to authenticated;
create policy "Visitors log events without a name" on public.analytics_events
  for insert to anon with check (user_id is null and occurred_at between now() - interval '7 days' and now() + interval '1 hour');
create policy "Users log their own events" on public.analytics_events
  for insert to authenticated
  with check (user_id = (select auth.uid()) and occurred_at between now() - interval '7 days' and now() + interval '1 hour');
create policy "Users read their own events, admins all" on public.analytics_events
  for select to authenticated using (user_id = (select auth.uid()) or (select private.is_admin()));

-- Run as their caller: an admin gets everybody's figures, anybody else his own.
create function public.analytics_actives(from_day date, to_day date, bucket text default 'day')
returns table (period date, actives bigint) language sql stable set search_path = '' as $$
  select date_trunc(case when $3 = 'week' then 'week' else 'day' end, occurred_at)::date, count(distinct user_id)
  from public.analytics_events
  where occurred_at >= $1 and occurred_at < $2 + 1 and user_id is not null
  group by 1 order by 1
$$;
create function public.analytics_sign_ups(from_day date, to_day date)
returns table (period date, sign_ups bigint) language sql stable set search_path = '' as $$
  select d::date, count(u.id)
  from generate_series($1::timestamp, $2::timestamp, interval '1 day') d
  left join public.users u on u.created_at >= d and u.created_at < d + interval '1 day'
  group by 1 order by 1
$$;
-- How many people did the first step, then the second after it, and so on.
create function public.analytics_funnel(steps text[], from_day date, to_day date)
returns table (step integer, name text, people bigint) language sql stable set search_path = '' as $$
  with recursive walk as (
    select 1 as n, e.user_id, min(e.occurred_at) as at
    from public.analytics_events e
    where e.name = $1[1] and e.user_id is not null and e.occurred_at >= $2 and e.occurred_at < $3 + 1
    group by e.user_id
    union all
    select w.n + 1, w.user_id, next_.at
    from walk w
    cross join lateral (
      select e.occurred_at as at from public.analytics_events e
      where e.user_id = w.user_id and e.name = $1[w.n + 1] and e.occurred_at > w.at and e.occurred_at < $3 + 1
      order by e.occurred_at limit 1
    ) next_
    where w.n < least(cardinality($1), 20)
  )
  select s.n::integer, s.step_name, count(w.user_id)
  from unnest($1) with ordinality s (step_name, n) left join walk w on w.n = s.n
  group by 1, 2 order by 1
$$;
create function public.analytics_revenue(from_day date, to_day date)
returns table (period date, currency text, paid_cents bigint, refunded_cents bigint, invoices bigint) language sql stable set search_path = '' as $$
  select date_trunc('month', i.paid_at)::date, i.currency, sum(i.amount_cents), sum(i.refunded_cents), count(*)
  from public.invoices i
  where i.status = 'paid' and i.paid_at >= $1 and i.paid_at < $2 + 1
  group by 1, 2 order by 1, 2
$$;
revoke all on function public.analytics_actives(date, date, text), public.analytics_sign_ups(date, date),
  public.analytics_funnel(text[], date, date), public.analytics_revenue(date, date) from public, anon, authenticated, service_role;
grant execute on function public.analytics_actives(date, date, text), public.analytics_sign_ups(date, date),
  public.analytics_funnel(text[], date, date), public.analytics_revenue(date, date) to authenticated, service_role;

-- The list of the admin's user panel; through RLS, so that anybody else finds only himself.
create function public.list_users(search text default null, page_size integer default 50, page integer default 1)
returns table (id uuid, email text, full_name text, role text, status text, plan_code text, subscription_status text,
               created_at timestamptz, last_seen_at timestamptz)
language sql stable set search_path = '' as $$
  select u.id, u.email, p.full_name, u.role, u.status, pl.code, s.status, u.created_at, u.last_seen_at
  from public.users u
  join public.profiles p on p.id = u.id
  left join lateral (select x.plan_id, x.status from public.user_subscriptions x where x.user_id = u.id
                     order by x.created_at desc limit 1) s on true
  left join public.subscription_plans pl on pl.id = s.plan_id
  where nullif(btrim($1), '') is null
     or strpos(lower(u.email), lower(btrim($1))) > 0 or strpos(lower(p.full_name), lower(btrim($1))) > 0
  order by u.created_at desc, u.id
  limit least(greatest(coalesce($2, 50), 1), 200)
  offset (least(greatest(coalesce($3, 1), 1), 10000) - 1) * least(greatest(coalesce($2, 50), 1), 200)
$$;
revoke all on function public.list_users(text, integer, integer) from public, anon, authenticated, service_role;
grant execute on function public.list_users(text, integer, integer) to authenticated, service_role;

-- The document's sample table and its view: one's own notes with one's own name on them.
create table public.test_table (
  id         uuid primary key default gen_random_uuid(),
  user_id    uuid not null default auth.uid() references public.users (id) on delete cascade,
  title      text not null check (char_length(title) between 1 and 200),
  done       boolean not null default false,
  created_at timestamptz not null default now()
);
create index test_table_user_id_idx on public.test_table (user_id, created_at desc);
alter table public.test_table enable row level security;
revoke all on public.test_table from anon, authenticated;
grant all on public.test_table to service_role;
grant select, delete, insert (id, user_id, title, done), update (title, done) on public.test_table to authenticated;
create policy "Users read their own rows" on public.test_table
  for select to authenticated using (user_id = (select auth.uid()));
create policy "Users add their own rows" on public.test_table
  for insert to authenticated with check (user_id = (select auth.uid()));
create policy "Users change their own rows" on public.test_table
  for update to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy "Users delete their own rows" on public.test_table
  for delete to authenticated using (user_id = (select auth.uid()));

create view public.test_table_with_users with (security_invoker = true) as
select t.id, t.title, t.done, t.created_at, t.user_id, u.email, p.full_name
from public.test_table t
join public.users u on u.id = t.user_id
join public.profiles p on p.id = t.user_id;
revoke all on public.test_table_with_users from anon, authenticated, service_role;
grant select on public.test_table_with_users to authenticated, service_role;
