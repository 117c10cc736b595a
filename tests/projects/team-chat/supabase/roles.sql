-- Roles of our own; `supabase db dump --role-only` wrote the last lines.
do $$
begin
  if not exists (select from pg_roles where rolname = 'reporting') then
    create role reporting nologin;
  end if;
end $$;
grant reporting to postgres;

ALTER ROLE "anon" SET "statement_timeout" TO '3s';
ALTER ROLE "authenticated" SET "statement_timeout" TO '8s';
ALTER ROLE "authenticator" SET "statement_timeout" TO '8s';
RESET ALL;
