-- What many projects test with: users by name, acting as one of them, a fixed time. Runs as the role that creates it, and belongs to it.
create schema if not exists tests;
create schema if not exists test_overrides;

-- A user by a name that is the test's own. Gives the id.
create function tests.create_supabase_user(
    identifier text, email text default null, phone text default null, metadata jsonb default null)
returns uuid language plpgsql security definer set search_path to pg_catalog, pg_temp as $$
declare
    user_id constant uuid := gen_random_uuid();
begin
    insert into auth.users (id, email, phone, raw_user_meta_data, raw_app_meta_data, created_at, updated_at)
    values (user_id, coalesce(email, user_id || '@test.com'), phone,
            jsonb_build_object('test_identifier', identifier) || coalesce(metadata, '{}'), '{}', now(), now());
    return user_id;
end
$$;

create function tests.get_supabase_user(identifier text)
returns json language plpgsql security definer set search_path to pg_catalog, pg_temp as $$
declare
    found json;
begin
    select json_build_object('id', u.id, 'email', u.email, 'phone', u.phone,
                             'raw_user_meta_data', u.raw_user_meta_data, 'raw_app_meta_data', u.raw_app_meta_data)
    into found from auth.users u where u.raw_user_meta_data ->> 'test_identifier' = identifier limit 1;
    if found is null then
        raise exception 'User with identifier % not found', identifier;
    end if;
    return found;
end
$$;

create function tests.get_supabase_uid(identifier text)
returns uuid language plpgsql security definer set search_path to pg_catalog, pg_temp as $$
begin
    return (tests.get_supabase_user(identifier) ->> 'id')::uuid;
end
$$;

-- From here to the end of the transaction what runs is this user's.
create function tests.authenticate_as(identifier text) returns void language plpgsql as $$
declare
    person constant json := tests.get_supabase_user(identifier);
begin
    perform pg_catalog.set_config('role', 'authenticated', true);
    perform pg_catalog.set_config('request.jwt.claims', pg_catalog.json_build_object(
        'sub', person ->> 'id', 'role', 'authenticated', 'email', person ->> 'email', 'phone', person ->> 'phone',
        'user_metadata', person -> 'raw_user_meta_data', 'app_metadata', person -> 'raw_app_meta_data')::text, true);
end
$$;

create function tests.authenticate_as_service_role() returns void language plpgsql as $$
begin
    perform pg_catalog.set_config('role', 'service_role', true);
    perform pg_catalog.set_config('request.jwt.claims', null, true);
end
$$;

create function tests.clear_authentication() returns void language plpgsql as $$
begin
    perform pg_catalog.set_config('role', 'anon', true);
    perform pg_catalog.set_config('request.jwt.claims', null, true);
end
$$;

-- Tests of pgTAP, which is found on the search path when they run.
create function tests.rls_enabled(testing_schema text) returns text language plpgsql as $$
declare
    result text;
    open_tables constant integer := (
        select pg_catalog.count(*) from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where n.nspname = testing_schema and c.relkind in ('r', 'p') and not c.relrowsecurity);
begin
    select is(open_tables, 0, 'All tables in the ' || testing_schema || ' schema should have row level security enabled') into result;
    return result;
end
$$;
create function tests.rls_enabled(testing_schema text, testing_table text) returns text language plpgsql as $$
declare
    result text;
    closed_tables constant integer := (
        select pg_catalog.count(*) from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where n.nspname = testing_schema and c.relname = testing_table and c.relrowsecurity);
begin
    select is(closed_tables, 1, testing_table || ' table in the ' || testing_schema || ' schema should have row level security enabled')
    into result;
    return result;
end
$$;

-- now() of a schema that comes before PostgreSQL's own on the search path.
create function test_overrides.now() returns timestamptz language sql stable as $$
    select coalesce(nullif(pg_catalog.current_setting('tests.frozen_time', true), '')::timestamptz, pg_catalog.now())
$$;
create function tests.freeze_time(frozen_time timestamptz) returns void language plpgsql as $$
declare
    path constant text := pg_catalog.current_setting('search_path');
begin
    if not pg_catalog.starts_with(path, 'test_overrides,') then
        perform pg_catalog.set_config('tests.original_search_path', path, true);
        perform pg_catalog.set_config('search_path', 'test_overrides,' || path || ',pg_catalog', true);
    end if;
    perform pg_catalog.set_config('tests.frozen_time', frozen_time::text, true);
end
$$;
create function tests.unfreeze_time() returns void language plpgsql as $$
begin
    perform pg_catalog.set_config('tests.frozen_time', '', true);
    if pg_catalog.starts_with(pg_catalog.current_setting('search_path'), 'test_overrides,') then
        perform pg_catalog.set_config('search_path', pg_catalog.current_setting('tests.original_search_path', true), true);
    end if;
end
$$;

grant usage on schema tests, test_overrides to anon, authenticated, service_role;
grant execute on all functions in schema tests, test_overrides to anon, authenticated, service_role;
