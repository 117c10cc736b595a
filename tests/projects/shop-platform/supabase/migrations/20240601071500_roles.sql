do $$ begin
  if not exists (select from pg_roles where rolname = 'shop_staff') then
    create role shop_staff nologin noinherit;
  end if;
  if not exists (select from pg_roles where rolname = 'shop_reader') then
    create role shop_reader;
  end if;
end $$;
grant shop_staff, shop_reader to authenticator;
grant authenticated to shop_staff;
grant shop_reader to postgres;
alter role shop_staff set statement_timeout = '15s';

create schema storefront authorization postgres;
grant usage on schema storefront to anon, authenticated, service_role, shop_staff;
grant usage on schema public, extensions to shop_staff, shop_reader;

alter default privileges in schema public revoke all on tables from anon;
alter default privileges for role postgres in schema public grant select, insert, update, delete on tables to shop_staff;
alter default privileges in schema public grant select on tables to shop_reader;
alter default privileges in schema storefront grant select on tables to anon, authenticated;
alter default privileges revoke execute on functions from public;
alter default privileges in schema storefront grant execute on functions to anon, authenticated, service_role;

alter role authenticator set pgrst.db_schemas = 'public, storefront';
notify pgrst, 'reload config';
