-- Every change of data leaves a row that nobody edits: who, when, which row, what it was and became.

create table public.audit_log (
  id         bigint generated always as identity primary key,
  at         timestamptz not null default now(),
  actor_id   uuid,
  actor_role text not null,
  action     text not null check (action in ('INSERT', 'UPDATE', 'DELETE')),
  table_name text not null,
  row_id     text,
  old_row    jsonb,
  new_row    jsonb
);
create index audit_log_row_idx on public.audit_log (table_name, row_id);
create index audit_log_actor_id_idx on public.audit_log (actor_id, at desc);
create index audit_log_at_idx on public.audit_log using brin (at);

alter table public.audit_log enable row level security;
revoke all on public.audit_log from anon, authenticated, service_role;
grant select on public.audit_log to authenticated, service_role;
create policy "Admins read the audit log" on public.audit_log
  for select to authenticated using ((select private.is_admin()));

create function private.record_change() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  before_ jsonb;
  after_  jsonb;
begin
  if tg_op <> 'INSERT' then before_ := to_jsonb(old) - 'search'; end if;
  if tg_op <> 'DELETE' then after_ := to_jsonb(new) - 'search'; end if;
  insert into public.audit_log (actor_id, actor_role, action, table_name, row_id, old_row, new_row)
  values (
    (select auth.uid()),
    coalesce((select auth.role()), session_user),
    tg_op, tg_table_name, coalesce(after_, before_) ->> 'id', before_, after_
  );
  return null;
end $$;
-- Rewriting history is refused to everybody, the owner of the table too; only the retention job below removes.
create function private.refuse_history_change() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_op = 'DELETE' and coalesce(current_setting('course_market.retention', true), '') = 'on' then
    return old;
  end if;
  raise exception 'the audit log is append-only' using errcode = '42501';
end $$;
create trigger audit_log_append_only before update or delete on public.audit_log
  for each row execute function private.refuse_history_change();
create trigger audit_log_no_truncate before truncate on public.audit_log
  for each statement execute function private.refuse_history_change();

create function private.prune_audit_log(p_keep interval default interval '2 years') returns bigint
language plpgsql security definer set search_path = '' as $$
declare
  gone bigint;
begin
  perform set_config('course_market.retention', 'on', true);
  delete from public.audit_log where at < now() - greatest(p_keep, interval '30 days');
  get diagnostics gone = row_count;
  perform set_config('course_market.retention', 'off', true);
  return gone;
end $$;
revoke all on function private.record_change(), private.refuse_history_change(), private.prune_audit_log(interval)
  from public, anon, authenticated;

do $$
declare t text;
begin
  foreach t in array array['profiles', 'profile_contacts', 'enrollments', 'payments', 'sessions', 'session_links',
                           'homework', 'submissions', 'resources', 'messages', 'reviews'] loop
    execute format('create trigger %I after insert or update or delete on public.%I for each row execute function private.record_change()',
                   t || '_audit', t);
  end loop;
  -- Counters that triggers keep on courses are no edits.
  create trigger courses_audit after insert or delete on public.courses
    for each row execute function private.record_change();
  create trigger courses_audit_update after update of title, slug, summary, description, category, level, language,
      price_cents, currency, thumbnail_path, published, instructor_id, stripe_product_id, stripe_price_id on public.courses
    for each row execute function private.record_change();
  -- Where cron is at hand, old rows go each night.
  begin
    create extension if not exists pg_cron;
  exception when others then
    raise notice 'no pg_cron here: call private.prune_audit_log() yourself (%)', sqlerrm;
  end;
  if exists (select 1 from pg_extension where extname = 'pg_cron') then
    perform cron.schedule('course-market-prune-audit', '15 3 * * *', 'select private.prune_audit_log()');
  end if;
end $$;
