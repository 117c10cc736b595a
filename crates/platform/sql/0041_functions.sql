-- Database webhooks: `create trigger … execute function supabase_functions.http_request('url', 'POST', '{}', '{}', '1000')`.

--: schema as managed
-- Where roles and grants were adopted, this schema may be missing all the same.
create schema if not exists supabase_functions;
grant usage on schema supabase_functions to anon, authenticated, service_role;

--: as superuser
set local role supabase_functions_admin;

--: webhooks
create table supabase_functions.migrations (
    version text not null,
    inserted_at timestamptz default now() not null,
    constraint migrations_pkey primary key (version)
);
insert into supabase_functions.migrations (version) values ('initial'), ('20210809183423_update_grants');
create table supabase_functions.hooks (
    id bigserial not null,
    hook_table_id integer not null,
    hook_name text not null,
    created_at timestamptz default now() not null,
    request_id bigint,
    constraint hooks_pkey primary key (id)
);
comment on table supabase_functions.hooks is 'Which webhook sent which request: request_id is an id of net.http_request_queue.';
create index supabase_functions_hooks_request_id_idx on supabase_functions.hooks (request_id);
create index supabase_functions_hooks_h_table_id_h_name_idx on supabase_functions.hooks (hook_table_id, hook_name);

-- Arguments of the trigger: url, method (GET or POST), headers, params, timeout in milliseconds.
-- SECURITY DEFINER: whoever changes a row with a webhook need not have rights on the queue.
create function supabase_functions.http_request() returns trigger
language plpgsql security definer set search_path to 'supabase_functions' as $$
declare
    url constant text := nullif(nullif(tg_argv[0], ''), 'null');
    method constant text := upper(nullif(nullif(tg_argv[1], ''), 'null'));
    headers constant jsonb := coalesce(nullif(nullif(tg_argv[2], ''), 'null'), '{"Content-Type": "application/json"}')::jsonb;
    params constant jsonb := coalesce(nullif(nullif(tg_argv[3], ''), 'null'), '{}')::jsonb;
    timeout_ms constant integer := coalesce(nullif(nullif(tg_argv[4], ''), 'null'), '1000')::integer;
    request_id bigint;
begin
    if url is null then
        raise exception 'url argument is missing';
    end if;
    if method is null then
        raise exception 'method argument is missing';
    elsif method = 'GET' then
        request_id := net.http_get(url, params, headers, timeout_ms);
    elsif method = 'POST' then
        request_id := net.http_post(
            url,
            jsonb_build_object('old_record', old, 'record', new, 'type', tg_op, 'table', tg_table_name, 'schema', tg_table_schema),
            params, headers, timeout_ms);
    else
        raise exception 'method argument % is invalid', method;
    end if;
    insert into supabase_functions.hooks (hook_table_id, hook_name, request_id) values (tg_relid, tg_name, request_id);
    return coalesce(new, old);
end
$$;

--: grants as superuser
grant all on supabase_functions.hooks, supabase_functions.migrations to postgres, service_role;
revoke all on supabase_functions.hooks, supabase_functions.migrations from anon, authenticated;
grant usage on sequence supabase_functions.hooks_id_seq to postgres, service_role;
revoke all on function supabase_functions.http_request() from public;
grant execute on function supabase_functions.http_request() to postgres, anon, authenticated, service_role;
