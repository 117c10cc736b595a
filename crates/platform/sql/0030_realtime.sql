-- Schema `realtime`: messages that are broadcast from the database, and the rows that private channels are judged by.
-- Projects write policies on realtime.messages, call realtime.send() and broadcast_changes(), and fill a publication.

--: schema as managed
-- Where roles and grants were adopted, this schema may be missing all the same.
create schema if not exists realtime;
grant usage on schema realtime to anon, authenticated, service_role;

--: as superuser
set local role supabase_realtime_admin;

--: types
create type realtime.action as enum ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'ERROR');
create type realtime.equality_op as enum ('eq', 'neq', 'lt', 'lte', 'gt', 'gte', 'in', 'like', 'ilike', 'is', 'match', 'imatch',
    'isdistinct');
create type realtime.user_defined_filter as (column_name text, op realtime.equality_op, value text);
create type realtime.wal_column as (name text, type_name text, type_oid oid, value jsonb, is_pkey boolean, is_selectable boolean);
create type realtime.wal_rls as (wal jsonb, is_rls_enabled boolean, subscription_ids uuid[], errors text[]);

--: tables
create table realtime.schema_migrations (
    version bigint not null,
    inserted_at timestamp(0),
    constraint schema_migrations_pkey primary key (version)
);

create table realtime.messages (
    topic text not null,
    extension text not null,
    payload jsonb,
    event text,
    private boolean default false,
    updated_at timestamp default now() not null,
    inserted_at timestamp default now() not null,
    id uuid default gen_random_uuid() not null,
    binary_payload bytea,
    constraint messages_pkey primary key (id, inserted_at)
) partition by range (inserted_at);
-- Rows go here until the realtime service makes a partition for their day: a send must never fail for want of one.
create table realtime.messages_default partition of realtime.messages default;
create index messages_inserted_at_topic_index on realtime.messages (inserted_at desc, topic)
    where extension = 'broadcast' and private is true;
alter table realtime.messages enable row level security;
alter table realtime.messages_default enable row level security;

create function realtime.to_regrole(role_name text) returns regrole language sql immutable as $$ select role_name::regrole $$;

create table realtime.subscription (
    id bigint generated always as identity,
    subscription_id uuid not null,
    entity regclass not null,
    filters realtime.user_defined_filter[] default '{}' not null,
    claims jsonb not null,
    claims_role regrole generated always as (realtime.to_regrole(claims ->> 'role')) stored not null,
    created_at timestamp default timezone('utc', now()) not null,
    action_filter text default '*',
    selected_columns text[],
    constraint pk_subscription primary key (id),
    constraint subscription_action_filter_check check (action_filter in ('*', 'INSERT', 'UPDATE', 'DELETE'))
);
create index ix_realtime_subscription_entity on realtime.subscription (entity);

--: functions
-- The channel that is being joined or written to, for policies on realtime.messages.
create function realtime.topic() returns text language sql stable as $$
    select nullif(current_setting('realtime.topic', true), '')::text
$$;

-- A broadcast that cannot be stored must not fail the transaction that caused it: the reason is a warning.
create function realtime.send(payload jsonb, event text, topic text, private boolean default true) returns void
language plpgsql as $$
declare
    message_id constant uuid := gen_random_uuid();
begin
    perform set_config('realtime.topic', topic, true);
    insert into realtime.messages (id, payload, event, topic, private, extension)
    values (message_id,
            case when jsonb_typeof(payload) = 'object' and not payload ? 'id'
                 then payload || jsonb_build_object('id', message_id) else payload end,
            event, topic, private, 'broadcast');
exception when others then
    raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end
$$;

create function realtime.send_binary(payload bytea, event text, topic text, private boolean default true) returns void
language plpgsql as $$
begin
    perform set_config('realtime.topic', topic, true);
    insert into realtime.messages (id, binary_payload, event, topic, private, extension)
    values (gen_random_uuid(), payload, event, topic, private, 'broadcast');
exception when others then
    raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end
$$;

-- For row triggers: the change as a message on a private channel.
create function realtime.broadcast_changes(
    topic_name text, event_name text, operation text, table_name text, table_schema text,
    new record, old record, level text default 'ROW') returns void
language plpgsql as $$
begin
    if level = 'STATEMENT' then
        raise exception 'function can only be triggered for each row, not for each statement';
    end if;
    if operation not in ('INSERT', 'UPDATE', 'DELETE') then
        raise exception 'Unexpected operation type: %', operation;
    end if;
    perform realtime.send(
        jsonb_build_object('old_record', old, 'record', new, 'operation', operation, 'table', table_name, 'schema', table_schema),
        event_name, topic_name);
exception when others then
    raise exception 'Failed to process the row: %', sqlerrm;
end
$$;

--: grants as superuser
grant select, insert, update on realtime.messages to postgres with grant option;
grant all on realtime.subscription to postgres, dashboard_user;
grant execute on all functions in schema realtime to postgres with grant option;
revoke all on realtime.schema_migrations from postgres, dashboard_user;

--: grants
grant select, insert, update on realtime.messages to anon, authenticated, service_role;
grant select on realtime.subscription to anon, authenticated, service_role;
alter table realtime.subscription enable row level security;

--: publications as superuser
reset role;
do $$
begin
    -- An empty one, owned by the role that migrations run as: `alter publication … add table` needs its owner.
    if not exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime') then
        create publication supabase_realtime;
    end if;
    alter publication supabase_realtime owner to postgres;
    if not exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime_messages_publication') then
        create publication supabase_realtime_messages_publication for table realtime.messages;
    end if;
end
$$;

--: publications as managed
do $$
begin
    if not exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime') then
        create publication supabase_realtime;
    end if;
end
$$;
