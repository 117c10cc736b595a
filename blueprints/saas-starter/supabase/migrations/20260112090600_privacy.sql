-- GDPR: what is kept how long, all of one person's data, and the end of it.

create table public.retention_rules (
  table_name text primary key check (table_name in ('analytics_events', 'audit_logs', 'sessions', 'stripe_events')),
  keep       interval not null check (keep >= interval '7 days'),
  reason     text not null default ''
);
insert into public.retention_rules (table_name, keep, reason) values
  ('analytics_events', '13 months', 'a year and a month, to compare with the year before'),
  ('audit_logs', '2 years', 'to answer questions about changes'),
  ('sessions', '90 days', 'sign-ins that are over'),
  ('stripe_events', '90 days', 'ids of events, so that none counts twice');
alter table public.retention_rules enable row level security;
revoke all on public.retention_rules from anon, authenticated;
grant all on public.retention_rules to service_role;
grant select, update (keep, reason) on public.retention_rules to authenticated;
create policy "Admins read retention rules" on public.retention_rules
  for select to authenticated using ((select private.is_admin()));
create policy "Admins change retention rules" on public.retention_rules
  for update to authenticated using ((select private.is_admin())) with check ((select private.is_admin()));

create function private.apply_retention() returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  gone jsonb := '{}';
  n bigint;
  rule record;
begin
  perform set_config('saas_starter.erasing', 'on', true);
  for rule in select * from public.retention_rules loop
    case rule.table_name
      when 'analytics_events' then delete from public.analytics_events where occurred_at < now() - rule.keep;
      when 'audit_logs' then delete from public.audit_logs where at < now() - rule.keep;
      when 'sessions' then delete from public.sessions where greatest(last_seen_at, expires_at) < now() - rule.keep;
      when 'stripe_events' then delete from private.stripe_events where received_at < now() - rule.keep;
    end case;
    get diagnostics n = row_count;
    gone := gone || jsonb_build_object(rule.table_name, n);
  end loop;
  perform set_config('saas_starter.erasing', 'off', true);
  return gone;
end $$;

-- Everything that is held about one person, in one document.
create function private.export_user(p_user_id uuid) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'exported_at', now(),
    'account', (select to_jsonb(a) from (select id, email, phone, created_at, last_sign_in_at, email_confirmed_at, raw_user_meta_data as metadata
                                         from auth.users where id = p_user_id) a),
    'identities', (select coalesce(jsonb_agg(jsonb_build_object('provider', provider, 'created_at', created_at, 'data', identity_data)), '[]')
                   from auth.identities where user_id = p_user_id),
    'user', (select to_jsonb(u) from public.users u where id = p_user_id),
    'profile', (select to_jsonb(p) from public.profiles p where id = p_user_id),
    'details', (select to_jsonb(d) from private.read_details(p_user_id) d),
    'sessions', (select coalesce(jsonb_agg(to_jsonb(s) order by s.created_at), '[]') from public.sessions s where user_id = p_user_id),
    'subscriptions', (select coalesce(jsonb_agg(to_jsonb(s) order by s.created_at), '[]') from public.user_subscriptions s where user_id = p_user_id),
    'invoices', (select coalesce(jsonb_agg(to_jsonb(i) order by i.issued_at), '[]') from public.invoices i where user_id = p_user_id),
    'payment_methods', (select coalesce(jsonb_agg(to_jsonb(m) order by m.created_at), '[]') from public.payment_methods m where user_id = p_user_id),
    'events', (select coalesce(jsonb_agg(to_jsonb(e) order by e.occurred_at), '[]') from public.analytics_events e where user_id = p_user_id),
    'rows', (select coalesce(jsonb_agg(to_jsonb(t) order by t.created_at), '[]') from public.test_table t where user_id = p_user_id),
    'changes', (select coalesce(jsonb_agg(to_jsonb(l) order by l.id), '[]') from public.audit_logs l where subject_id = p_user_id),
    'files', (select coalesce(jsonb_agg(jsonb_build_object('bucket', bucket_id, 'path', name, 'created_at', created_at, 'metadata', metadata) order by name), '[]')
              from storage.objects where owner_id = p_user_id::text or owner = p_user_id
                 or (bucket_id = 'avatars' and (storage.foldername(name))[1] = p_user_id::text))
  )
$$;

-- Files whose rows are gone and whose bytes are still to be removed, by the server and through storage.
create table private.files_to_delete (
  id         bigint generated always as identity primary key,
  bucket_id  text not null,
  path       text not null,
  version    text,
  queued_at  timestamptz not null default now()
);
-- What remains of an erased person: that it happened. No name, no address.
create table private.erasures (
  id         bigint generated always as identity primary key,
  erased_at  timestamptz not null default now(),
  subject    text not null,
  counts     jsonb not null
);
comment on column private.erasures.subject is 'SHA-256 of the user''s id: proves that this id was erased, to one who knows the id.';
alter table private.files_to_delete enable row level security;
alter table private.erasures enable row level security;
revoke all on private.files_to_delete, private.erasures from public, anon, authenticated, service_role;
-- Without a grant nobody gets here; the policy says who might.
create policy "Server only" on private.files_to_delete to service_role using (true) with check (true);
create policy "Server only" on private.erasures to service_role using (true) with check (true);

-- Whoever deletes the account (the person, an admin, the auth service), what cascades cannot reach goes too:
-- files, and the audit rows about him. What others wrote in their own rows is theirs.
create function private.forget_user() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  files bigint;
  changes bigint;
begin
  insert into private.files_to_delete (bucket_id, path, version)
  select bucket_id, name, version from storage.objects
  where owner_id = old.id::text or owner = old.id
     or (bucket_id = 'avatars' and (storage.foldername(name))[1] = old.id::text);
  get diagnostics files = row_count;
  perform set_config('storage.allow_delete_query', 'true', true);
  delete from storage.objects
  where owner_id = old.id::text or owner = old.id
     or (bucket_id = 'avatars' and (storage.foldername(name))[1] = old.id::text);
  perform set_config('storage.allow_delete_query', 'false', true);

  perform set_config('saas_starter.erasing', 'on', true);
  delete from public.audit_logs where subject_id = old.id;
  get diagnostics changes = row_count;
  update public.audit_logs set actor_id = null where actor_id = old.id;
  perform set_config('saas_starter.erasing', 'off', true);

  insert into private.erasures (subject, counts)
  values (encode(extensions.digest(old.id::text, 'sha256'), 'hex'), jsonb_build_object('files', files, 'audit_logs', changes));
  return old;
end $$;
create trigger saas_starter_forget before delete on auth.users for each row execute function private.forget_user();
revoke all on function private.forget_user() from public, anon, authenticated;

create function private.erase_user(p_user_id uuid) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  delete from auth.users where id = p_user_id;
  if not found then
    raise exception 'no such user' using errcode = 'P0002';
  end if;
  return (select counts from private.erasures
          where subject = encode(extensions.digest(p_user_id::text, 'sha256'), 'hex') order by id desc limit 1);
end $$;

create function private.export_my_data() returns jsonb language plpgsql stable security definer set search_path = '' as $$
begin
  if (select auth.uid()) is null then raise exception 'sign in first' using errcode = '42501'; end if;
  return private.export_user((select auth.uid()));
end $$;
create function private.delete_my_account() returns jsonb language plpgsql security definer set search_path = '' as $$
begin
  if (select auth.uid()) is null then raise exception 'sign in first' using errcode = '42501'; end if;
  return private.erase_user((select auth.uid()));
end $$;
create function private.admin_export_user(p_user_id uuid) returns jsonb language plpgsql stable security definer set search_path = '' as $$
begin
  if not private.is_admin() then raise exception 'only an admin exports others' using errcode = '42501'; end if;
  return private.export_user(p_user_id);
end $$;
create function private.admin_erase_user(p_user_id uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
begin
  if not private.is_admin() then raise exception 'only an admin erases others' using errcode = '42501'; end if;
  return private.erase_user(p_user_id);
end $$;

create function private.files_to_delete(p_limit integer) returns setof private.files_to_delete
language sql stable security definer set search_path = '' as $$
  select * from private.files_to_delete order by id limit least(greatest(p_limit, 1), 1000)
$$;
create function private.file_deleted(p_id bigint) returns void language sql security definer set search_path = '' as $$
  delete from private.files_to_delete where id = p_id
$$;

create function public.export_my_data() returns jsonb language sql stable set search_path = '' as $$ select private.export_my_data() $$;
create function public.delete_my_account() returns jsonb language sql set search_path = '' as $$ select private.delete_my_account() $$;
create function public.admin_export_user(user_id uuid) returns jsonb language sql stable set search_path = '' as $$ select private.admin_export_user($1) $$;
create function public.admin_erase_user(user_id uuid) returns jsonb language sql set search_path = '' as $$ select private.admin_erase_user($1) $$;
create function public.apply_retention() returns jsonb language sql set search_path = '' as $$ select private.apply_retention() $$;
create function public.files_to_delete(max_items integer default 100) returns table (id bigint, bucket_id text, path text, version text)
language sql stable set search_path = '' as $$ select f.id, f.bucket_id, f.path, f.version from private.files_to_delete($1) f $$;
create function public.file_deleted(id bigint) returns void language sql set search_path = '' as $$ select private.file_deleted($1) $$;

revoke all on function private.apply_retention(), private.export_user(uuid), private.erase_user(uuid), private.export_my_data(),
  private.delete_my_account(), private.admin_export_user(uuid), private.admin_erase_user(uuid), private.files_to_delete(integer),
  private.file_deleted(bigint), public.export_my_data(), public.delete_my_account(), public.admin_export_user(uuid),
  public.admin_erase_user(uuid), public.apply_retention(), public.files_to_delete(integer), public.file_deleted(bigint)
  from public, anon, authenticated, service_role;
grant execute on function private.export_my_data(), private.delete_my_account(), private.admin_export_user(uuid),
  private.admin_erase_user(uuid), public.export_my_data(), public.delete_my_account(), public.admin_export_user(uuid),
  public.admin_erase_user(uuid) to authenticated;
grant execute on function private.apply_retention(), private.files_to_delete(integer), private.file_deleted(bigint),
  public.apply_retention(), public.files_to_delete(integer), public.file_deleted(bigint) to service_role;

do $$
begin
  begin
    create extension if not exists pg_cron;
  exception when others then
    raise notice 'no pg_cron here: call apply_retention() yourself (%)', sqlerrm;
  end;
  if exists (select 1 from pg_extension where extname = 'pg_cron') then
    perform cron.schedule('saas-starter-retention', '45 2 * * *', 'select private.apply_retention()');
  end if;
end $$;
