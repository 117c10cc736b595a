-- Metrics, subscriptions, the design catalogue, and logs.

create table public.social_metrics (
  id             uuid primary key default extensions.uuid_generate_v4(),
  project_id     uuid references public.projects(id) on delete cascade,
  platform       text check (platform in ('linkedin','github','twitter')),
  likes          int default 0,
  comments       int default 0,
  stars          int default 0,
  forks          int default 0,
  watchers       int default 0,
  retweets       int default 0,
  replies        int default 0,
  recorded_at    date default current_date,
  -- Added: one snapshot for each project, platform and day.
  unique (project_id, platform, recorded_at)
);

create table public.subscriptions (
  id              uuid primary key default extensions.uuid_generate_v4(),
  user_id         uuid references public.users(id) on delete cascade,
  stripe_id       text unique not null,
  status          text not null,
  plan            text not null,
  current_period_end timestamptz,
  created_at      timestamptz default now()
);

create table public.templates (
  id          uuid primary key default extensions.uuid_generate_v4(),
  name        text not null,
  blocks_json jsonb not null,
  created_at  timestamptz default now()
);

-- Named in the document without columns: a template that somebody arranged, or one of the catalogue (nobody's).
create table public.layouts (
  id          uuid primary key default extensions.uuid_generate_v4(),
  user_id     uuid references public.users(id) on delete cascade,
  template_id uuid references public.templates(id) on delete set null,
  name        text not null check (char_length(name) between 1 and 120),
  blocks_json jsonb not null default '[]' check (jsonb_typeof(blocks_json) = 'array' and pg_column_size(blocks_json) <= 262144),
  is_public   boolean not null default false,
  created_at  timestamptz default now(),
  updated_at  timestamptz default now()
);

create table public.ai_sessions (
  id           uuid primary key default extensions.uuid_generate_v4(),
  user_id      uuid references public.users(id) on delete cascade,
  input_json   jsonb,
  output_json  jsonb,
  created_at   timestamptz default now()
);

create table public.notifications (
  id           uuid primary key default extensions.uuid_generate_v4(),
  user_id      uuid references public.users(id) on delete cascade,
  type         text,
  sent_at      timestamptz default now(),
  status       text
);

create index subscriptions_user_id_idx on public.subscriptions (user_id);
create index layouts_user_id_idx on public.layouts (user_id);
create index layouts_template_id_idx on public.layouts (template_id);
create index ai_sessions_user_id_idx on public.ai_sessions (user_id, created_at desc);
create index notifications_user_id_idx on public.notifications (user_id, sent_at desc);

alter table public.social_metrics enable row level security;
alter table public.subscriptions enable row level security;
alter table public.templates enable row level security;
alter table public.layouts enable row level security;
alter table public.ai_sessions enable row level security;
alter table public.notifications enable row level security;
revoke all on public.social_metrics, public.subscriptions, public.templates, public.layouts, public.ai_sessions,
  public.notifications from anon, authenticated;
create trigger layouts_touch before update on public.layouts for each row execute function private.touch_updated_at();

-- The tier follows the subscriptions and nothing else. Locked, so that two events at once do not cross.
create function private.follow_subscription() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  person uuid := coalesce(new.user_id, old.user_id);
begin
  perform 1 from public.users where id = person for update;
  update public.users
  set tier = case when exists (select 1 from public.subscriptions s
                               where s.user_id = person and s.status in ('active', 'trialing', 'past_due')) then 'paid' else 'free' end
  where id = person;
  return null;
end $$;
revoke all on function private.follow_subscription() from public, anon, authenticated;
create trigger subscriptions_tier after insert or update or delete on public.subscriptions
  for each row execute function private.follow_subscription();
