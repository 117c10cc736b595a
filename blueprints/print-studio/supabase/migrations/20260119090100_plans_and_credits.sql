-- What is sold, and the ledger of credits.

create table public.subscription_plans (
    id uuid default gen_random_uuid() primary key,
    name text not null unique,
    stripe_price_id text unique,
    description text,
    monthly_price decimal(10,2),
    credits_per_month integer,
    features jsonb,
    is_active boolean default true,
    sort_order integer default 0,
    created_at timestamp with time zone default now(),
    updated_at timestamp with time zone default now()
);

create table public.pay_as_you_go_packages (
    id uuid default gen_random_uuid() primary key,
    name text not null,
    stripe_price_id text unique,
    credits integer not null,
    price decimal(10,2) not null,
    description text,
    is_active boolean default true,
    sort_order integer default 0,
    created_at timestamp with time zone default now(),
    updated_at timestamp with time zone default now()
);

create table public.credit_transactions (
    id uuid default gen_random_uuid() primary key,
    user_id uuid references public.profiles(id) on delete cascade,
    transaction_type text not null check (transaction_type in ('purchase', 'usage', 'refund', 'bonus', 'expiration')),
    amount integer not null,
    balance_before integer not null,
    balance_after integer not null,
    description text,
    metadata jsonb,
    stripe_payment_intent_id text,
    subscription_plan_id uuid references public.subscription_plans(id),
    pay_as_you_go_package_id uuid references public.pay_as_you_go_packages(id),
    expires_at timestamp with time zone,
    created_at timestamp with time zone default now(),
    -- Added: a repeated call finds its key here.
    idempotency_key text unique,
    -- Added: what is left of these credits, so that those that expire first are used first.
    remaining integer not null default 0 check (remaining between 0 and amount),
    -- Added: a row cannot claim another change than its amount.
    check (amount > 0),
    check (balance_after - balance_before = case when transaction_type in ('usage', 'expiration') then -amount else amount end),
    check (balance_after >= 0)
);
comment on column public.credit_transactions.amount is 'Always positive; usage and expiration take, the others give. The balance is the sum of balance_after - balance_before.';

create table public.subscription_history (
    id uuid default gen_random_uuid() primary key,
    user_id uuid references public.profiles(id) on delete cascade,
    subscription_plan_id uuid references public.subscription_plans(id),
    stripe_subscription_id text,
    status text not null check (status in ('active', 'cancelled', 'past_due', 'unpaid')),
    started_at timestamp with time zone not null,
    ended_at timestamp with time zone,
    cancelled_at timestamp with time zone,
    created_at timestamp with time zone default now()
);

alter table public.subscription_plans enable row level security;
alter table public.pay_as_you_go_packages enable row level security;
alter table public.credit_transactions enable row level security;
alter table public.subscription_history enable row level security;
revoke all on public.subscription_plans, public.pay_as_you_go_packages, public.credit_transactions, public.subscription_history
  from anon, authenticated, service_role;
