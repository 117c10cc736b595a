-- Our own extensions that a hosted (vault) or local (net, jwt) project finds created. pg_cron and pgmq wait for a
-- `create extension` of the project: many projects write it without `if not exists`.

--: ours as superuser
do $$
declare
    extension text[];
begin
    foreach extension slice 1 in array array[['supabase_vault', 'vault'], ['pg_net', 'extensions'], ['pgjwt', 'extensions']] loop
        if exists (select from pg_catalog.pg_available_extensions where name = extension[1] and installed_version is null) then
            execute format('create extension %I with schema %I', extension[1], extension[2]);
        end if;
    end loop;
end
$$;
