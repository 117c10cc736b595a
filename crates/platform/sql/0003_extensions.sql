-- What a hosted project finds created, where the files exist. A missing one is PostgreSQL's packaging, not our failure.

--: default extensions as superuser
do $$
begin
    if exists (select from pg_catalog.pg_available_extensions
               where name = 'pg_stat_statements' and installed_version is null) then
        create extension pg_stat_statements with schema extensions;
    end if;
end
$$;
-- Owned by `postgres`, so that a project may drop or move them, as migrations made by a diff do.
set local role postgres;

--: default extensions
do $$
declare
    extension text;
begin
    foreach extension in array array['pgcrypto', 'uuid-ossp'] loop
        if exists (select from pg_catalog.pg_available_extensions where name = extension and installed_version is null) then
            execute format('create extension %I with schema extensions', extension);
        end if;
    end loop;
end
$$;
