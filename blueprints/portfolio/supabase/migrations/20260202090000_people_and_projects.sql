-- People, their projects and what belongs to these, as the document has them.

create schema if not exists extensions;
create extension if not exists "uuid-ossp" with schema extensions;

-- Helpers that policies call live here: the API does not expose this schema.
create schema private;
revoke all on schema private from public;
grant usage on schema private to anon, authenticated, service_role;

create table public.users (
  -- The reference is added: a user is an account, and goes with it.
  id            uuid primary key default extensions.uuid_generate_v4() references auth.users(id) on delete cascade,
  email         text unique not null,
  username      text unique not null,
  avatar_url    text,
  google_id     text unique not null,
  tier          text not null check (tier in ('free', 'paid')),
  created_at    timestamptz default now()
);

create table public.projects (
  id             uuid primary key default extensions.uuid_generate_v4(),
  user_id        uuid references public.users(id) on delete cascade,
  title          text not null,
  short_summary  text,
  description    text,
  status         text check (status in ('draft','published','archived')),
  -- The checks on links are added: a link on a public page must not be a script.
  live_link      text check (live_link ~* '^https?://'),
  github_link    text check (github_link ~* '^https?://'),
  created_at     timestamptz default now(),
  updated_at     timestamptz default now()
);

create table public.project_images (
  id         uuid primary key default extensions.uuid_generate_v4(),
  project_id uuid references public.projects(id) on delete cascade,
  url        text not null,
  position   int default 0
);

create table public.project_videos (
  id         uuid primary key default extensions.uuid_generate_v4(),
  project_id uuid references public.projects(id) on delete cascade,
  url        text not null,
  position   int default 0
);

create table public.project_tags (
  project_id uuid references public.projects(id) on delete cascade,
  tag        text,
  primary key (project_id, tag)
);

create table public.project_technologies (
  project_id    uuid references public.projects(id) on delete cascade,
  technology    text,
  primary key (project_id, technology)
);

create index projects_user_id_idx on public.projects (user_id, created_at desc);
create index projects_created_at_idx on public.projects (created_at desc);
create index project_images_project_id_idx on public.project_images (project_id, position);
create index project_videos_project_id_idx on public.project_videos (project_id, position);
create index project_tags_tag_idx on public.project_tags (tag);
create index project_technologies_technology_idx on public.project_technologies (technology);

alter table public.users enable row level security;
alter table public.projects enable row level security;
alter table public.project_images enable row level security;
alter table public.project_videos enable row level security;
alter table public.project_tags enable row level security;
alter table public.project_technologies enable row level security;
revoke all on public.users, public.projects, public.project_images, public.project_videos, public.project_tags,
  public.project_technologies from anon, authenticated;

create function private.touch_updated_at() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.updated_at = now();
  return new;
end $$;
revoke all on function private.touch_updated_at() from public, anon, authenticated;
create trigger projects_touch before update on public.projects for each row execute function private.touch_updated_at();

-- A name made from the address, with a number behind it if it is taken.
create function private.free_username(p_email text) returns text
language plpgsql security definer set search_path = '' as $$
declare
  wanted text := left(trim(both '-' from regexp_replace(lower(split_part(coalesce(p_email, ''), '@', 1)), '[^a-z0-9]+', '-', 'g')), 30);
  name_  text;
  n      integer := 1;
begin
  wanted := coalesce(nullif(wanted, ''), 'user');
  name_ := wanted;
  -- One sign-up at a time for each wanted name, so that two of them do not both find it free.
  perform pg_advisory_xact_lock(hashtextextended('portfolio.username.' || wanted, 0));
  while exists (select 1 from public.users where username = name_) loop
    n := n + 1;
    name_ := wanted || '-' || n;
  end loop;
  return name_;
end $$;

-- A sign-up with Google makes the user, on the free tier.
create function private.handle_new_user() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.users (id, email, username, avatar_url, google_id, tier)
  values (new.id, coalesce(new.email, new.id || '@no-address.invalid'), private.free_username(new.email),
          left(new.raw_user_meta_data ->> 'avatar_url', 2000),
          -- Replaced by the identity's own id a moment later; metadata is the user's to write and proves nothing.
          'unlinked:' || new.id, 'free')
  on conflict (id) do nothing;
  return new;
end $$;
create function private.handle_identity() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.users set google_id = new.provider_id where id = new.user_id;
  return new;
end $$;
create function private.handle_user_email_change() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.users set email = new.email where id = new.id and new.email is not null;
  return new;
end $$;
revoke all on function private.free_username(text), private.handle_new_user(), private.handle_identity(), private.handle_user_email_change() from public, anon, authenticated;
create trigger portfolio_on_sign_up after insert on auth.users
  for each row execute function private.handle_new_user();
create trigger portfolio_on_email_change after update of email on auth.users
  for each row when (old.email is distinct from new.email) execute function private.handle_user_email_change();
do $$
begin
  create trigger portfolio_on_identity after insert or update of provider_id on auth.identities
    for each row when (new.provider = 'google') execute function private.handle_identity();
exception when insufficient_privilege then
  raise notice 'auth.identities takes no trigger here: users.google_id stays a placeholder';
end $$;

-- Accounts that were there before this migration.
do $$
declare account record;
begin
  for account in
    select u.id, u.email, u.raw_user_meta_data,
           (select provider_id from auth.identities i where i.user_id = u.id and i.provider = 'google' limit 1) as google_id
    from auth.users u order by u.created_at, u.id
  loop
    insert into public.users (id, email, username, avatar_url, google_id, tier)
    values (account.id, coalesce(account.email, account.id || '@no-address.invalid'), private.free_username(account.email),
            left(account.raw_user_meta_data ->> 'avatar_url', 2000), coalesce(account.google_id, 'unlinked:' || account.id), 'free');
  end loop;
end $$;
