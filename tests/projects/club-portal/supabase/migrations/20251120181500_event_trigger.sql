-- `db pull` leaves event triggers out; production has this one already.
do $$
begin
  if not exists (select 1 from pg_event_trigger where evtname = 'ensure_rls') then
    create event trigger ensure_rls
      on ddl_command_end
      when tag in ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO')
      execute function public.rls_auto_enable();
  end if;
end $$;
alter event trigger ensure_rls owner to postgres;

do $$
begin
  if not exists (select 1 from pg_roles where rolname = 'club_exporter') then
    create role club_exporter with login password 'only-here' bypassrls;
  end if;
end $$;
grant select on public.members to club_exporter;

create table public.fees (member_id bigint references public.members, cents int not null);

-- The accounts live in another database.
create extension if not exists postgres_fdw with schema extensions;
create server if not exists accounts foreign data wrapper postgres_fdw options (host 'accounts.internal', dbname 'accounts');
create user mapping if not exists for postgres server accounts options (user 'reader', password 'only-there');
create foreign table public.bookings (id bigint, cents int) server accounts;

alter database postgres set "app.settings.club" to 'rowing';
