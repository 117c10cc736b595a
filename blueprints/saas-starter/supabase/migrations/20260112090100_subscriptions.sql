-- Plans, who has which, and what was paid. Stripe decides; these rows mirror it, written by the server only.

create table public.subscription_plans (
  id                uuid primary key default gen_random_uuid(),
  code              text not null unique check (code ~ '^[a-z0-9-]{2,40}$'),
  name              text not null check (char_length(name) between 1 and 80),
  description       text not null default '' check (char_length(description) <= 1000),
  price_cents       integer not null check (price_cents between 0 and 100000000),
  currency          text not null default 'usd' check (currency ~ '^[a-z]{3}$'),
  "interval"        text not null check ("interval" in ('month', 'year')),
  trial_days        integer not null default 0 check (trial_days between 0 and 90),
  features          jsonb not null default '[]' check (jsonb_typeof(features) = 'array'),
  stripe_product_id text,
  stripe_price_id   text unique,
  sort_order        integer not null default 0,
  is_active         boolean not null default true,
  created_at        timestamptz not null default now(),
  updated_at        timestamptz not null default now()
);
comment on column public.subscription_plans.is_active is 'A retired plan is sold to nobody; those who have it keep it.';

create table public.user_subscriptions (
  id                     uuid primary key default gen_random_uuid(),
  user_id                uuid not null references public.users (id) on delete cascade,
  plan_id                uuid not null references public.subscription_plans (id) on delete restrict,
  status                 text not null check (status in
                           ('incomplete', 'incomplete_expired', 'trialing', 'active', 'past_due', 'unpaid', 'paused', 'canceled')),
  current_period_start   timestamptz,
  current_period_end     timestamptz,
  cancel_at_period_end   boolean not null default false,
  canceled_at            timestamptz,
  trial_end              timestamptz,
  grace_until            timestamptz,
  stripe_customer_id     text,
  stripe_subscription_id text unique,
  stripe_updated_at      timestamptz,
  created_at             timestamptz not null default now(),
  updated_at             timestamptz not null default now(),
  check (current_period_end is null or current_period_start is null or current_period_end > current_period_start)
);
create unique index user_subscriptions_one_live_idx on public.user_subscriptions (user_id)
  where status in ('trialing', 'active', 'past_due', 'unpaid', 'paused');
create index user_subscriptions_user_id_idx on public.user_subscriptions (user_id, created_at desc);
create index user_subscriptions_plan_id_idx on public.user_subscriptions (plan_id);
create index user_subscriptions_ending_idx on public.user_subscriptions (current_period_end) where status in ('trialing', 'active', 'past_due');

create table public.invoices (
  id                uuid primary key default gen_random_uuid(),
  user_id           uuid references public.users (id) on delete set null,
  subscription_id   uuid references public.user_subscriptions (id) on delete set null,
  stripe_invoice_id text not null unique,
  amount_cents      integer not null check (amount_cents >= 0),
  refunded_cents    integer not null default 0 check (refunded_cents between 0 and amount_cents),
  currency          text not null check (currency ~ '^[a-z]{3}$'),
  status            text not null check (status in ('draft', 'open', 'paid', 'uncollectible', 'void')),
  attempts          integer not null default 0,
  failure_message   text,
  hosted_url        text,
  issued_at         timestamptz not null default now(),
  paid_at           timestamptz
);
comment on table public.invoices is 'Outlives its user, without a name, as book-keeping asks.';
create index invoices_user_id_idx on public.invoices (user_id, issued_at desc);
create index invoices_subscription_id_idx on public.invoices (subscription_id);
create index invoices_paid_at_idx on public.invoices (paid_at) where status = 'paid';

create table public.payment_methods (
  id                       uuid primary key default gen_random_uuid(),
  user_id                  uuid not null references public.users (id) on delete cascade,
  stripe_payment_method_id text not null unique,
  brand                    text not null,
  last4                    text not null check (last4 ~ '^[0-9]{4}$'),
  exp_month                smallint not null check (exp_month between 1 and 12),
  exp_year                 smallint not null check (exp_year between 2000 and 2100),
  is_default               boolean not null default false,
  created_at               timestamptz not null default now()
);
comment on table public.payment_methods is 'What a person recognises his card by. The card itself never touches this database.';
create index payment_methods_user_id_idx on public.payment_methods (user_id);
create unique index payment_methods_one_default_idx on public.payment_methods (user_id) where is_default;

create trigger subscription_plans_touch before update on public.subscription_plans
  for each row execute function private.touch_updated_at();
create trigger user_subscriptions_touch before update on public.user_subscriptions
  for each row execute function private.touch_updated_at();

alter table public.subscription_plans enable row level security;
alter table public.user_subscriptions enable row level security;
alter table public.invoices enable row level security;
alter table public.payment_methods enable row level security;
revoke all on public.subscription_plans, public.user_subscriptions, public.invoices, public.payment_methods from anon, authenticated;
grant all on public.subscription_plans, public.user_subscriptions, public.invoices, public.payment_methods to service_role;

-- Staff create, price and retire plans. Nobody deletes one that somebody has (ON DELETE RESTRICT).
grant select on public.subscription_plans to anon, authenticated;
grant insert, update, delete on public.subscription_plans to authenticated;
create policy "Anyone reads the plans on offer" on public.subscription_plans
  for select to anon using (is_active);
create policy "Read the plans on offer and one's own, admins all" on public.subscription_plans
  for select to authenticated
  using (is_active
         or (select private.is_admin())
         or exists (select 1 from public.user_subscriptions s
                    where s.plan_id = subscription_plans.id and s.user_id = (select auth.uid())));
create policy "Admins create plans" on public.subscription_plans
  for insert to authenticated with check ((select private.is_admin()));
create policy "Admins change plans" on public.subscription_plans
  for update to authenticated using ((select private.is_admin())) with check ((select private.is_admin()));
create policy "Admins delete plans" on public.subscription_plans
  for delete to authenticated using ((select private.is_admin()));

grant select on public.user_subscriptions, public.invoices, public.payment_methods to authenticated;
create policy "Users read their own subscriptions, admins all" on public.user_subscriptions
  for select to authenticated using (user_id = (select auth.uid()) or (select private.is_admin()));
create policy "Users read their own invoices, admins all" on public.invoices
  for select to authenticated using (user_id = (select auth.uid()) or (select private.is_admin()));
create policy "Users read their own payment methods" on public.payment_methods
  for select to authenticated using (user_id = (select auth.uid()));

-- For the caller only, also when the caller is an admin who may read the table.
create view public.subscription_status with (security_invoker = true) as
select s.user_id, s.id as subscription_id, p.code as plan_code, p.name as plan_name, p.price_cents, p.currency, p."interval",
       s.status,
       s.status in ('trialing', 'active') or (s.status = 'past_due' and s.grace_until > now()) as is_entitled,
       s.current_period_end, s.cancel_at_period_end, s.trial_end
from public.user_subscriptions s
join public.subscription_plans p on p.id = s.plan_id
where s.user_id = (select auth.uid())
  and s.status <> 'incomplete_expired'
order by s.created_at desc
limit 1;
revoke all on public.subscription_status from anon, authenticated, service_role;
grant select on public.subscription_status to authenticated;

-- What the webhook calls with the server's key. Each event counts once, and news that are older than what
-- is known change nothing.
create table private.stripe_events (
  event_id    text primary key,
  received_at timestamptz not null default now()
);
alter table private.stripe_events enable row level security;
revoke all on private.stripe_events from public, anon, authenticated, service_role;
-- Without a grant nobody gets here; the policy says who might.
create policy "Server only" on private.stripe_events to service_role using (true) with check (true);

create function private.sync_subscription(
  p_event_id text, p_happened_at timestamptz, p_user_id uuid, p_customer text, p_subscription text, p_price text,
  p_status text, p_period_start timestamptz, p_period_end timestamptz, p_cancel boolean, p_trial_end timestamptz
) returns public.user_subscriptions
language plpgsql security definer set search_path = '' as $$
declare
  plan uuid;
  row_ public.user_subscriptions;
begin
  -- One subscription at a time, so that two deliveries of it do not cross.
  perform pg_advisory_xact_lock(hashtextextended('saas-starter.subscription.' || p_subscription, 0));
  select * into row_ from public.user_subscriptions where stripe_subscription_id = p_subscription;
  insert into private.stripe_events (event_id) values (p_event_id) on conflict do nothing;
  if not found or row_.stripe_updated_at > p_happened_at then
    return row_;
  end if;
  if row_.id is not null and row_.user_id <> p_user_id then
    raise exception 'this subscription belongs to another user' using errcode = '22023';
  end if;
  select id into plan from public.subscription_plans where stripe_price_id = p_price;
  if not found then
    raise exception 'no plan has the price %', p_price using errcode = 'P0002';
  end if;
  insert into public.user_subscriptions as s (user_id, plan_id, status, current_period_start, current_period_end,
    cancel_at_period_end, canceled_at, trial_end, grace_until, stripe_customer_id, stripe_subscription_id, stripe_updated_at)
  values (p_user_id, plan, p_status, p_period_start, p_period_end, coalesce(p_cancel, false),
    case when p_status = 'canceled' then p_happened_at end, p_trial_end,
    case when p_status = 'past_due' then p_happened_at + interval '7 days' end, p_customer, p_subscription, p_happened_at)
  on conflict (stripe_subscription_id) do update set
    plan_id = excluded.plan_id, status = excluded.status, current_period_start = excluded.current_period_start,
    current_period_end = excluded.current_period_end, cancel_at_period_end = excluded.cancel_at_period_end,
    canceled_at = excluded.canceled_at, trial_end = excluded.trial_end,
    -- The days of grace run from the first failure.
    grace_until = case when excluded.status = 'past_due' then coalesce(s.grace_until, excluded.grace_until) end,
    stripe_customer_id = excluded.stripe_customer_id, stripe_updated_at = excluded.stripe_updated_at
  returning * into row_;
  return row_;
end $$;

create function private.record_invoice(
  p_event_id text, p_user_id uuid, p_invoice text, p_subscription text, p_amount integer, p_currency text, p_status text,
  p_attempts integer, p_failure text, p_url text, p_paid_at timestamptz
) returns public.invoices
language plpgsql security definer set search_path = '' as $$
declare
  row_ public.invoices;
begin
  perform pg_advisory_xact_lock(hashtextextended('saas-starter.invoice.' || p_invoice, 0));
  select * into row_ from public.invoices where stripe_invoice_id = p_invoice;
  insert into private.stripe_events (event_id) values (p_event_id) on conflict do nothing;
  -- Paid and void are final: an earlier failure that arrives late does not undo them.
  if not found or row_.status in ('paid', 'void') then
    return row_;
  end if;
  insert into public.invoices as i (user_id, subscription_id, stripe_invoice_id, amount_cents, currency, status, attempts,
    failure_message, hosted_url, paid_at)
  values (p_user_id, (select id from public.user_subscriptions where stripe_subscription_id = p_subscription), p_invoice,
    p_amount, lower(p_currency), p_status, coalesce(p_attempts, 0), left(p_failure, 500), p_url,
    case when p_status = 'paid' then coalesce(p_paid_at, now()) end)
  on conflict (stripe_invoice_id) do update set
    status = excluded.status, amount_cents = excluded.amount_cents, attempts = greatest(i.attempts, excluded.attempts),
    failure_message = excluded.failure_message, hosted_url = coalesce(excluded.hosted_url, i.hosted_url), paid_at = excluded.paid_at
  returning * into row_;
  return row_;
end $$;

create function public.sync_subscription(
  event_id text, happened_at timestamptz, user_id uuid, customer_id text, subscription_id text, price_id text, status text,
  period_start timestamptz default null, period_end timestamptz default null, cancel_at_period_end boolean default false,
  trial_end timestamptz default null
) returns public.user_subscriptions language sql set search_path = '' as $$
  select private.sync_subscription($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
$$;
create function public.record_invoice(
  event_id text, user_id uuid, invoice_id text, subscription_id text, amount_cents integer, currency text, status text,
  attempts integer default 0, failure_message text default null, hosted_url text default null, paid_at timestamptz default null
) returns public.invoices language sql set search_path = '' as $$
  select private.record_invoice($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
$$;
revoke all on function
  private.sync_subscription(text, timestamptz, uuid, text, text, text, text, timestamptz, timestamptz, boolean, timestamptz),
  private.record_invoice(text, uuid, text, text, integer, text, text, integer, text, text, timestamptz),
  public.sync_subscription(text, timestamptz, uuid, text, text, text, text, timestamptz, timestamptz, boolean, timestamptz),
  public.record_invoice(text, uuid, text, text, integer, text, text, integer, text, text, timestamptz)
  from public, anon, authenticated, service_role;
grant execute on function
  private.sync_subscription(text, timestamptz, uuid, text, text, text, text, timestamptz, timestamptz, boolean, timestamptz),
  private.record_invoice(text, uuid, text, text, integer, text, text, integer, text, text, timestamptz),
  public.sync_subscription(text, timestamptz, uuid, text, text, text, text, timestamptz, timestamptz, boolean, timestamptz),
  public.record_invoice(text, uuid, text, text, integer, text, text, integer, text, text, timestamptz)
  to service_role;
