-- pg_tle: accepted, so that a folder which names it starts; installing an extension through it says that it is not there.
-- The script runs as superuser: nothing that a project put into a schema may stand in for a function named here.
set local search_path to pg_catalog, pg_temp;
do $$
begin
    raise warning 'pg_tle is accepted but does nothing here'
        using hint = 'Put the SQL of the extension into a migration instead.';
end
$$;
create function @extschema@.install_extension(
    name text, version text, description text, ext text, requires text[] default null, schema text default null)
returns boolean language plpgsql as $$
begin
    -- What the tests of many projects fetch from database.dev is here already.
    if name in ('supabase-dbdev', 'basejump-supabase_test_helpers') then
        return true;
    end if;
    raise exception 'pgtle.install_extension() is not available here'
        using errcode = '0A000', hint = 'Put the SQL of extension "' || name || '" into a migration instead.';
end
$$;
create function @extschema@.uninstall_extension(extname text) returns boolean language sql as $$ select false $$;
create function @extschema@.uninstall_extension_if_exists(extname text) returns boolean language sql as $$ select false $$;
create function @extschema@.available_extensions(out name name, out default_version text, out comment text)
returns setof record language sql as $$ select null::name, null::text, null::text where false $$;
do $$
begin
    if to_regrole('postgres') is not null then
        grant usage on schema @extschema@ to postgres with grant option;
    end if;
end
$$;
