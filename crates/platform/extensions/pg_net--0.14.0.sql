-- pg_net: requests are rows of a queue, sent by the server after the transaction commits; answers are rows, too.
-- The script runs as superuser: nothing that a project put into a schema may stand in for a function named here.
set local search_path to pg_catalog, pg_temp;
do $$
begin
    if to_regnamespace('net') is null then
        create schema net;
    end if;
end
$$;

create domain net.http_method as text check (value in ('GET', 'POST', 'DELETE', 'get', 'post', 'delete'));
create type net.request_status as enum ('PENDING', 'SUCCESS', 'ERROR');
create type net.http_response as (status_code integer, headers jsonb, body text);
create type net.http_response_result as (status net.request_status, message text, response net.http_response);

-- Logged, unlike the original's: a committed transaction's webhook is still sent after a crash.
create sequence net.http_request_queue_id_seq;
create table net.http_request_queue (
    id bigint default nextval('net.http_request_queue_id_seq') not null,
    method net.http_method not null,
    url text not null,
    headers jsonb,
    body bytea,
    timeout_milliseconds integer not null,
    constraint http_request_queue_pkey primary key (id)
);
alter sequence net.http_request_queue_id_seq owned by net.http_request_queue.id;
create unlogged table net._http_response (
    id bigint,
    status_code integer,
    content_type text,
    headers jsonb,
    content text,
    timed_out boolean,
    error_msg text,
    created timestamptz default now() not null
);
create index _http_response_id_idx on net._http_response (id);
create index _http_response_created_idx on net._http_response (created);

-- Bytes outside RFC 3986's unreserved set become %XX.
create function net._urlencode_string(string varchar) returns text
language sql immutable strict set search_path to '' as $$
    select coalesce(string_agg(
               case when chr(b) ~ '^[A-Za-z0-9_.~-]$' then chr(b) else '%' || upper(lpad(to_hex(b), 2, '0')) end,
               '' order by position), '')
    from (select position, get_byte(convert_to(string, 'UTF8'), position) as b
          from generate_series(0, octet_length(convert_to(string, 'UTF8')) - 1) as position) bytes
    where b > 0
$$;
create function net._encode_url_with_params_array(url text, params_array text[]) returns text
language sql immutable set search_path to '' as $$
    select case
        when coalesce(array_length(params_array, 1), 0) = 0 then url
        else split_part(url, '#', 1)
             || case when position('?' in split_part(url, '#', 1)) = 0 then '?'
                     when split_part(url, '#', 1) ~ '[?&]$' then '' else '&' end
             || array_to_string(params_array, '&')
    end
$$;
create function net._encode_params(params jsonb) returns text[]
language sql immutable set search_path to '' as $$
    select coalesce(array_agg(net._urlencode_string(key) || '=' || net._urlencode_string(coalesce(value, ''))), '{}')
    from jsonb_each_text(coalesce(params, '{}'))
$$;
create function net._enqueue(method text, url text, params jsonb, headers jsonb, body bytea, timeout_milliseconds integer)
returns bigint language plpgsql set search_path to '' as $$
declare
    request_id bigint;
begin
    if coalesce(url, '') !~* '^https?://[^[:space:]]+$' then
        raise exception 'net.http_%: "%" is no http:// or https:// address', lower(method), url using errcode = '22023';
    end if;
    if coalesce(timeout_milliseconds, 0) <= 0 then
        raise exception 'net.http_%: timeout_milliseconds must be above 0, not %', lower(method), timeout_milliseconds
            using errcode = '22023';
    end if;
    insert into net.http_request_queue (method, url, headers, body, timeout_milliseconds)
    values (method, net._encode_url_with_params_array(url, net._encode_params(params)), headers, body, timeout_milliseconds)
    returning id into request_id;
    -- Delivered on commit, once for a transaction however many requests it makes.
    notify _basalt_net;
    return request_id;
end
$$;

create function net.http_get(
    url text, params jsonb default '{}', headers jsonb default '{}', timeout_milliseconds integer default 5000)
returns bigint language sql security definer set search_path to '' as $$
    select net._enqueue('GET', url, params, headers, null, timeout_milliseconds)
$$;
create function net.http_post(
    url text, body jsonb default '{}', params jsonb default '{}', headers jsonb default '{"Content-Type": "application/json"}',
    timeout_milliseconds integer default 5000)
returns bigint language plpgsql security definer set search_path to '' as $$
declare
    content_type text;
begin
    select value into content_type from jsonb_each_text(coalesce(headers, '{}')) where lower(key) = 'content-type' limit 1;
    if content_type is null then
        headers := coalesce(headers, '{}') || '{"Content-Type": "application/json"}';
    elsif lower(content_type) not like 'application/json%' then
        raise exception 'Content-Type header must be "application/json"';
    end if;
    return net._enqueue('POST', url, params, headers, convert_to(body::text, 'UTF8'), timeout_milliseconds);
end
$$;
create function net.http_delete(
    url text, params jsonb default '{}', headers jsonb default '{}', timeout_milliseconds integer default 5000,
    body jsonb default null)
returns bigint language sql security definer set search_path to '' as $$
    select net._enqueue('DELETE', url, params,
        case when body is null then headers else '{"Content-Type": "application/json"}'::jsonb || coalesce(headers, '{}') end,
        convert_to(body::text, 'UTF8'), timeout_milliseconds)
$$;

-- The answer as far as it is there: PENDING until the server has it.
create function net._http_collect_response(request_id bigint, async boolean default true) returns net.http_response_result
language plpgsql security definer set search_path to '' as $$
declare
    answer net._http_response;
    deadline constant timestamptz := clock_timestamp() + interval '60 seconds';
begin
    loop
        select * into answer from net._http_response r where r.id = request_id;
        exit when found or async or clock_timestamp() > deadline;
        perform pg_sleep(0.05);
    end loop;
    if not found then
        if exists (select from net.http_request_queue q where q.id = request_id) then
            return ('PENDING', 'request is pending processing', null)::net.http_response_result;
        end if;
        return ('ERROR', 'request matching request_id not found', null)::net.http_response_result;
    end if;
    if answer.error_msg is not null or answer.timed_out then
        return ('ERROR', coalesce(answer.error_msg, 'request timed out'), null)::net.http_response_result;
    end if;
    return ('SUCCESS', 'ok', (answer.status_code, answer.headers, answer.content)::net.http_response)::net.http_response_result;
end
$$;
create function net.http_collect_response(request_id bigint, async boolean default true) returns net.http_response_result
language sql set search_path to '' as $$ select net._http_collect_response(request_id, async) $$;
create function net._await_response(request_id bigint) returns boolean
language sql set search_path to '' as $$ select (net._http_collect_response(request_id, false)).status <> 'PENDING' $$;

create function net.check_worker_is_up() returns void language sql as $$ select $$;
create function net.worker_restart() returns boolean language plpgsql set search_path to '' as $$
begin
    notify _basalt_net;
    return true;
end
$$;
create function net.wake() returns void language plpgsql set search_path to '' as $$
begin
    notify _basalt_net;
end
$$;

revoke all on all functions in schema net from public;
do $$
declare
    grantee text;
begin
    foreach grantee in array array['postgres', 'supabase_functions_admin', 'anon', 'authenticated', 'service_role'] loop
        if to_regrole(grantee) is not null then
            execute format('grant usage on schema net to %I', grantee);
            execute format('grant execute on function net.http_get(text, jsonb, jsonb, integer), '
                           'net.http_post(text, jsonb, jsonb, jsonb, integer), '
                           'net.http_delete(text, jsonb, jsonb, integer, jsonb) to %I', grantee);
        end if;
    end loop;
    -- Answers may hold secrets: not for the roles of requests.
    if to_regrole('postgres') is not null then
        grant usage on schema net to postgres with grant option;
        grant execute on all functions in schema net to postgres with grant option;
        grant select, delete on net.http_request_queue, net._http_response to postgres with grant option;
    end if;
    if to_regrole('service_role') is not null then
        grant execute on function net.http_collect_response(bigint, boolean), net._http_collect_response(bigint, boolean)
            to service_role;
        grant select on net.http_request_queue, net._http_response to service_role;
    end if;
end
$$;
