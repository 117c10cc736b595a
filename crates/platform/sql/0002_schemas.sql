-- Schemas, who may enter them, and what each creating role gives away by default.
-- Default privileges bind to the creating role: both that create in `public` have them.

--: as superuser
create schema if not exists auth;
create schema if not exists storage;
create schema if not exists realtime;
create schema if not exists _realtime;
create schema if not exists extensions;
create schema if not exists vault;
create schema if not exists graphql;
create schema if not exists graphql_public;
create schema if not exists cron;
create schema if not exists net;
create schema if not exists pgmq;
create schema if not exists pgbouncer;
-- `create extension pgsodium with schema pgsodium` wants it to be there.
create schema if not exists pgsodium;
create schema if not exists supabase_functions;
create schema if not exists supabase_migrations authorization postgres;

--: as managed
create schema if not exists auth;
create schema if not exists storage;
create schema if not exists realtime;
create schema if not exists extensions;
create schema if not exists graphql;
create schema if not exists graphql_public;
create schema if not exists supabase_functions;
create schema if not exists supabase_migrations;

--: public schema
grant usage on schema public to anon, authenticated, service_role;

--: grants as superuser
grant usage, create on schema public to postgres;
grant all on schema auth to supabase_auth_admin;
grant usage, create on schema auth to dashboard_user;
grant usage on schema auth to anon, authenticated, service_role;
grant all on schema auth to postgres with grant option;

grant all on schema storage to supabase_storage_admin with grant option;
grant usage on schema storage to anon, authenticated, service_role;
grant all on schema storage to postgres with grant option;
grant usage, create on schema storage to dashboard_user;

grant all on schema realtime to supabase_realtime_admin with grant option;
grant usage on schema realtime to anon, authenticated, service_role;
grant usage on schema realtime to postgres with grant option;
grant usage on schema realtime to dashboard_user;
grant all on schema _realtime to supabase_realtime_admin;

-- The owner stays the superuser: an owner may drop what others own in it, and then put its own in the place.
grant usage on schema extensions to public;
grant all on schema extensions to postgres with grant option;
grant all on schema extensions to dashboard_user;
grant usage on schema extensions to anon, authenticated, service_role;

grant usage on schema vault to postgres with grant option;
grant usage on schema vault to service_role;

grant usage on schema graphql, graphql_public to postgres with grant option;
grant usage on schema graphql, graphql_public to anon, authenticated, service_role;

grant usage on schema cron to postgres with grant option;
grant usage on schema net to postgres with grant option;
grant usage on schema net to supabase_functions_admin, anon, authenticated, service_role;
grant all on schema pgmq to postgres with grant option;
grant usage on schema pgmq to service_role;

grant usage on schema pgbouncer to pgbouncer;

grant all on schema supabase_functions to supabase_functions_admin;
grant usage on schema supabase_functions to postgres, anon, authenticated, service_role;

--: grants as managed
grant usage on schema auth, storage, realtime, extensions, graphql, graphql_public, supabase_functions
    to anon, authenticated, service_role;
grant all on schema auth to supabase_auth_admin;
grant all on schema storage to supabase_storage_admin;
grant all on schema realtime to supabase_realtime_admin;
grant usage on schema public to supabase_auth_admin;

--: default privileges as superuser
do $$
declare
    creator text;
begin
    foreach creator in array array['postgres', 'supabase_admin'] loop
        execute format('alter default privileges for role %I in schema public grant all on tables '
                       'to postgres, anon, authenticated, service_role', creator);
        execute format('alter default privileges for role %I in schema public grant all on functions '
                       'to postgres, anon, authenticated, service_role', creator);
        execute format('alter default privileges for role %I in schema public grant all on sequences '
                       'to postgres, anon, authenticated, service_role', creator);
        execute format('alter default privileges for role %I in schema storage grant all on tables '
                       'to postgres, anon, authenticated, service_role', creator);
        execute format('alter default privileges for role %I in schema storage grant all on functions '
                       'to postgres, anon, authenticated, service_role', creator);
        execute format('alter default privileges for role %I in schema storage grant all on sequences '
                       'to postgres, anon, authenticated, service_role', creator);
    end loop;
end
$$;
alter default privileges for role supabase_auth_admin in schema auth grant all on tables to postgres, dashboard_user;
alter default privileges for role supabase_auth_admin in schema auth grant all on sequences to postgres, dashboard_user;
alter default privileges for role supabase_auth_admin in schema auth grant all on functions to postgres, dashboard_user;
alter default privileges for role supabase_storage_admin in schema storage
    grant all on tables to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_storage_admin in schema storage
    grant all on functions to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_storage_admin in schema storage
    grant all on sequences to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_realtime_admin in schema realtime grant all on tables to postgres, dashboard_user;
alter default privileges for role supabase_realtime_admin in schema realtime grant all on sequences to postgres, dashboard_user;
alter default privileges for role supabase_realtime_admin in schema realtime grant all on functions to postgres, dashboard_user;
alter default privileges for role supabase_admin in schema extensions grant all on tables to postgres with grant option;
alter default privileges for role supabase_admin in schema extensions grant all on functions to postgres with grant option;
alter default privileges for role supabase_admin in schema extensions grant all on sequences to postgres with grant option;
alter default privileges for role supabase_admin in schema graphql, graphql_public
    grant all on tables to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema graphql, graphql_public
    grant all on functions to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema graphql, graphql_public
    grant all on sequences to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_functions_admin in schema supabase_functions
    grant all on tables to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_functions_admin in schema supabase_functions
    grant all on functions to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_functions_admin in schema supabase_functions
    grant all on sequences to postgres, anon, authenticated, service_role;

--: default privileges as managed
alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges in schema public grant all on functions to anon, authenticated, service_role;
alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;
