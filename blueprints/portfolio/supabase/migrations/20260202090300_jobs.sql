-- What functions work through with the server's key: metrics once a day, with a cache of 24 hours and a growing wait
-- after failures; a QR code for each portfolio that is published; files of those who left.

create table private.social_refreshes (
  project_id  uuid not null references public.projects (id) on delete cascade,
  platform    text not null check (platform in ('linkedin', 'github', 'twitter')),
  fetched_at  timestamptz,
  next_try_at timestamptz not null default now(),
  failures    integer not null default 0,
  last_error  text,
  primary key (project_id, platform)
);
create index social_refreshes_due_idx on private.social_refreshes (next_try_at);
create table private.qr_jobs (
  user_id   uuid primary key references public.users (id) on delete cascade,
  queued_at timestamptz not null default now(),
  done_at   timestamptz
);
create table private.files_to_delete (
  id        bigint generated always as identity primary key,
  bucket_id text not null,
  path      text not null,
  queued_at timestamptz not null default now()
);
alter table private.social_refreshes enable row level security;
alter table private.qr_jobs enable row level security;
alter table private.files_to_delete enable row level security;
revoke all on private.social_refreshes, private.qr_jobs, private.files_to_delete from public, anon, authenticated, service_role;
-- Without a grant nobody gets here; the policy says who might.
create policy "Server only" on private.social_refreshes to service_role using (true) with check (true);
create policy "Server only" on private.qr_jobs to service_role using (true) with check (true);
create policy "Server only" on private.files_to_delete to service_role using (true) with check (true);

-- A project that is published is refreshed from now on, on the platforms that its links name (LinkedIn and Twitter by its page).
create function private.handle_publication() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into private.social_refreshes (project_id, platform)
  select new.id, p from unnest(array['linkedin', 'github', 'twitter']) p
  where p <> 'github' or new.github_link is not null
  on conflict do nothing;
  insert into private.qr_jobs (user_id) values (new.user_id) on conflict do nothing;
  return null;
end $$;
create trigger projects_published after insert on public.projects
  for each row when (new.status = 'published' and new.user_id is not null) execute function private.handle_publication();
create trigger projects_published_later after update of status, github_link on public.projects
  for each row when (new.status = 'published' and new.user_id is not null) execute function private.handle_publication();

-- Due ones are held for a quarter of an hour, so that two workers do not ask twice.
create function private.due_social_refreshes(p_limit integer) returns table (project_id uuid, platform text, failures integer)
language sql security definer set search_path = '' as $$
  update private.social_refreshes r set next_try_at = now() + interval '15 minutes'
  from (select d.project_id, d.platform from private.social_refreshes d join public.projects p on p.id = d.project_id
        where d.next_try_at <= now() and p.status = 'published'
        order by d.next_try_at limit least(greatest(p_limit, 1), 500) for update of d skip locked) due
  where r.project_id = due.project_id and r.platform = due.platform
  returning r.project_id, r.platform, r.failures
$$;
create function private.record_social_metrics(p_project_id uuid, p_platform text, p_metrics jsonb) returns public.social_metrics
language plpgsql security definer set search_path = '' as $$
declare
  snapshot public.social_metrics;
begin
  insert into public.social_metrics (project_id, platform, likes, comments, stars, forks, watchers, retweets, replies)
  values (p_project_id, p_platform, coalesce((p_metrics ->> 'likes')::int, 0), coalesce((p_metrics ->> 'comments')::int, 0),
          coalesce((p_metrics ->> 'stars')::int, 0), coalesce((p_metrics ->> 'forks')::int, 0), coalesce((p_metrics ->> 'watchers')::int, 0),
          coalesce((p_metrics ->> 'retweets')::int, 0), coalesce((p_metrics ->> 'replies')::int, 0))
  on conflict (project_id, platform, recorded_at) do update set
    likes = excluded.likes, comments = excluded.comments, stars = excluded.stars, forks = excluded.forks,
    watchers = excluded.watchers, retweets = excluded.retweets, replies = excluded.replies
  returning * into snapshot;
  insert into private.social_refreshes as r (project_id, platform, fetched_at, next_try_at)
  values (p_project_id, p_platform, now(), now() + interval '24 hours')
  on conflict (project_id, platform) do update
    set fetched_at = now(), next_try_at = now() + interval '24 hours', failures = 0, last_error = null;
  return snapshot;
end $$;
-- 1, 2, 4 … minutes, at most six hours; a platform that says when it is open again is believed.
create function private.social_refresh_failed(p_project_id uuid, p_platform text, p_error text, p_retry_after interval) returns timestamptz
language sql security definer set search_path = '' as $$
  update private.social_refreshes
  set failures = failures + 1, last_error = left(p_error, 500),
      next_try_at = now() + greatest(least(power(2, least(failures, 20)) * interval '1 minute', interval '6 hours'), coalesce(p_retry_after, interval '0'))
  where project_id = p_project_id and platform = p_platform
  returning next_try_at
$$;
-- What is younger than 24 hours need not be asked for again.
create function private.cached_social_metrics(p_project_id uuid) returns setof public.social_metrics
language sql stable security definer set search_path = '' as $$
  select distinct on (m.platform) m.* from public.social_metrics m
  join private.social_refreshes r on r.project_id = m.project_id and r.platform = m.platform
  where m.project_id = p_project_id and r.fetched_at > now() - interval '24 hours'
  order by m.platform, m.recorded_at desc
$$;
create function public.due_social_refreshes(max_items integer default 50) returns table (project_id uuid, platform text, failures integer)
language sql set search_path = '' as $$ select * from private.due_social_refreshes($1) $$;
create function public.record_social_metrics(project_id uuid, platform text, metrics jsonb) returns public.social_metrics
language sql set search_path = '' as $$ select private.record_social_metrics($1, $2, $3) $$;
create function public.social_refresh_failed(project_id uuid, platform text, error text, retry_after_seconds integer default null) returns timestamptz
language sql set search_path = '' as $$ select private.social_refresh_failed($1, $2, $3, $4 * interval '1 second') $$;
create function public.cached_social_metrics(project_id uuid) returns setof public.social_metrics
language sql stable set search_path = '' as $$ select * from private.cached_social_metrics($1) $$;

create function private.qr_jobs(p_limit integer) returns table (user_id uuid, username text)
language sql stable security definer set search_path = '' as $$
  select u.id, u.username from private.qr_jobs j join public.users u on u.id = j.user_id
  where j.done_at is null order by j.queued_at limit least(greatest(p_limit, 1), 500)
$$;
create function private.qr_done(p_user_id uuid) returns void language sql security definer set search_path = '' as $$
  update private.qr_jobs set done_at = now() where user_id = p_user_id
$$;
-- The code leads to the name: a new name needs a new code.
create function private.requeue_qr() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update private.qr_jobs set done_at = null, queued_at = now() where user_id = new.id;
  return null;
end $$;
create trigger users_requeue_qr after update of username on public.users
  for each row when (old.username is distinct from new.username) execute function private.requeue_qr();
create function public.qr_jobs(max_items integer default 50) returns table (user_id uuid, username text)
language sql stable set search_path = '' as $$ select * from private.qr_jobs($1) $$;
create function public.qr_done(user_id uuid) returns void language sql set search_path = '' as $$ select private.qr_done($1) $$;

-- Accounts and their data are deleted together; the bytes of files are storage's to remove.
create function private.queue_files() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into private.files_to_delete (bucket_id, path)
  select bucket_id, name from storage.objects
  where bucket_id in ('images', 'videos', 'qr-codes', 'ai-assets') and (storage.foldername(name))[1] = old.id::text;
  perform set_config('storage.allow_delete_query', 'true', true);
  delete from storage.objects
  where bucket_id in ('images', 'videos', 'qr-codes', 'ai-assets') and (storage.foldername(name))[1] = old.id::text;
  perform set_config('storage.allow_delete_query', 'false', true);
  return null;
end $$;
create trigger users_queue_files after delete on public.users for each row execute function private.queue_files();
create function private.files_to_delete(p_limit integer) returns setof private.files_to_delete
language sql stable security definer set search_path = '' as $$
  select * from private.files_to_delete order by id limit least(greatest(p_limit, 1), 1000)
$$;
create function private.file_deleted(p_id bigint) returns void language sql security definer set search_path = '' as $$
  delete from private.files_to_delete where id = p_id
$$;
create function public.files_to_delete(max_items integer default 100) returns table (id bigint, bucket_id text, path text)
language sql stable set search_path = '' as $$ select f.id, f.bucket_id, f.path from private.files_to_delete($1) f $$;
create function public.file_deleted(id bigint) returns void language sql set search_path = '' as $$ select private.file_deleted($1) $$;
create function private.delete_my_account() returns void
language plpgsql security definer set search_path = '' as $$
begin
  if (select auth.uid()) is null then raise exception 'sign in first' using errcode = '42501'; end if;
  delete from auth.users where id = (select auth.uid());
end $$;
create function public.delete_my_account() returns void language sql set search_path = '' as $$ select private.delete_my_account() $$;

revoke all on function
  private.handle_publication(), private.requeue_qr(), private.queue_files(),
  private.due_social_refreshes(integer), private.record_social_metrics(uuid, text, jsonb),
  private.social_refresh_failed(uuid, text, text, interval), private.cached_social_metrics(uuid),
  public.due_social_refreshes(integer), public.record_social_metrics(uuid, text, jsonb),
  public.social_refresh_failed(uuid, text, text, integer), public.cached_social_metrics(uuid),
  private.qr_jobs(integer), private.qr_done(uuid), public.qr_jobs(integer), public.qr_done(uuid),
  private.files_to_delete(integer), private.file_deleted(bigint), public.files_to_delete(integer), public.file_deleted(bigint),
  private.delete_my_account(), public.delete_my_account()
  from public, anon, authenticated, service_role;
grant execute on function
  private.due_social_refreshes(integer), private.record_social_metrics(uuid, text, jsonb),
  private.social_refresh_failed(uuid, text, text, interval), private.cached_social_metrics(uuid),
  public.due_social_refreshes(integer), public.record_social_metrics(uuid, text, jsonb),
  public.social_refresh_failed(uuid, text, text, integer), public.cached_social_metrics(uuid),
  private.qr_jobs(integer), private.qr_done(uuid), public.qr_jobs(integer), public.qr_done(uuid),
  private.files_to_delete(integer), private.file_deleted(bigint), public.files_to_delete(integer), public.file_deleted(bigint)
  to service_role;
grant execute on function private.delete_my_account(), public.delete_my_account() to authenticated;
