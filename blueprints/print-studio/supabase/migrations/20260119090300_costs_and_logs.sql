-- What outside services cost, and what happened.

create table public.api_costs (
    id uuid default gen_random_uuid() primary key,
    api_provider text not null,
    operation_type text not null,
    cost_per_operation decimal(10,4) not null,
    currency text default 'USD',
    effective_date date not null,
    is_active boolean default true,
    created_at timestamp with time zone default now()
);

create table public.api_usage_logs (
    id uuid default gen_random_uuid() primary key,
    user_id uuid references public.profiles(id) on delete cascade,
    api_provider text not null,
    operation_type text not null,
    request_data jsonb,
    response_data jsonb,
    status_code integer,
    response_time decimal(10,2),
    cost decimal(10,4),
    error_message text,
    created_at timestamp with time zone default now()
);

create table public.admin_logs (
    id uuid default gen_random_uuid() primary key,
    -- ON DELETE SET NULL is added: without it an admin's account could never be deleted.
    admin_user_id uuid references public.profiles(id) on delete set null,
    action text not null,
    target_type text,
    target_id uuid,
    details jsonb,
    ip_address inet,
    user_agent text,
    created_at timestamp with time zone default now()
);

create table public.system_metrics (
    id uuid default gen_random_uuid() primary key,
    metric_name text not null,
    metric_value decimal(15,4),
    metric_unit text,
    tags jsonb,
    recorded_at timestamp with time zone default now()
);

create table public.user_activity_logs (
    id uuid default gen_random_uuid() primary key,
    user_id uuid references public.profiles(id) on delete cascade,
    activity_type text not null,
    activity_data jsonb,
    ip_address inet,
    user_agent text,
    created_at timestamp with time zone default now()
);

alter table public.api_costs enable row level security;
alter table public.api_usage_logs enable row level security;
alter table public.admin_logs enable row level security;
alter table public.system_metrics enable row level security;
alter table public.user_activity_logs enable row level security;
revoke all on public.api_costs, public.api_usage_logs, public.admin_logs, public.system_metrics, public.user_activity_logs
  from anon, authenticated, service_role;
