-- People: who they are to the public, how to reach them, and how a sign-up becomes a profile.

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

create table public.profiles (
  id          uuid primary key references auth.users (id) on delete cascade,
  role        text not null default 'student' check (role in ('student', 'instructor', 'admin')),
  full_name   text not null default '' check (char_length(full_name) <= 120),
  headline    text check (char_length(headline) <= 160),
  bio         text check (char_length(bio) <= 4000),
  avatar_path text check (char_length(avatar_path) <= 512),
  website     text check (website ~ '^https?://' and char_length(website) <= 300),
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now()
);
comment on table public.profiles is 'What everybody may know about a person. The e-mail address is in profile_contacts.';
comment on column public.profiles.role is 'Changed by an admin through set_user_role(), never by its owner.';

-- Apart from profiles, so that `select *` on profiles works for everybody and never shows an address.
create table public.profile_contacts (
  id         uuid primary key references public.profiles (id) on delete cascade,
  email      text not null check (char_length(email) <= 320),
  phone      text check (char_length(phone) <= 40),
  updated_at timestamptz not null default now()
);
comment on table public.profile_contacts is 'How to reach a person: for the person and for admins only.';

alter table public.profiles enable row level security;
alter table public.profile_contacts enable row level security;

create trigger profiles_touch before update on public.profiles
  for each row execute function private.touch_updated_at();
create trigger profile_contacts_touch before update on public.profile_contacts
  for each row execute function private.touch_updated_at();

-- Asked by policies. SECURITY DEFINER, so that a policy on profiles may ask without asking itself again.
create function private.is_admin() returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select 1 from public.profiles where id = (select auth.uid()) and role = 'admin')
$$;
create function private.is_instructor() returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select 1 from public.profiles where id = (select auth.uid()) and role in ('instructor', 'admin'))
$$;
revoke all on function private.is_admin(), private.is_instructor() from public, anon, authenticated;
grant execute on function private.is_admin(), private.is_instructor() to authenticated, service_role;

-- A sign-up makes the profile in the same transaction. The role wished for in the user's own metadata
-- counts only as far as 'instructor': nobody signs up as an admin.
create function private.handle_new_user() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  wished text := new.raw_user_meta_data ->> 'role';
begin
  insert into public.profiles (id, role, full_name)
  values (
    new.id,
    case when wished = 'instructor' then 'instructor' else 'student' end,
    left(coalesce(new.raw_user_meta_data ->> 'full_name', new.raw_user_meta_data ->> 'name', ''), 120)
  )
  on conflict (id) do nothing;
  if new.email is not null then
    insert into public.profile_contacts (id, email) values (new.id, new.email)
    on conflict (id) do update set email = excluded.email;
  end if;
  return new;
end $$;
create function private.handle_user_email_change() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if new.email is not null then
    insert into public.profile_contacts (id, email) values (new.id, new.email)
    on conflict (id) do update set email = excluded.email;
  end if;
  return new;
end $$;
revoke all on function private.handle_new_user(), private.handle_user_email_change() from public, anon, authenticated;

create trigger course_market_on_sign_up after insert on auth.users
  for each row execute function private.handle_new_user();
create trigger course_market_on_email_change after update of email on auth.users
  for each row when (old.email is distinct from new.email) execute function private.handle_user_email_change();

-- Accounts that were there before this migration.
insert into public.profiles (id, role, full_name)
select id,
       case when raw_user_meta_data ->> 'role' = 'instructor' then 'instructor' else 'student' end,
       left(coalesce(raw_user_meta_data ->> 'full_name', raw_user_meta_data ->> 'name', ''), 120)
from auth.users;
insert into public.profile_contacts (id, email) select id, email from auth.users where email is not null;
