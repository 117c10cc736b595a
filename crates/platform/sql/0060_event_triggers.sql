-- DDL makes the schema cache reload, and a real pg_graphql takes the place of the placeholder.
-- WHEN TAG keeps every other command free of cost; several notices of one transaction are one.

--: event triggers as superuser
create or replace function extensions.pgrst_ddl_watch() returns event_trigger
language plpgsql security definer set search_path to '' as $$
begin
    if exists (select from pg_catalog.pg_event_trigger_ddl_commands() c where c.schema_name is distinct from 'pg_temp') then
        notify pgrst, 'reload schema';
    end if;
end
$$;
create or replace function extensions.pgrst_drop_watch() returns event_trigger
language plpgsql security definer set search_path to '' as $$
begin
    if exists (
        select from pg_catalog.pg_event_trigger_dropped_objects() o
        where not o.is_temporary
          and o.object_type in ('schema', 'table', 'foreign table', 'view', 'materialized view', 'table column', 'table constraint',
                                'function', 'procedure', 'aggregate', 'trigger', 'type', 'rule', 'policy', 'extension')
    ) then
        notify pgrst, 'reload schema';
    end if;
end
$$;
create or replace function extensions.set_graphql_placeholder() returns event_trigger
language plpgsql security definer set search_path to '' as $$
begin
    if exists (select from pg_catalog.pg_event_trigger_dropped_objects() o
               where o.object_type = 'extension' and o.object_name = 'pg_graphql') then
        create or replace function graphql_public.graphql(
            "operationName" text default null, query text default null, variables jsonb default null, extensions jsonb default null)
        returns jsonb language sql stable as $body$
            select pg_catalog.jsonb_build_object('errors', pg_catalog.jsonb_build_array(
                pg_catalog.jsonb_build_object('message', 'pg_graphql extension is not enabled.')))
        $body$;
    end if;
end
$$;
create or replace function extensions.grant_pg_graphql_access() returns event_trigger
language plpgsql security definer set search_path to '' as $$
begin
    -- At the end of the whole CREATE EXTENSION: inside of it, an object that is no member could not be replaced.
    if exists (select from pg_catalog.pg_event_trigger_ddl_commands() c
               where c.object_type = 'extension' and c.object_identity = 'pg_graphql') then
        create or replace function graphql_public.graphql(
            "operationName" text default null, query text default null, variables jsonb default null, extensions jsonb default null)
        returns jsonb language sql as $body$
            select graphql.resolve(query := query, variables := coalesce(variables, '{}'),
                                   "operationName" := "operationName", extensions := extensions)
        $body$;
        grant usage on schema graphql, graphql_public to postgres with grant option;
        grant usage on schema graphql to anon, authenticated, service_role;
        grant execute on all functions in schema graphql to postgres, anon, authenticated, service_role;
    end if;
end
$$;
do $$
begin
    if not exists (select from pg_catalog.pg_event_trigger where evtname = 'pgrst_ddl_watch') then
        create event trigger pgrst_ddl_watch on ddl_command_end
            when tag in ('CREATE SCHEMA', 'ALTER SCHEMA', 'CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE',
                         'CREATE FOREIGN TABLE', 'ALTER FOREIGN TABLE', 'CREATE VIEW', 'ALTER VIEW', 'CREATE MATERIALIZED VIEW',
                         'ALTER MATERIALIZED VIEW', 'CREATE FUNCTION', 'ALTER FUNCTION', 'CREATE PROCEDURE', 'ALTER PROCEDURE',
                         'CREATE AGGREGATE', 'CREATE TRIGGER', 'CREATE TYPE', 'ALTER TYPE', 'CREATE DOMAIN', 'ALTER DOMAIN',
                         'CREATE RULE', 'CREATE POLICY', 'ALTER POLICY', 'CREATE EXTENSION', 'ALTER EXTENSION', 'COMMENT',
                         'GRANT', 'REVOKE')
            execute function extensions.pgrst_ddl_watch();
    end if;
    if not exists (select from pg_catalog.pg_event_trigger where evtname = 'pgrst_drop_watch') then
        create event trigger pgrst_drop_watch on sql_drop execute function extensions.pgrst_drop_watch();
    end if;
    if not exists (select from pg_catalog.pg_event_trigger where evtname = 'issue_graphql_placeholder') then
        create event trigger issue_graphql_placeholder on sql_drop when tag in ('DROP EXTENSION')
            execute function extensions.set_graphql_placeholder();
    end if;
    if not exists (select from pg_catalog.pg_event_trigger where evtname = 'issue_pg_graphql_access') then
        create event trigger issue_pg_graphql_access on ddl_command_end when tag in ('CREATE EXTENSION')
            execute function extensions.grant_pg_graphql_access();
    end if;
end
$$;
