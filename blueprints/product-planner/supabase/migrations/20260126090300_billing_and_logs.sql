-- Plans, payments, and what went wrong or through a model.

create table public.subscription_plans (
  id uuid primary key,
  name text not null,
  description text,
  price numeric not null,
  currency text default 'usd',
  "interval" text not null,
  stripe_price_id text unique,
  stripe_product_id text unique,
  features jsonb default '[]',
  is_active boolean default true,
  trial_period_days integer
);
create index subscription_plans_is_active_idx on public.subscription_plans (is_active);

create table public.user_subscriptions (
  id uuid primary key,
  user_id uuid references public.users (id) on delete cascade,
  plan_id uuid references public.subscription_plans (id),
  stripe_customer_id text,
  stripe_subscription_id text,
  status text not null,
  current_period_start timestamp with time zone,
  current_period_end timestamp with time zone,
  cancel_at_period_end boolean default false,
  payment_type text not null,
  created_at timestamp with time zone default now(),
  updated_at timestamp with time zone default now()
);
create index user_subscriptions_user_id_idx on public.user_subscriptions (user_id);

create table public.payment_history (
  id uuid primary key,
  user_id uuid references public.users (id) on delete cascade,
  subscription_id uuid references public.user_subscriptions (id) on delete set null,
  amount numeric not null,
  currency text default 'usd',
  status text not null,
  stripe_payment_intent_id text unique,
  stripe_payment_method text,
  error_message text,
  created_at timestamp with time zone default now()
);
create index payment_history_user_id_idx on public.payment_history (user_id);

create table public.error_logs (
  id uuid primary key,
  user_id uuid references public.users (id) on delete set null,
  error_type text not null,
  error_code text,
  error_message text not null,
  stack_trace text,
  severity text not null,
  metadata jsonb default '{}',
  request_payload jsonb,
  browser_info jsonb,
  created_at timestamp with time zone default now()
);
create index error_logs_user_id_idx on public.error_logs (user_id);

create table public.openai_logs (
  id uuid primary key default gen_random_uuid(),
  user_id uuid references public.users (id),
  request_type text not null,
  request_payload jsonb not null,
  response_payload jsonb,
  error text,
  created_at timestamp with time zone default now(),
  model text default 'gpt-4',
  input_tokens integer,
  output_tokens integer
);
create index openai_logs_user_id_idx on public.openai_logs (user_id);

-- Foreign keys that the document left without an index.
create index user_subscriptions_plan_id_idx on public.user_subscriptions (plan_id);
create index payment_history_subscription_id_idx on public.payment_history (subscription_id);

alter table public.subscription_plans enable row level security;
alter table public.user_subscriptions enable row level security;
alter table public.payment_history enable row level security;
alter table public.error_logs enable row level security;
alter table public.openai_logs enable row level security;
revoke all on public.subscription_plans, public.user_subscriptions, public.payment_history, public.error_logs, public.openai_logs
  from anon, authenticated;

create trigger user_subscriptions_touch before update on public.user_subscriptions for each row execute function private.touch_updated_at();
