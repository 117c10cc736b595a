-- People, on top of auth.users, as the document has them.

create schema if not exists extensions;
create extension if not exists pgcrypto with schema extensions;

-- Helpers that policies call live here: the API does not expose this schema.
create schema private;
revoke all on schema private from public;
grant usage on schema private to anon, authenticated, service_role;

create table public.profiles (
    id uuid references auth.users(id) on delete cascade primary key,
    email text unique not null,
    first_name text,
    last_name text,
    company text,
    phone text,
    avatar_url text,
    is_active boolean default true,
    is_admin boolean default false,
    subscription_status text default 'free' check (subscription_status in ('free', 'basic', 'starter', 'cancelled')),
    subscription_plan text default 'free',
    stripe_customer_id text,
    stripe_subscription_id text,
    -- NOT NULL and the CHECK are added: the last wall against an overdraft must not have a hole named NULL.
    credits_remaining integer not null default 2 check (credits_remaining >= 0),
    total_credits_purchased integer not null default 0,
    total_credits_used integer not null default 0,
    last_activity_at timestamp with time zone default now(),
    created_at timestamp with time zone default now(),
    updated_at timestamp with time zone default now()
);
alter table public.profiles enable row level security;
revoke all on public.profiles from anon, authenticated, service_role;

-- Asked by policies. SECURITY DEFINER, so that the policy on profiles may ask without asking itself again.
create function private.is_admin() returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select 1 from public.profiles where id = (select auth.uid()) and is_admin and is_active)
$$;
-- Reports are for admins and for the server.
create function private.may_see_reports() returns boolean
language sql stable security definer set search_path = '' as $$
  select coalesce((select auth.role()) = 'service_role', false) or private.is_admin()
$$;
revoke all on function private.is_admin(), private.may_see_reports() from public, anon, authenticated;
grant execute on function private.is_admin(), private.may_see_reports() to authenticated, service_role;

create function private.handle_new_user() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.profiles (id, email, first_name, last_name)
  values (new.id, coalesce(new.email, new.id || '@no-address.invalid'),
          left(new.raw_user_meta_data ->> 'first_name', 80), left(new.raw_user_meta_data ->> 'last_name', 80))
  on conflict (id) do nothing;
  return new;
end $$;
create function private.handle_user_email_change() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.profiles set email = new.email where id = new.id and new.email is not null;
  return new;
end $$;
revoke all on function private.handle_new_user(), private.handle_user_email_change() from public, anon, authenticated;
create trigger print_studio_on_sign_up after insert on auth.users
  for each row execute function private.handle_new_user();
create trigger print_studio_on_email_change after update of email on auth.users
  for each row when (old.email is distinct from new.email) execute function private.handle_user_email_change();
