-- Every edit leaves a row: who, when, which table and row, old, new. Nobody edits that row.

create table public.audit_logs (
  id         bigint generated always as identity primary key,
  at         timestamptz not null default now(),
  actor_id   uuid,
  actor_role text not null,
  action     text not null check (action in ('INSERT', 'UPDATE', 'DELETE')),
  table_name text not null,
  row_id     text,
  subject_id uuid,
  old_row    jsonb,
  new_row    jsonb
);
comment on column public.audit_logs.subject_id is 'Whose data it was: what his export shows and his erasure takes.';
create index audit_logs_subject_id_idx on public.audit_logs (subject_id, at desc);
create index audit_logs_actor_id_idx on public.audit_logs (actor_id, at desc);
create index audit_logs_row_idx on public.audit_logs (table_name, row_id);
create index audit_logs_at_idx on public.audit_logs using brin (at);

alter table public.audit_logs enable row level security;
revoke all on public.audit_logs from anon, authenticated, service_role;
grant select on public.audit_logs to authenticated, service_role;
create policy "Users read what was done to their data, admins all" on public.audit_logs
  for select to authenticated using (subject_id = (select auth.uid()) or (select private.is_admin()));

create function private.record_change() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  before_ jsonb;
  after_  jsonb;
  subject uuid;
begin
  if tg_op <> 'INSERT' then before_ := to_jsonb(old); end if;
  if tg_op <> 'DELETE' then after_ := to_jsonb(new); end if;
  subject := case when tg_table_name in ('users', 'profiles') then coalesce(after_, before_) ->> 'id'
                  else coalesce(after_ ->> 'user_id', before_ ->> 'user_id') end;
  -- The cascades of an erasure do not write anew what it takes away.
  if subject is not null and not exists (select 1 from auth.users where id = subject) then
    return null;
  end if;
  insert into public.audit_logs (actor_id, actor_role, action, table_name, row_id, subject_id, old_row, new_row)
  values ((select id from auth.users where id = auth.uid()), coalesce((select auth.role()), session_user), tg_op, tg_table_name,
          coalesce(after_, before_) ->> 'id', subject, before_, after_);
  return null;
end $$;

-- Refused to the owner of the table too. Retention and erasure say what they do, for the length of their own statement.
create function private.refuse_history_change() returns trigger
language plpgsql set search_path = '' as $$
begin
  if coalesce(current_setting('saas_starter.erasing', true), '') = 'on' and tg_op in ('DELETE', 'UPDATE') then
    if tg_op = 'DELETE' then return old; end if;
    return new;
  end if;
  raise exception 'audit_logs is append-only' using errcode = '42501';
end $$;
create trigger audit_logs_append_only before update or delete on public.audit_logs
  for each row execute function private.refuse_history_change();
create trigger audit_logs_no_truncate before truncate on public.audit_logs
  for each statement execute function private.refuse_history_change();
revoke all on function private.record_change(), private.refuse_history_change() from public, anon, authenticated;

create trigger users_audit after insert or delete or update of email, role, status on public.users
  for each row execute function private.record_change();
create trigger profiles_audit after insert or update or delete on public.profiles
  for each row execute function private.record_change();
create trigger subscription_plans_audit after insert or update or delete on public.subscription_plans
  for each row execute function private.record_change();
create trigger user_subscriptions_audit after insert or update or delete on public.user_subscriptions
  for each row execute function private.record_change();
create trigger payment_methods_audit after insert or update or delete on public.payment_methods
  for each row execute function private.record_change();
create trigger invoices_audit after insert or update or delete on public.invoices
  for each row execute function private.record_change();
create trigger test_table_audit after insert or update or delete on public.test_table
  for each row execute function private.record_change();
