-- Migrations log in as `postgres`. What they may do beyond its rights is decided by Basalt, statement by statement: it writes what it
-- allows into a table that only the superuser writes, and the function below runs that and nothing else.

--: elevation as superuser
-- Unlogged: it is of one session, and no publication of all tables has it.
create unlogged table _basalt.elevations (
    -- The session that may run it.
    pid integer not null,
    statement text not null
);
revoke all on table _basalt.elevations from public;
-- Who holds the keys of the house: superusers, roles that reach the server's files and programs, and their members.
create function _basalt.powers() returns text
language sql stable set search_path to pg_catalog, pg_temp as $$
    select coalesce(string_agg(r.oid::text || '-' || coalesce(m.member::text, ''), ' ' order by r.oid, m.member), '')
    from pg_roles r left join pg_auth_members m on m.roleid = r.oid
    where r.rolsuper or r.rolname in ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
$$;
-- An event trigger's function runs as whoever issues the command, be it the superuser: it is made to run as its owner instead.
-- In replica mode, or the one that is not tame yet would hear of the very command that tames it.
create function _basalt.tame_event_functions() returns void
language plpgsql set search_path to pg_catalog, pg_temp set session_replication_role to replica as $$
declare
    wild regprocedure;
begin
    for wild in
        select p.oid from pg_event_trigger e join pg_proc p on p.oid = e.evtfoid join pg_roles o on o.oid = p.proowner
        where not p.prosecdef and not o.rolsuper
    loop
        execute format('alter function %s security definer', wild);
    end loop;
end
$$;
-- `path`: the search path by which the statement's names are found. It never holds while anything else of this function runs.
create function _basalt.elevated(statement text, path text) returns void
language plpgsql security definer set search_path to pg_catalog, pg_temp as $$
declare
    powers constant text := _basalt.powers();
begin
    if not exists (select from _basalt.elevations e where e.pid = pg_backend_pid() and e.statement = elevated.statement) then
        raise exception using errcode = 'insufficient_privilege', message = 'Basalt has not allowed this statement';
    end if;
    perform set_config('search_path', path, true);
    execute statement;
    perform pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    perform _basalt.tame_event_functions();
    if _basalt.powers() <> powers then
        raise exception using errcode = 'insufficient_privilege', message = 'this statement would give rights that postgres does not have';
    end if;
end
$$;
revoke all on function _basalt.powers(), _basalt.tame_event_functions(), _basalt.elevated(text, text) from public;
grant usage on schema _basalt to postgres;
grant execute on function _basalt.elevated(text, text) to postgres;
create function _basalt.keep_event_functions_tame() returns event_trigger
language plpgsql security definer set search_path to pg_catalog, pg_temp as $$
begin
    perform _basalt.tame_event_functions();
end
$$;
create event trigger basalt_event_functions on ddl_command_end
    when tag in ('CREATE FUNCTION', 'ALTER FUNCTION', 'ALTER ROUTINE', 'CREATE EXTENSION', 'ALTER EXTENSION')
    execute function _basalt.keep_event_functions_tame();
-- Also where a session turns ordinary triggers off.
alter event trigger basalt_event_functions enable always;
select _basalt.tame_event_functions();
