-- The schema of faults.sql, mended: nothing is to be found.
set role postgres;
alter default privileges for role postgres in schema public revoke truncate on tables from anon, authenticated;
alter default privileges for role postgres revoke execute on functions from public;
alter default privileges for role postgres in schema public revoke execute on functions from anon, authenticated, service_role;
create schema private;
grant usage on schema private to anon, authenticated;

create table public.shops (id uuid primary key default gen_random_uuid(), owner uuid not null, name text);
create index shops_owner on public.shops (owner);
alter table public.shops enable row level security;
create policy own on public.shops for select to authenticated using (owner = (select auth.uid()));
create table public.orders (id uuid primary key default gen_random_uuid(), shop uuid not null references public.shops, buyer uuid not null);
create index orders_shop on public.orders (shop);
create index orders_buyer on public.orders (buyer);
alter table public.orders enable row level security;
create policy own on public.orders for select to authenticated using (buyer = (select auth.uid()));

create table public.per_row (id uuid primary key, owner uuid not null, body text);
create index per_row_owner on public.per_row (owner);
alter table public.per_row enable row level security;
create policy own on public.per_row for select to authenticated using (owner = (select auth.uid()));

create table public.keyless (id uuid primary key, body text);
alter table public.keyless enable row level security;
create policy staff on public.keyless for select to authenticated using ((select auth.uid()) = '00000000-0000-0000-0000-000000000001');

create table public.unused (id uuid primary key, body text);
alter table public.unused enable row level security;
create policy staff on public.unused for select to authenticated using (id = (select auth.uid()));

create table public.two_doors (id uuid primary key, body text, shown boolean not null default false);
alter table public.two_doors enable row level security;
create policy own on public.two_doors for select to authenticated using (shown or id = (select auth.uid()));

create table public.asleep (id uuid primary key, body text);
alter table public.asleep enable row level security;
create policy own on public.asleep for select to authenticated using (id = (select auth.uid()));

create table public.shut (id uuid primary key, body text);
alter table public.shut enable row level security;
create policy server on public.shut to service_role using (true) with check (true);

create table public.twins (id uuid primary key, body text);
create index twins_one on public.twins (body);
alter table public.twins enable row level security;
create policy own on public.twins for select to authenticated using (id = (select auth.uid()));

create view public.as_owner with (security_invoker = true) as select id, name from public.shops;
grant select on public.as_owner to authenticated;

create function public.loose() returns int language sql stable set search_path = '' as $$ select 1 $$;
grant execute on function public.loose() to authenticated;

create table public.by_metadata (id uuid primary key, body text);
alter table public.by_metadata enable row level security;
create policy staff on public.by_metadata for select to authenticated
  using (((select auth.jwt()) -> 'app_metadata' ->> 'role') = 'staff');

create materialized view private.totals as select count(*) as n from public.shops;

create table public.registered (id uuid primary key, kind text);
alter table public.registered enable row level security;
create policy own on public.registered for select to authenticated using (id = (select auth.uid()));

create table public.patients (id uuid primary key, ssn text, password text);
alter table public.patients enable row level security;
create policy own on public.patients for select to authenticated using (id = (select auth.uid()));

create table public.open_writes (id uuid primary key, body text);
alter table public.open_writes enable row level security;
create policy own on public.open_writes for insert to authenticated with check (id = (select auth.uid()));

insert into storage.buckets (id, name, public) values ('posters', 'posters', true);
create policy "own posters" on storage.objects for select to authenticated
  using (bucket_id = 'posters' and (storage.foldername(name))[1] = (select auth.uid())::text);

create function public.definer() returns int language sql stable set search_path = '' as $$ select 1 $$;
grant execute on function public.definer() to anon, authenticated;


-- Ours.

create table public.people (id uuid primary key, is_boss boolean not null default false, name text);
alter table public.people enable row level security;
revoke insert, update on public.people from anon, authenticated;
create function private.is_boss() returns boolean language sql stable security definer set search_path = ''
  as $$ select exists (select from public.people p where p.id = (select auth.uid()) and p.is_boss) $$;
grant execute on function private.is_boss() to authenticated;
create policy bosses on public.people for select to authenticated
  using ((select private.is_boss()));

create table public.teams (id uuid primary key, name text);
create table public.team_members (team uuid not null references public.teams, member uuid not null, primary key (team, member));
create index team_members_member on public.team_members (member);
alter table public.teams enable row level security;
alter table public.team_members enable row level security;
create view public.my_teams with (security_invoker = true) as select id from public.teams;
create policy members on public.teams for select to authenticated
  using (id in (select m.team from public.team_members m where m.member = (select auth.uid())));
create policy members on public.team_members for select to authenticated using (member = (select auth.uid()));

create table public.by_function (id uuid primary key, parent uuid);
alter table public.by_function enable row level security;
create function private.parent_of(wanted uuid) returns uuid language sql stable security definer set search_path = ''
  as $$ select parent from public.by_function where id = wanted $$;
create policy family on public.by_function for select to authenticated
  using (id = (select auth.uid()) or private.parent_of(id) = (select auth.uid()));

create table public.accounts (id uuid primary key, name text, credits int not null default 0);
alter table public.accounts enable row level security;
revoke insert, update on public.accounts from anon, authenticated;
grant update (name) on public.accounts to authenticated;
create policy see on public.accounts for select to authenticated using (id = (select auth.uid()));
create policy change on public.accounts for update to authenticated
  using (id = (select auth.uid())) with check (id = (select auth.uid()));

create table public.workers (id uuid primary key, department text);
alter table public.workers enable row level security;
revoke insert, update on public.workers from anon, authenticated;
create policy change on public.workers for update to authenticated
  using (id = (select auth.uid())) with check (id = (select auth.uid()));
create function private.is_in(wanted text) returns boolean language sql stable security definer set search_path = ''
  as $$ select exists (select 1 from public.workers w where w.id = (select auth.uid()) and w.department = wanted) $$;
grant execute on function private.is_in(text) to authenticated;
create table public.ledgers (id uuid primary key, amount int);
alter table public.ledgers enable row level security;
create policy accounting on public.ledgers for select to authenticated using ((select private.is_in('accounting')));

create table public.gifts (id uuid primary key, holder uuid not null, body text check (body <> ''));
create index gifts_holder on public.gifts (holder);
alter table public.gifts enable row level security;
create policy change on public.gifts for update to authenticated
  using (holder = (select auth.uid())) with check (holder = (select auth.uid()) and body is not null);

create table public.remarks (id uuid primary key, shop uuid references public.shops, user_id uuid references auth.users, body text);
create index remarks_shop on public.remarks (shop);
create index remarks_user on public.remarks (user_id);
alter table public.remarks enable row level security;
create policy write on public.remarks for insert to authenticated
  with check (user_id = (select auth.uid()) and (shop is null
    or exists (select from public.shops s where s.id = remarks.shop and s.owner = (select auth.uid()))));

create table public.stickers (id uuid primary key, maker uuid not null, shop uuid not null references public.shops);
create index stickers_maker on public.stickers (maker);
create index stickers_shop on public.stickers (shop);
alter table public.stickers enable row level security;
create policy write on public.stickers for insert to authenticated with check (maker = (select auth.uid())
  and exists (select from public.shops s where s.id = stickers.shop and s.owner = (select auth.uid())));

create table public.unwritten (id uuid primary key, body text);
alter table public.unwritten enable row level security;
create policy change on public.unwritten for update to authenticated
  using (id = (select auth.uid())) with check (id = (select auth.uid()));

create table public.articles (id uuid primary key, writer uuid not null, printed boolean not null default false);
create index articles_writer on public.articles (writer);
alter table public.articles enable row level security;
create function private.is_editor() returns boolean language sql stable security definer set search_path = ''
  as $$ select coalesce((auth.jwt() -> 'app_metadata' ->> 'editor')::boolean, false) $$;
grant execute on function private.is_editor() to authenticated;
create policy writers on public.articles for update to authenticated
  using (writer = (select auth.uid()) or (select private.is_editor()))
  with check (writer = (select auth.uid()) and not printed or (select private.is_editor()) and printed);

create table public.leftover (id uuid primary key, body text);
alter table public.leftover enable row level security;
create policy own on public.leftover for select to authenticated using (id = (select auth.uid()));

create table public.inverted (id uuid primary key, body text);
alter table public.inverted enable row level security;
create policy own on public.inverted for select to authenticated
  using (id = (select auth.uid()));

create table public.misspelt (id uuid primary key, state text not null check (state in ('draft', 'printed')));
alter table public.misspelt enable row level security;
create policy shown on public.misspelt for select to anon, authenticated using (state = 'printed');

create table public.wrong_role (id uuid primary key, body text);
alter table public.wrong_role enable row level security;
create policy server on public.wrong_role for select to service_role using (true);

create table public.nothing (id uuid primary key, gone timestamptz);
alter table public.nothing enable row level security;
create policy alive on public.nothing for select to authenticated using (gone is null);

create table public.everybody (id uuid primary key, body text);
alter table public.everybody enable row level security;
create policy own on public.everybody for select to authenticated using (id = (select auth.uid()));

create table public.contacts (id uuid primary key, name text, phone text);
alter table public.contacts enable row level security;
revoke select on public.contacts from anon, authenticated;
grant select (id, name) on public.contacts to anon;
create policy shown on public.contacts for select to anon using (true);

create table public.emptied (id uuid primary key, body text);
alter table public.emptied enable row level security;
create policy own on public.emptied for select to authenticated using (id = (select auth.uid()));

create table public.by_claim (id uuid primary key, body text);
alter table public.by_claim enable row level security;
create function private.claims_staff() returns boolean language sql stable set search_path = ''
  as $$ select auth.jwt() -> 'app_metadata' ->> 'staff' = 'yes' $$;
grant execute on function private.claims_staff() to authenticated;
create policy staff on public.by_claim for select to authenticated using ((select private.claims_staff()));

create table public.by_address (id uuid primary key, body text);
alter table public.by_address enable row level security;
create policy staff on public.by_address for select to authenticated using (id = (select auth.uid()));

create table public.taken_away (id uuid primary key, body text);
alter table public.taken_away enable row level security;
create policy own on public.taken_away for select to authenticated using (id = (select auth.uid()));

create function private.shadowed() returns int language sql stable security definer set search_path = public, pg_temp as $$ select 1 $$;

create function public.for_all() returns int language sql stable set search_path = '' as $$ select 1 $$;
grant execute on function public.for_all() to anon;

create table private.gone (id int);
create function private.broken() returns bigint language sql stable set search_path = '' as $$ select count(*) from private.gone $$;
alter table private.gone enable row level security, add primary key (id);
create policy server on private.gone to service_role using (true) with check (true);

create table public.ranks (id uuid primary key, role text);
create table public.wishes (id uuid primary key, wish text);
alter table public.ranks enable row level security;
alter table public.wishes enable row level security;
create policy see on public.ranks for select to authenticated using (id = (select auth.uid()));
create policy wish on public.wishes for insert to authenticated with check (id = (select auth.uid()));
create function private.grant_wish() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  wished text := new.wish;
begin
  insert into public.ranks (id, role) values (new.id, case when wished = 'clerk' then 'clerk' else 'nobody' end);
  return new;
end $$;
create trigger grant_wish after insert on public.wishes for each row execute function private.grant_wish();

create table public.unsorted (id uuid primary key, finder uuid not null);
create index unsorted_finder on public.unsorted (finder);
alter table public.unsorted enable row level security;
create policy own on public.unsorted for select to authenticated using (finder = (select auth.uid()));

create table public.by_dice (id uuid primary key, body text);
alter table public.by_dice enable row level security;
create function private.dice(id uuid) returns boolean language sql stable set search_path = '' as $$ select id = auth.uid() $$;
grant execute on function private.dice(uuid) to authenticated;
create policy lucky on public.by_dice for select to authenticated using (private.dice(id));

-- What only the superuser may make.
reset role;

create view private.members as select id, email from auth.users;

create extension citext schema extensions;

create table public.by_phone (id uuid primary key, phone uuid references auth.users (id));
revoke truncate on public.by_phone from anon, authenticated;
create index by_phone_phone on public.by_phone (phone);
alter table public.by_phone enable row level security;
create policy own on public.by_phone for select to authenticated using (id = (select auth.uid()));

create extension file_fdw schema extensions;
create server far foreign data wrapper file_fdw;
create foreign table private.far (line text) server far options (filename '/dev/null');


create function private.sealed(n int) returns int language plpgsql immutable set search_path = ''
  as $$ begin return n; end $$;
revoke execute on function private.sealed(int) from public;

create table public.self_owned (id uuid primary key, body text);
revoke truncate on public.self_owned from anon, authenticated;
alter table public.self_owned enable row level security;
create policy own on public.self_owned for select to authenticated using (id = (select auth.uid()));
