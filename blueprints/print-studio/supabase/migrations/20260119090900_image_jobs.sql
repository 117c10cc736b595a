-- The life of an image at database level: an operation takes its credits when it begins, and gives them back once if it
-- fails. The pipeline calls these with the server's key.

-- Files whose rows are gone and whose bytes are still to be removed, by the server and through storage.
create table private.files_to_delete (
  id        bigint generated always as identity primary key,
  bucket_id text not null,
  path      text not null,
  queued_at timestamptz not null default now()
);
alter table private.files_to_delete enable row level security;
revoke all on private.files_to_delete from public, anon, authenticated, service_role;
-- Without a grant nobody gets here; the policy says who might.
create policy "Server only" on private.files_to_delete to service_role using (true) with check (true);

create function private.begin_image_operation(
  p_image_id uuid, p_operation_type text, p_api_provider text, p_credits integer, p_input jsonb, p_idempotency_key text
) returns public.image_operations
language plpgsql security definer set search_path = '' as $$
declare
  picture public.images;
  operation public.image_operations;
begin
  if p_idempotency_key is null then
    raise exception 'an operation needs an idempotency key' using errcode = '22023';
  end if;
  select * into picture from public.images where id = p_image_id for update;
  if not found then raise exception 'no such image' using errcode = 'P0002'; end if;
  select * into operation from public.image_operations
  where image_id = p_image_id and input_data ->> 'idempotency_key' = p_idempotency_key;
  if found then return operation; end if;
  if p_credits > 0 then
    perform public.deduct_user_credits(picture.user_id, p_credits, 'usage', p_operation_type,
      jsonb_build_object('image_id', p_image_id), 'operation:' || p_image_id || ':' || p_idempotency_key);
  end if;
  insert into public.image_operations (image_id, operation_type, api_provider, status, input_data, credits_used)
  values (p_image_id, p_operation_type, p_api_provider, 'processing',
          coalesce(p_input, '{}') || jsonb_build_object('idempotency_key', p_idempotency_key), coalesce(p_credits, 0))
  returning * into operation;
  update public.images set processing_status = 'processing', processing_error = null where id = p_image_id;
  return operation;
end $$;

create function private.finish_image_operation(
  p_operation_id uuid, p_output jsonb, p_error text, p_seconds numeric, p_cost numeric
) returns public.image_operations
language plpgsql security definer set search_path = '' as $$
declare
  operation public.image_operations;
  owner_ uuid;
begin
  select * into operation from public.image_operations where id = p_operation_id for update;
  if not found then raise exception 'no such operation' using errcode = 'P0002'; end if;
  -- The first end counts.
  if operation.status in ('completed', 'failed') then return operation; end if;
  select user_id into owner_ from public.images where id = operation.image_id;
  update public.image_operations
  set status = case when p_error is null then 'completed' else 'failed' end,
      output_data = p_output, error_message = left(p_error, 2000), processing_time = p_seconds, api_cost = p_cost, completed_at = now()
  where id = p_operation_id returning * into operation;
  update public.images
  set processing_status = operation.status, processing_error = operation.error_message,
      processed_url = coalesce(p_output ->> 'processed_url', processed_url),
      thumbnail_url = coalesce(p_output ->> 'thumbnail_url', thumbnail_url),
      final_url = coalesce(p_output ->> 'final_url', final_url)
  where id = operation.image_id;
  if p_error is not null and operation.credits_used > 0 then
    perform public.add_user_credits(owner_, operation.credits_used, 'refund', operation.operation_type || ' failed',
      jsonb_build_object('operation_id', operation.id), 'operation-refund:' || operation.id);
  end if;
  insert into public.api_usage_logs (user_id, api_provider, operation_type, request_data, response_data, response_time, cost, error_message)
  values (owner_, operation.api_provider, operation.operation_type, operation.input_data, p_output, p_seconds, p_cost, operation.error_message);
  return operation;
end $$;

create function public.begin_image_operation(
  image_id uuid, operation_type text, api_provider text, credits integer, idempotency_key text, input jsonb default null
) returns public.image_operations language sql set search_path = '' as $$
  select private.begin_image_operation($1, $2, $3, $4, $6, $5)
$$;
create function public.finish_image_operation(
  operation_id uuid, output jsonb default null, error text default null, seconds numeric default null, cost numeric default null
) returns public.image_operations language sql set search_path = '' as $$
  select private.finish_image_operation($1, $2, $3, $4, $5)
$$;

-- What goes, goes with its files: <user>/<image>/… in the bucket `images`.
create function private.queue_image_files() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into private.files_to_delete (bucket_id, path)
  select bucket_id, name from storage.objects
  where bucket_id = 'images' and name like old.user_id || '/' || old.id || '/%';
  perform set_config('storage.allow_delete_query', 'true', true);
  delete from storage.objects where bucket_id = 'images' and name like old.user_id || '/' || old.id || '/%';
  perform set_config('storage.allow_delete_query', 'false', true);
  return null;
end $$;
create trigger images_queue_files after delete on public.images
  for each row execute function private.queue_image_files();

create function private.expire_images(p_now timestamptz default now()) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  gone integer;
begin
  delete from public.images where expires_at <= p_now and processing_status <> 'processing';
  get diagnostics gone = row_count;
  return gone;
end $$;
create function public.expire_images(at timestamptz default now()) returns integer
language sql set search_path = '' as $$ select private.expire_images($1) $$;
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

-- Downloads are counted by the system, for those who may see the image.
create function private.record_download(p_image_id uuid) returns integer
language sql security definer set search_path = '' as $$
  update public.images i set download_count = coalesce(download_count, 0) + 1
  where i.id = p_image_id and (i.user_id = (select auth.uid()) or private.is_published_image(i.id))
  returning i.download_count
$$;
create function public.record_download(image_id uuid) returns integer
language sql set search_path = '' as $$ select private.record_download($1) $$;

-- Writers of the logs. A person's activity is logged in his own name; what an admin does is logged with it.
create function private.log_activity(p_type text, p_data jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  headers jsonb := nullif(current_setting('request.headers', true), '')::jsonb;
begin
  if (select auth.uid()) is null then raise exception 'sign in first' using errcode = '42501'; end if;
  if p_type !~ '^[a-z][a-z0-9_.]{0,63}$' or pg_column_size(p_data) > 8192 then
    raise exception 'an activity is a short word in lower case with at most 8 kB of data' using errcode = '22023';
  end if;
  insert into public.user_activity_logs (user_id, activity_type, activity_data, user_agent)
  values ((select auth.uid()), p_type, p_data, left(headers ->> 'user-agent', 500));
  update public.profiles set last_activity_at = now() where id = (select auth.uid()) and last_activity_at < now() - interval '1 minute';
end $$;
create function public.log_activity(activity_type text, activity_data jsonb default null) returns void
language sql set search_path = '' as $$ select private.log_activity($1, $2) $$;
create function private.record_metric(p_name text, p_value numeric, p_unit text, p_tags jsonb) returns void
language sql security definer set search_path = '' as $$
  insert into public.system_metrics (metric_name, metric_value, metric_unit, tags) values (p_name, p_value, p_unit, p_tags)
$$;
create function public.record_metric(metric_name text, metric_value numeric, metric_unit text default null, tags jsonb default null)
returns void language sql set search_path = '' as $$ select private.record_metric($1, $2, $3, $4) $$;

create function private.admin_update_user(p_user_id uuid, p_is_admin boolean, p_is_active boolean) returns public.profiles
language plpgsql security definer set search_path = '' as $$
declare
  changed public.profiles;
begin
  if not private.is_admin() then raise exception 'only an admin does that' using errcode = '42501'; end if;
  if p_user_id = (select auth.uid()) then raise exception 'not to oneself: let another admin do it' using errcode = '22023'; end if;
  update public.profiles set is_admin = coalesce(p_is_admin, is_admin), is_active = coalesce(p_is_active, is_active)
  where id = p_user_id returning * into changed;
  if not found then raise exception 'no such user' using errcode = 'P0002'; end if;
  insert into public.admin_logs (admin_user_id, action, target_type, target_id, details)
  values ((select auth.uid()), 'user.update', 'profile', p_user_id,
          jsonb_strip_nulls(jsonb_build_object('is_admin', p_is_admin, 'is_active', p_is_active)));
  return changed;
end $$;
create function private.admin_add_credits(p_user_id uuid, p_amount integer, p_reason text) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  balance integer;
begin
  if not private.is_admin() then raise exception 'only an admin does that' using errcode = '42501'; end if;
  balance := public.add_user_credits(p_user_id, p_amount, 'bonus', p_reason, jsonb_build_object('admin', (select auth.uid())));
  insert into public.admin_logs (admin_user_id, action, target_type, target_id, details)
  values ((select auth.uid()), 'credits.add', 'profile', p_user_id, jsonb_build_object('amount', p_amount, 'reason', p_reason));
  return balance;
end $$;
create function public.admin_update_user(user_id uuid, is_admin boolean default null, is_active boolean default null) returns public.profiles
language sql set search_path = '' as $$ select private.admin_update_user($1, $2, $3) $$;
create function public.admin_add_credits(user_id uuid, amount integer, reason text) returns integer
language sql set search_path = '' as $$ select private.admin_add_credits($1, $2, $3) $$;
-- What admins do to plans, packages, costs, templates and campaigns is logged as well.
create function private.log_admin_change() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if private.is_admin() then
    insert into public.admin_logs (admin_user_id, action, target_type, target_id, details)
    values ((select auth.uid()), lower(tg_op), tg_table_name, case when tg_op = 'DELETE' then old.id else new.id end,
            case when tg_op = 'DELETE' then to_jsonb(old) else to_jsonb(new) end);
  end if;
  return null;
end $$;
create trigger subscription_plans_admin_log after insert or update or delete on public.subscription_plans
  for each row execute function private.log_admin_change();
create trigger pay_as_you_go_packages_admin_log after insert or update or delete on public.pay_as_you_go_packages
  for each row execute function private.log_admin_change();
create trigger api_costs_admin_log after insert or update or delete on public.api_costs
  for each row execute function private.log_admin_change();
create trigger email_templates_admin_log after insert or update or delete on public.email_templates
  for each row execute function private.log_admin_change();
create trigger email_campaigns_admin_log after insert or update or delete on public.email_campaigns
  for each row execute function private.log_admin_change();

revoke all on function
  private.begin_image_operation(uuid, text, text, integer, jsonb, text), private.finish_image_operation(uuid, jsonb, text, numeric, numeric),
  public.begin_image_operation(uuid, text, text, integer, text, jsonb), public.finish_image_operation(uuid, jsonb, text, numeric, numeric),
  private.queue_image_files(), private.expire_images(timestamptz), public.expire_images(timestamptz),
  private.files_to_delete(integer), private.file_deleted(bigint), public.files_to_delete(integer), public.file_deleted(bigint),
  private.record_download(uuid), public.record_download(uuid), private.log_activity(text, jsonb), public.log_activity(text, jsonb),
  private.record_metric(text, numeric, text, jsonb), public.record_metric(text, numeric, text, jsonb),
  private.admin_update_user(uuid, boolean, boolean), public.admin_update_user(uuid, boolean, boolean),
  private.admin_add_credits(uuid, integer, text), public.admin_add_credits(uuid, integer, text), private.log_admin_change()
  from public, anon, authenticated, service_role;
grant execute on function
  private.begin_image_operation(uuid, text, text, integer, jsonb, text), private.finish_image_operation(uuid, jsonb, text, numeric, numeric),
  public.begin_image_operation(uuid, text, text, integer, text, jsonb), public.finish_image_operation(uuid, jsonb, text, numeric, numeric),
  private.expire_images(timestamptz), public.expire_images(timestamptz),
  private.files_to_delete(integer), private.file_deleted(bigint), public.files_to_delete(integer), public.file_deleted(bigint),
  private.record_metric(text, numeric, text, jsonb), public.record_metric(text, numeric, text, jsonb) to service_role;
grant execute on function private.record_download(uuid), public.record_download(uuid) to anon, authenticated, service_role;
grant execute on function private.log_activity(text, jsonb), public.log_activity(text, jsonb),
  private.admin_update_user(uuid, boolean, boolean), public.admin_update_user(uuid, boolean, boolean),
  private.admin_add_credits(uuid, integer, text), public.admin_add_credits(uuid, integer, text) to authenticated;

do $$
begin
  begin
    create extension if not exists pg_cron;
  exception when others then
    raise notice 'no pg_cron here: call expire_images() yourself (%)', sqlerrm;
  end;
  if exists (select 1 from pg_extension where extname = 'pg_cron') then
    perform cron.schedule('print-studio-expire-images', '25 * * * *', 'select private.expire_images()');
  end if;
end $$;
