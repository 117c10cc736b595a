create extension if not exists citext with schema extensions;
create extension if not exists pg_trgm with schema extensions;
create extension if not exists unaccent with schema extensions;
create extension if not exists pgjwt with schema extensions;
create extension if not exists pg_stat_statements with schema extensions;
create extension if not exists dblink with schema extensions;
create extension if not exists moddatetime with schema extensions;
create extension if not exists http with schema extensions;
create extension if not exists pgsodium;
create extension if not exists pg_tle;
create extension if not exists pg_graphql;
select pgtle.uninstall_extension_if_exists('supabase-dbdev');

grant pgsodium_keyiduser to service_role;
grant usage on schema extensions to anon, authenticated, service_role;
