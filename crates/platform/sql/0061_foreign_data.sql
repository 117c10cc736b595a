-- Foreign data wrappers belong to a superuser; on the hosted platform `postgres` makes servers of them all the same.

--: foreign data as superuser
create function _basalt.open_wrappers() returns void
language plpgsql set search_path to pg_catalog, pg_temp as $$
declare
    wrapper name;
begin
    for wrapper in
        select fdwname from pg_foreign_data_wrapper where not has_foreign_data_wrapper_privilege('postgres', oid, 'usage with grant option')
    loop
        execute format('grant usage on foreign data wrapper %I to postgres with grant option', wrapper);
    end loop;
end
$$;
create function _basalt.keep_wrappers_open() returns event_trigger
language plpgsql security definer set search_path to pg_catalog, pg_temp as $$
begin
    perform _basalt.open_wrappers();
end
$$;
revoke all on function _basalt.open_wrappers(), _basalt.keep_wrappers_open() from public;
create event trigger basalt_wrappers on ddl_command_end
    when tag in ('CREATE EXTENSION', 'CREATE FOREIGN DATA WRAPPER')
    execute function _basalt.keep_wrappers_open();
select _basalt.open_wrappers();
