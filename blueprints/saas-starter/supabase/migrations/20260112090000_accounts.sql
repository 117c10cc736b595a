-- Accounts: what extends auth.users, how a person shows himself, and where he is signed in.

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
  id           uuid primary key references auth.users (id) on delete cascade,
  email        text check (char_length(email) <= 320),
  role         text not null default 'user' check (role in ('user', 'admin')),
  status       text not null default 'active' check (status in ('active', 'suspended')),
  last_seen_at timestamptz,
  created_at   timestamptz not null default now(),
  updated_at   timestamptz not null default now()
);
comment on table public.users is 'Extends auth.users. Kept in step by triggers; nobody writes role or status but an admin''s functions.';

create table public.profiles (
  id          uuid primary key references public.users (id) on delete cascade,
  full_name   text not null default '' check (char_length(full_name) <= 120),
  company     text check (char_length(company) <= 120),
  bio         text check (char_length(bio) <= 2000),
  avatar_path text check (char_length(avatar_path) <= 512),
  locale      text not null default 'en' check (locale ~ '^[a-z]{2}(-[A-Z]{2})?$'),
  timezone    text not null default 'UTC' check (char_length(timezone) <= 64),
  marketing   boolean not null default false,
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now()
);

create table public.sessions (
  id           uuid primary key,
  user_id      uuid not null references public.users (id) on delete cascade,
  user_agent   text,
  ip           inet,
  aal          text,
  created_at   timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  expires_at   timestamptz
);
comment on table public.sessions is 'Where a person is signed in, as auth.sessions has it. Deleting a row signs that device out.';
create index sessions_user_id_idx on public.sessions (user_id, last_seen_at desc);
create index users_created_at_idx on public.users (created_at);
-- Not unique: with single sign-on two accounts may share an address.
create index users_email_idx on public.users (email);

alter table public.users enable row level security;
alter table public.profiles enable row level security;
alter table public.sessions enable row level security;
revoke all on public.users, public.profiles, public.sessions from anon, authenticated;
grant all on public.users, public.profiles, public.sessions to service_role;

create trigger users_touch before update on public.users for each row execute function private.touch_updated_at();
create trigger profiles_touch before update on public.profiles for each row execute function private.touch_updated_at();

-- A sign-up has its rows at once. Roles never come from what the user wrote about himself.
create function private.handle_new_user() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.users (id, email) values (new.id, new.email)
  on conflict (id) do update set email = excluded.email;
  insert into public.profiles (id, full_name)
  values (new.id, left(coalesce(new.raw_user_meta_data ->> 'full_name', new.raw_user_meta_data ->> 'name', ''), 120))
  on conflict (id) do nothing;
  return new;
end $$;
create function private.handle_user_change() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.users
  set email = new.email,
      last_seen_at = greatest(last_seen_at, new.last_sign_in_at)
  where id = new.id;
  return new;
end $$;
create trigger saas_starter_on_sign_up after insert on auth.users
  for each row execute function private.handle_new_user();
create trigger saas_starter_on_user_change after update of email, last_sign_in_at on auth.users
  for each row execute function private.handle_user_change();

-- auth.sessions and public.sessions follow each other. pg_trigger_depth keeps them from chasing each other.
create function private.handle_session() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'DELETE' then
    delete from public.sessions where id = old.id;
    return old;
  end if;
  insert into public.sessions (id, user_id, user_agent, ip, aal, created_at, last_seen_at, expires_at)
  values (new.id, new.user_id, left(new.user_agent, 500), new.ip, new.aal::text, coalesce(new.created_at, now()),
          coalesce(new.refreshed_at at time zone 'utc', new.updated_at, now()), new.not_after)
  on conflict (id) do update
    set last_seen_at = excluded.last_seen_at, aal = excluded.aal, expires_at = excluded.expires_at,
        user_agent = excluded.user_agent, ip = excluded.ip;
  return new;
end $$;
create function private.revoke_session() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  delete from auth.sessions where id = old.id;
  return old;
end $$;
create trigger sessions_revoke after delete on public.sessions
  for each row when (pg_trigger_depth() = 0) execute function private.revoke_session();
do $$
begin
  create trigger saas_starter_on_session after insert or update or delete on auth.sessions
    for each row execute function private.handle_session();
exception when insufficient_privilege or undefined_table then
  raise notice 'auth.sessions takes no trigger here: public.sessions stays empty';
end $$;

-- Asked by policies. SECURITY DEFINER, so that a policy on users may ask without asking itself again.
create function private.is_admin() returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select 1 from public.users where id = (select auth.uid()) and role = 'admin' and status = 'active')
$$;
revoke all on function private.handle_new_user(), private.handle_user_change(), private.handle_session(),
  private.revoke_session(), private.is_admin() from public, anon, authenticated;
grant execute on function private.is_admin() to authenticated, service_role;

grant select on public.users to authenticated;
create policy "Users read their own account, admins all" on public.users
  for select to authenticated using (id = (select auth.uid()) or (select private.is_admin()));

grant select on public.profiles to authenticated;
grant update (full_name, company, bio, avatar_path, locale, timezone, marketing) on public.profiles to authenticated;
create policy "Users read their own profile, admins all" on public.profiles
  for select to authenticated using (id = (select auth.uid()) or (select private.is_admin()));
create policy "Users update their own profile, admins all" on public.profiles
  for update to authenticated
  using (id = (select auth.uid()) or (select private.is_admin()))
  with check (id = (select auth.uid()) or (select private.is_admin()));

grant select, delete on public.sessions to authenticated;
create policy "Users see their own sessions" on public.sessions
  for select to authenticated using (user_id = (select auth.uid()));
create policy "Users revoke their own sessions" on public.sessions
  for delete to authenticated using (user_id = (select auth.uid()));

-- User management: an admin gives roles, and suspends, which ends every session.
create function private.set_user_role(p_user_id uuid, p_role text) returns public.users
language plpgsql security definer set search_path = '' as $$
declare
  changed public.users;
begin
  if not private.is_admin() then
    raise exception 'only an admin changes roles' using errcode = '42501';
  end if;
  if p_user_id = (select auth.uid()) and p_role <> 'admin' then
    raise exception 'an admin cannot step down alone: let another admin do it' using errcode = '22023';
  end if;
  update public.users set role = p_role where id = p_user_id returning * into changed;
  if not found then raise exception 'no such user' using errcode = 'P0002'; end if;
  return changed;
end $$;
create function private.set_user_suspended(p_user_id uuid, p_suspended boolean) returns public.users
language plpgsql security definer set search_path = '' as $$
declare
  changed public.users;
begin
  if not private.is_admin() then
    raise exception 'only an admin suspends' using errcode = '42501';
  end if;
  if p_user_id = (select auth.uid()) then
    raise exception 'nobody suspends himself' using errcode = '22023';
  end if;
  update public.users set status = case when p_suspended then 'suspended' else 'active' end
  where id = p_user_id returning * into changed;
  if not found then raise exception 'no such user' using errcode = 'P0002'; end if;
  update auth.users set banned_until = case when p_suspended then now() + interval '100 years' end where id = p_user_id;
  if p_suspended then delete from auth.sessions where user_id = p_user_id; end if;
  return changed;
end $$;
create function public.set_user_role(user_id uuid, role text) returns public.users
language sql set search_path = '' as $$ select private.set_user_role($1, $2) $$;
create function public.set_user_suspended(user_id uuid, suspended boolean) returns public.users
language sql set search_path = '' as $$ select private.set_user_suspended($1, $2) $$;
revoke all on function private.set_user_role(uuid, text), private.set_user_suspended(uuid, boolean),
  public.set_user_role(uuid, text), public.set_user_suspended(uuid, boolean) from public, anon, authenticated, service_role;
grant execute on function private.set_user_role(uuid, text), private.set_user_suspended(uuid, boolean),
  public.set_user_role(uuid, text), public.set_user_suspended(uuid, boolean) to authenticated;

-- Accounts that were there before this migration.
insert into public.users (id, email, created_at) select id, email, coalesce(created_at, now()) from auth.users;
insert into public.profiles (id, full_name)
select id, left(coalesce(raw_user_meta_data ->> 'full_name', raw_user_meta_data ->> 'name', ''), 120) from auth.users;
