-- What a hosted project finds created, where the files exist. A missing one is PostgreSQL's packaging, not our failure.

--: default extensions
do $$
declare
    extension text;
begin
    foreach extension in array array['pgcrypto', 'uuid-ossp', 'pg_stat_statements'] loop
        if exists (select from pg_catalog.pg_available_extensions where name = extension and installed_version is null) then
            execute format('create extension %I with schema extensions', extension);
        end if;
    end loop;
end
$$;
