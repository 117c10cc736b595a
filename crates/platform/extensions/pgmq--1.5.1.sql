-- pgmq: queues as tables `pgmq.q_<name>`, archives as `pgmq.a_<name>`; read, wait, delete and archive by functions.
-- A queue belongs to who creates it and is no member of the extension: dumps hold it like any other table.
-- The script runs as superuser: nothing that a project put into a schema may stand in for a function named here.
set local search_path to pg_catalog, pg_temp;
do $$
begin
    if to_regnamespace('pgmq') is null then
        create schema pgmq;
    end if;
end
$$;

create table pgmq.meta (
    queue_name varchar unique not null,
    is_partitioned boolean not null,
    is_unlogged boolean not null,
    created_at timestamptz default now() not null
);
-- A publication of all tables would else forbid to drop a queue.
alter table pgmq.meta replica identity using index meta_queue_name_key;
create type pgmq.message_record as (
    msg_id bigint, read_ct integer, enqueued_at timestamptz, vt timestamptz, message jsonb, headers jsonb);
create type pgmq.queue_record as (
    queue_name varchar, is_partitioned boolean, is_unlogged boolean, created_at timestamptz);
create type pgmq.metrics_result as (
    queue_name text, queue_length bigint, newest_msg_age_sec integer, oldest_msg_age_sec integer,
    total_messages bigint, scrape_time timestamptz, queue_visible_length bigint);

create function pgmq.validate_queue_name(queue_name text) returns void language plpgsql immutable as $$
begin
    if coalesce(queue_name, '') = '' then
        raise exception 'queue name must not be empty';
    end if;
    -- Its longest derived name, the identity sequence's, must stay below 64 bytes.
    if octet_length(queue_name) > 47 then
        raise exception 'queue name is too long, maximum length is 47 characters';
    end if;
end
$$;
create function pgmq.format_table_name(queue_name text, prefix text) returns text language plpgsql immutable as $$
begin
    if queue_name ~ '\$|;|--|''' then
        raise exception 'queue name contains invalid characters: $, ;, --, or ''';
    end if;
    return lower(prefix || '_' || queue_name);
end
$$;

create function pgmq._create(queue_name text, unlogged boolean) returns void language plpgsql as $$
declare
    qtable constant text := pgmq.format_table_name(queue_name, 'q');
    atable constant text := pgmq.format_table_name(queue_name, 'a');
    kind constant text := case when unlogged then 'unlogged table' else 'table' end;
begin
    perform pgmq.validate_queue_name(queue_name);
    perform pg_advisory_xact_lock(hashtextextended('pgmq.' || qtable, 0));
    execute format(
        'create %s if not exists pgmq.%I (
            msg_id bigint primary key generated always as identity,
            read_ct integer default 0 not null,
            enqueued_at timestamptz default now() not null,
            vt timestamptz not null,
            message jsonb,
            headers jsonb)', kind, qtable);
    execute format(
        'create %s if not exists pgmq.%I (
            msg_id bigint primary key,
            read_ct integer default 0 not null,
            enqueued_at timestamptz default now() not null,
            archived_at timestamptz default now() not null,
            vt timestamptz not null,
            message jsonb,
            headers jsonb)', kind, atable);
    execute format('create index if not exists %I on pgmq.%I (vt asc)', qtable || '_vt_idx', qtable);
    execute format('create index if not exists %I on pgmq.%I (archived_at)', 'archived_at_idx_' || queue_name, atable);
    insert into pgmq.meta (queue_name, is_partitioned, is_unlogged) values (queue_name, false, unlogged) on conflict do nothing;
end
$$;
create function pgmq.create_non_partitioned(queue_name text) returns void language sql as $$ select pgmq._create($1, false) $$;
create function pgmq.create(queue_name text) returns void language sql as $$ select pgmq._create($1, false) $$;
create function pgmq.create_unlogged(queue_name text) returns void language sql as $$ select pgmq._create($1, true) $$;
create function pgmq.create_partitioned(
    queue_name text, partition_interval text default '10000', retention_interval text default '100000')
returns void language plpgsql as $$
begin
    raise exception 'pgmq.create_partitioned needs pg_partman, which is not there'
        using errcode = '0A000', hint = 'Use pgmq.create() and delete old messages of the archive by a job.';
end
$$;

create function pgmq.drop_queue(queue_name text) returns boolean language plpgsql as $$
declare
    qtable constant text := pgmq.format_table_name($1, 'q');
    atable constant text := pgmq.format_table_name($1, 'a');
begin
    perform pg_advisory_xact_lock(hashtextextended('pgmq.' || qtable, 0));
    if not exists (select from pgmq.meta m where m.queue_name = $1) then
        raise notice 'pgmq queue "%" does not exist', $1;
        return false;
    end if;
    execute format('drop table if exists pgmq.%I', qtable);
    execute format('drop table if exists pgmq.%I', atable);
    delete from pgmq.meta m where m.queue_name = $1;
    return true;
end
$$;
create function pgmq.drop_queue(queue_name text, partitioned boolean) returns boolean language sql as $$
    select pgmq.drop_queue($1)
$$;
-- Queues are no members of the extension here, so there is nothing to detach.
create function pgmq.detach_archive(queue_name text) returns void language sql as $$ select $$;

create function pgmq.send_batch(queue_name text, msgs jsonb[], headers jsonb[], delay timestamptz)
returns setof bigint language plpgsql as $$
begin
    if headers is not null and array_length(headers, 1) is distinct from array_length(msgs, 1) then
        raise exception 'headers must be as many as messages: % against %',
            coalesce(array_length(headers, 1), 0), coalesce(array_length(msgs, 1), 0);
    end if;
    return query execute format(
        'insert into pgmq.%I (vt, message, headers)
         select $2, m, h from unnest($1, coalesce($3, array_fill(null::jsonb, array[cardinality($1)]))) as batch (m, h)
         returning msg_id', pgmq.format_table_name(queue_name, 'q'))
        using msgs, delay, headers;
end
$$;
create function pgmq.send_batch(queue_name text, msgs jsonb[]) returns setof bigint language sql as $$
    select * from pgmq.send_batch($1, $2, null::jsonb[], clock_timestamp())
$$;
create function pgmq.send_batch(queue_name text, msgs jsonb[], headers jsonb[]) returns setof bigint language sql as $$
    select * from pgmq.send_batch($1, $2, $3, clock_timestamp())
$$;
create function pgmq.send_batch(queue_name text, msgs jsonb[], delay integer) returns setof bigint language sql as $$
    select * from pgmq.send_batch($1, $2, null::jsonb[], clock_timestamp() + make_interval(secs => $3))
$$;
create function pgmq.send_batch(queue_name text, msgs jsonb[], delay timestamptz) returns setof bigint language sql as $$
    select * from pgmq.send_batch($1, $2, null::jsonb[], $3)
$$;
create function pgmq.send_batch(queue_name text, msgs jsonb[], headers jsonb[], delay integer) returns setof bigint language sql as $$
    select * from pgmq.send_batch($1, $2, $3, clock_timestamp() + make_interval(secs => $4))
$$;

create function pgmq.send(queue_name text, msg jsonb, headers jsonb, delay timestamptz) returns setof bigint language plpgsql as $$
begin
    return query execute format(
        'insert into pgmq.%I (vt, message, headers) values ($2, $1, $3) returning msg_id',
        pgmq.format_table_name(queue_name, 'q')) using msg, delay, headers;
end
$$;
create function pgmq.send(queue_name text, msg jsonb) returns setof bigint language sql as $$
    select * from pgmq.send($1, $2, null::jsonb, clock_timestamp())
$$;
create function pgmq.send(queue_name text, msg jsonb, headers jsonb) returns setof bigint language sql as $$
    select * from pgmq.send($1, $2, $3, clock_timestamp())
$$;
create function pgmq.send(queue_name text, msg jsonb, delay integer) returns setof bigint language sql as $$
    select * from pgmq.send($1, $2, null::jsonb, clock_timestamp() + make_interval(secs => $3))
$$;
create function pgmq.send(queue_name text, msg jsonb, delay timestamptz) returns setof bigint language sql as $$
    select * from pgmq.send($1, $2, null::jsonb, $3)
$$;
create function pgmq.send(queue_name text, msg jsonb, headers jsonb, delay integer) returns setof bigint language sql as $$
    select * from pgmq.send($1, $2, $3, clock_timestamp() + make_interval(secs => $4))
$$;

-- Takes up to qty visible messages and hides them for vt seconds. SKIP LOCKED: two readers never get the same one.
create function pgmq.read(queue_name text, vt integer, qty integer, conditional jsonb default '{}')
returns setof pgmq.message_record language plpgsql as $$
begin
    return query execute format(
        'with picked as (
            select msg_id from pgmq.%1$I
            where vt <= clock_timestamp() and ($3 = ''{}''::jsonb or message @> $3)
            order by msg_id limit $1 for update skip locked)
         update pgmq.%1$I m set vt = clock_timestamp() + make_interval(secs => $2), read_ct = m.read_ct + 1
         from picked where m.msg_id = picked.msg_id
         returning m.msg_id, m.read_ct, m.enqueued_at, m.vt, m.message, m.headers',
        pgmq.format_table_name(queue_name, 'q')) using qty, vt, coalesce(conditional, '{}');
end
$$;
create function pgmq.read_with_poll(
    queue_name text, vt integer, qty integer, max_poll_seconds integer default 5, poll_interval_ms integer default 100,
    conditional jsonb default '{}')
returns setof pgmq.message_record language plpgsql as $$
declare
    deadline constant timestamptz := clock_timestamp() + make_interval(secs => max_poll_seconds);
begin
    loop
        return query select * from pgmq.read(queue_name, vt, qty, conditional);
        exit when found or clock_timestamp() >= deadline;
        perform pg_sleep(poll_interval_ms / 1000.0);
    end loop;
end
$$;
create function pgmq.pop(queue_name text) returns setof pgmq.message_record language plpgsql as $$
begin
    return query execute format(
        'with picked as (
            select msg_id from pgmq.%1$I where vt <= clock_timestamp() order by msg_id limit 1 for update skip locked)
         delete from pgmq.%1$I m using picked where m.msg_id = picked.msg_id
         returning m.msg_id, m.read_ct, m.enqueued_at, m.vt, m.message, m.headers',
        pgmq.format_table_name(queue_name, 'q'));
end
$$;

create function pgmq.delete(queue_name text, msg_ids bigint[]) returns setof bigint language plpgsql as $$
begin
    return query execute format('delete from pgmq.%I where msg_id = any ($1) returning msg_id',
        pgmq.format_table_name(queue_name, 'q')) using msg_ids;
end
$$;
create function pgmq.delete(queue_name text, msg_id bigint) returns boolean language sql as $$
    select exists (select from pgmq.delete($1, array[$2]))
$$;
create function pgmq.archive(queue_name text, msg_ids bigint[]) returns setof bigint language plpgsql as $$
begin
    return query execute format(
        'with moved as (
            delete from pgmq.%I where msg_id = any ($1) returning msg_id, read_ct, enqueued_at, vt, message, headers)
         insert into pgmq.%I (msg_id, read_ct, enqueued_at, vt, message, headers)
         select msg_id, read_ct, enqueued_at, vt, message, headers from moved returning msg_id',
        pgmq.format_table_name(queue_name, 'q'), pgmq.format_table_name(queue_name, 'a')) using msg_ids;
end
$$;
create function pgmq.archive(queue_name text, msg_id bigint) returns boolean language sql as $$
    select exists (select from pgmq.archive($1, array[$2]))
$$;
create function pgmq.set_vt(queue_name text, msg_id bigint, vt integer) returns setof pgmq.message_record language plpgsql as $$
begin
    return query execute format(
        'update pgmq.%I set vt = clock_timestamp() + make_interval(secs => $2) where msg_id = $1
         returning msg_id, read_ct, enqueued_at, vt, message, headers',
        pgmq.format_table_name(queue_name, 'q')) using msg_id, vt;
end
$$;
create function pgmq.purge_queue(queue_name text) returns bigint language plpgsql as $$
declare
    removed bigint;
begin
    execute format('select count(*) from pgmq.%I', pgmq.format_table_name(queue_name, 'q')) into removed;
    execute format('truncate table pgmq.%I', pgmq.format_table_name(queue_name, 'q'));
    return removed;
end
$$;

create function pgmq.list_queues() returns setof pgmq.queue_record language sql stable as $$
    select queue_name, is_partitioned, is_unlogged, created_at from pgmq.meta
$$;
create function pgmq.metrics(queue_name text) returns pgmq.metrics_result language plpgsql as $$
declare
    qtable constant text := pgmq.format_table_name($1, 'q');
    answer pgmq.metrics_result;
begin
    execute format(
        'select $1, count(*), extract(epoch from now() - max(enqueued_at))::integer,
                extract(epoch from now() - min(enqueued_at))::integer,
                coalesce(pg_sequence_last_value(pg_get_serial_sequence(%L, ''msg_id'')::regclass), 0), now(),
                count(*) filter (where vt <= now())
         from pgmq.%I', 'pgmq.' || quote_ident(qtable), qtable)
        using $1 into answer;
    return answer;
end
$$;
create function pgmq.metrics_all() returns setof pgmq.metrics_result language sql as $$
    select (pgmq.metrics(m.queue_name)).* from pgmq.meta m
$$;

revoke all on all functions in schema pgmq from public;
do $$
declare
    own regprocedure;
begin
    -- They run as their caller, whose search_path must not decide what `format` is.
    for own in select p.oid from pg_proc p where p.pronamespace = 'pgmq'::regnamespace
               and p.proowner = (select r.oid from pg_roles r where r.rolname = current_user) loop
        execute format('alter function %s set search_path to %L', own, '');
    end loop;
    if to_regrole('postgres') is not null then
        grant all on schema pgmq to postgres with grant option;
        grant all on pgmq.meta to postgres with grant option;
        grant execute on all functions in schema pgmq to postgres with grant option;
    end if;
    if to_regrole('service_role') is not null then
        grant usage on schema pgmq to service_role;
        grant select on pgmq.meta to service_role;
        grant execute on all functions in schema pgmq to service_role;
    end if;
    if to_regrole('pg_monitor') is not null then
        grant usage on schema pgmq to pg_monitor;
        grant select on pgmq.meta to pg_monitor;
    end if;
    begin
        perform pg_catalog.pg_extension_config_dump('pgmq.meta', '');
    exception when feature_not_supported then
        null;
    end;
end
$$;
