-- dbdev: tests install their helpers by it. A package that Basalt brings is there; another one would have to be fetched.
create schema if not exists dbdev;
create function dbdev.install(package_name text) returns boolean language plpgsql set search_path to pg_catalog, pg_temp as $$
begin
    if package_name in ('supabase-dbdev', 'basejump-supabase_test_helpers') then
        return true;
    end if;
    raise exception 'package "%" of database.dev is not available here', package_name
        using errcode = '0A000', hint = 'Put its SQL into a migration or a test instead.';
end
$$;
