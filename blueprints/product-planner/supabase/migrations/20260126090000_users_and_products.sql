-- People and their products, as the document has them; a sign-up makes the person's row and keeps it in step.

create schema if not exists extensions;
create extension if not exists pgcrypto with schema extensions;

-- Helpers that policies call live here: the API does not expose this schema.
create schema private;
revoke all on schema private from public;
grant usage on schema private to anon, authenticated, service_role;

create function private.touch_updated_at() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.updated_at = now();
  return new;
end $$;
revoke all on function private.touch_updated_at() from public, anon, authenticated;

create table public.users (
  id uuid primary key,
  email text unique,
  created_at timestamp with time zone default now(),
  updated_at timestamp with time zone,
  full_name text,
  avatar_url text
);

create table public.products (
  id uuid primary key,
  user_id uuid references public.users (id),
  name text,
  description text,
  created_at timestamp with time zone default now(),
  updated_at timestamp with time zone,
  slug text unique
);
create index products_user_id_idx on public.products (user_id);

alter table public.users enable row level security;
alter table public.products enable row level security;
revoke all on public.users, public.products
  from anon, authenticated;

create trigger users_touch before update on public.users for each row execute function private.touch_updated_at();
create trigger products_touch before update on public.products for each row execute function private.touch_updated_at();

-- Two accounts may share an address (single sign-on); users.email is unique, so the later one goes without.
create function private.handle_new_user() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.users (id, email, full_name, avatar_url)
  values (new.id,
          case when not exists (select 1 from public.users where email = new.email and id <> new.id) then new.email end,
          left(coalesce(new.raw_user_meta_data ->> 'full_name', new.raw_user_meta_data ->> 'name'), 200),
          left(new.raw_user_meta_data ->> 'avatar_url', 2000))
  on conflict (id) do update set email = excluded.email;
  return new;
end $$;
create function private.handle_user_email_change() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.users
  set email = case when not exists (select 1 from public.users where email = new.email and id <> new.id) then new.email end
  where id = new.id;
  return new;
end $$;
create trigger product_planner_on_sign_up after insert on auth.users
  for each row execute function private.handle_new_user();
create trigger product_planner_on_email_change after update of email on auth.users
  for each row when (old.email is distinct from new.email) execute function private.handle_user_email_change();

-- Staff: a confirmed address at the document's domain, read from auth.users. public.users.email would not do: it is a
-- copy, and whoever could write it would be staff.
create function private.is_staff() returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (
    select 1 from auth.users
    where id = (select auth.uid()) and email_confirmed_at is not null and lower(email) like '%@fluxr.ai'
  )
$$;
revoke all on function private.handle_new_user(), private.handle_user_email_change(), private.is_staff() from public, anon, authenticated;
grant execute on function private.is_staff() to authenticated, service_role;

-- Accounts that were there before this migration.
insert into public.users (id, email, full_name)
select id, email, left(coalesce(raw_user_meta_data ->> 'full_name', raw_user_meta_data ->> 'name'), 200)
from auth.users order by created_at on conflict do nothing;
