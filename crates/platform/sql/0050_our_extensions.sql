-- Our own extensions that a hosted (vault) or local (net, jwt) project finds created. pg_cron and pgmq wait for a
-- `create extension` of the project: many projects write it without `if not exists`.

--: ours as superuser
do $$
begin
    if exists (select from pg_catalog.pg_available_extensions where name = 'supabase_vault' and installed_version is null) then
        create extension supabase_vault with schema vault;
    end if;
end
$$;
-- Owned by `postgres`: a migration made by a diff begins with `drop extension if exists "pg_net"`.
set local role postgres;
do $$
declare
    extension text;
begin
    foreach extension in array array['pg_net', 'pgjwt'] loop
        if exists (select from pg_catalog.pg_available_extensions where name = extension and installed_version is null) then
            execute format('create extension %I with schema extensions', extension);
        end if;
    end loop;
end
$$;
