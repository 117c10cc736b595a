-- Every fault once. A line `-- rule: object` says what the linter must find in the statements that follow; clean.sql is the same
-- without the faults. Run as the superuser.
set role postgres;
alter default privileges for role postgres in schema public revoke truncate on tables from anon, authenticated;
alter default privileges for role postgres revoke execute on functions from public;
alter default privileges for role postgres in schema public revoke execute on functions from anon, authenticated, service_role;
create schema private;
grant usage on schema private to anon, authenticated;

-- unindexed_foreign_keys: public.orders
create table public.shops (id uuid primary key default gen_random_uuid(), owner uuid not null, name text);
create index shops_owner on public.shops (owner);
alter table public.shops enable row level security;
create policy own on public.shops for select to authenticated using (owner = (select auth.uid()));
create table public.orders (id uuid primary key default gen_random_uuid(), shop uuid not null references public.shops, buyer uuid not null);
create index orders_buyer on public.orders (buyer);
alter table public.orders enable row level security;
create policy own on public.orders for select to authenticated using (buyer = (select auth.uid()));

-- auth_rls_initplan: public.per_row
create table public.per_row (id uuid primary key, owner uuid not null, body text);
create index per_row_owner on public.per_row (owner);
alter table public.per_row enable row level security;
create policy own on public.per_row for select to authenticated using (owner = auth.uid());

-- no_primary_key: public.keyless
create table public.keyless (id uuid not null, body text);
alter table public.keyless enable row level security;
create policy staff on public.keyless for select to authenticated using ((select auth.uid()) = '00000000-0000-0000-0000-000000000001');

-- unused_index: public.unused
create table public.unused (id uuid primary key, body text);
create index unused_body on public.unused (body);
alter table public.unused enable row level security;
create policy staff on public.unused for select to authenticated using (id = (select auth.uid()));

-- multiple_permissive_policies: public.two_doors
create table public.two_doors (id uuid primary key, body text, shown boolean not null default false);
alter table public.two_doors enable row level security;
create policy own on public.two_doors for select to authenticated using (id = (select auth.uid()));
create policy shown on public.two_doors for select to authenticated using (shown);

-- policy_exists_rls_disabled: public.asleep
-- rls_disabled_in_public: public.asleep
create table public.asleep (id uuid primary key, body text);
create policy own on public.asleep for select to authenticated using (id = (select auth.uid()));

-- rls_enabled_no_policy: public.shut
create table public.shut (id uuid primary key, body text);
alter table public.shut enable row level security;

-- duplicate_index: public.twins
create table public.twins (id uuid primary key, body text);
create index twins_one on public.twins (body);
create index twins_two on public.twins (body);
alter table public.twins enable row level security;
create policy own on public.twins for select to authenticated using (id = (select auth.uid()));

-- security_definer_view: public.as_owner
create view public.as_owner as select id, name from public.shops;
grant select on public.as_owner to authenticated;

-- function_search_path_mutable: public.loose
create function public.loose() returns int language sql stable as $$ select 1 $$;
grant execute on function public.loose() to authenticated;

-- rls_references_user_metadata: public.by_metadata
create table public.by_metadata (id uuid primary key, body text);
alter table public.by_metadata enable row level security;
create policy staff on public.by_metadata for select to authenticated
  using (((select auth.jwt()) -> 'user_metadata' ->> 'role') = 'staff');

-- materialized_view_in_api: public.totals
create materialized view public.totals as select count(*) as n from public.shops;
grant select on public.totals to anon;

-- unsupported_reg_types: public.registered.kind
create table public.registered (id uuid primary key, kind regcollation);
alter table public.registered enable row level security;
create policy own on public.registered for select to authenticated using (id = (select auth.uid()));

-- sensitive_columns_exposed: public.patients
-- rls_disabled_in_public: public.patients
create table public.patients (id uuid primary key, ssn text, password text);
grant select on public.patients to anon;

-- rls_policy_always_true: public.open_writes
create table public.open_writes (id uuid primary key, body text);
alter table public.open_writes enable row level security;
create policy anybody on public.open_writes for insert to authenticated with check (true);

-- public_bucket_allows_listing: posters
insert into storage.buckets (id, name, public) values ('posters', 'posters', true);
create policy "anybody lists posters" on storage.objects for select to anon using (bucket_id = 'posters');

-- anon_security_definer_function_executable: public.definer
-- authenticated_security_definer_function_executable: public.definer
create function public.definer() returns int language sql stable security definer set search_path = '' as $$ select 1 $$;
grant execute on function public.definer() to anon, authenticated;


-- Ours.

-- policy_recursion: public.people
create table public.people (id uuid primary key, is_boss boolean not null default false, name text);
alter table public.people enable row level security;
revoke insert, update on public.people from anon, authenticated;
create policy bosses on public.people for select to authenticated
  using (exists (select from public.people p where p.id = (select auth.uid()) and p.is_boss));

-- policy_recursion: public.teams
create table public.teams (id uuid primary key, name text);
create table public.team_members (team uuid not null references public.teams, member uuid not null, primary key (team, member));
create index team_members_member on public.team_members (member);
alter table public.teams enable row level security;
alter table public.team_members enable row level security;
create view public.my_teams with (security_invoker = true) as select id from public.teams;
create policy members on public.teams for select to authenticated
  using (id in (select m.team from public.team_members m where m.member = (select auth.uid())));
create policy members on public.team_members for select to authenticated using (team in (select id from public.my_teams));

-- policy_recursion: public.by_function
create table public.by_function (id uuid primary key, parent uuid);
alter table public.by_function enable row level security;
create function private.parent_of(wanted uuid) returns uuid language sql stable set search_path = ''
  as $$ select parent from public.by_function where id = wanted $$;
create policy family on public.by_function for select to authenticated
  using (id = (select auth.uid()) or private.parent_of(id) = (select auth.uid()));

-- privileged_column_writable: public.accounts.credits
create table public.accounts (id uuid primary key, name text, credits int not null default 0);
alter table public.accounts enable row level security;
create policy see on public.accounts for select to authenticated using (id = (select auth.uid()));
create policy change on public.accounts for update to authenticated
  using (id = (select auth.uid())) with check (id = (select auth.uid()));

-- policy_decides_by_writable_column: public.workers.department
create table public.workers (id uuid primary key, department text);
alter table public.workers enable row level security;
create policy change on public.workers for update to authenticated
  using (id = (select auth.uid())) with check (id = (select auth.uid()));
create function private.is_in(wanted text) returns boolean language sql stable security definer set search_path = ''
  as $$ select exists (select 1 from public.workers w where w.id = (select auth.uid()) and w.department = wanted) $$;
grant execute on function private.is_in(text) to authenticated;
create table public.ledgers (id uuid primary key, amount int);
alter table public.ledgers enable row level security;
create policy accounting on public.ledgers for select to authenticated using ((select private.is_in('accounting')));

-- row_can_be_given_away: public.gifts.holder
create table public.gifts (id uuid primary key, holder uuid not null, body text check (body <> ''));
create index gifts_holder on public.gifts (holder);
alter table public.gifts enable row level security;
create policy change on public.gifts for update to authenticated
  using (holder = (select auth.uid())) with check (body is not null);

-- owner_not_checked: public.remarks.user_id
create table public.remarks (id uuid primary key, shop uuid references public.shops, user_id uuid references auth.users, body text);
create index remarks_shop on public.remarks (shop);
create index remarks_user on public.remarks (user_id);
alter table public.remarks enable row level security;
create policy write on public.remarks for insert to authenticated
  with check ((user_id = (select auth.uid()) and shop is null)
    or exists (select from public.shops s where s.id = remarks.shop and s.owner = (select auth.uid())));

-- reference_not_checked: public.stickers.shop
create table public.stickers (id uuid primary key, maker uuid not null, shop uuid not null references public.shops);
create index stickers_maker on public.stickers (maker);
create index stickers_shop on public.stickers (shop);
alter table public.stickers enable row level security;
create policy write on public.stickers for insert to authenticated with check (maker = (select auth.uid()));

-- update_without_check: public.unwritten
create table public.unwritten (id uuid primary key, body text);
alter table public.unwritten enable row level security;
create policy change on public.unwritten for update to authenticated using (id = (select auth.uid()));

-- policies_or_into_a_leak: public.articles
-- multiple_permissive_policies: public.articles
create table public.articles (id uuid primary key, writer uuid not null, printed boolean not null default false);
create index articles_writer on public.articles (writer);
alter table public.articles enable row level security;
create function private.is_editor() returns boolean language sql stable security definer set search_path = ''
  as $$ select coalesce((auth.jwt() -> 'app_metadata' ->> 'editor')::boolean, false) $$;
grant execute on function private.is_editor() to authenticated;
create policy writers on public.articles for update to authenticated
  using (writer = (select auth.uid())) with check (writer = (select auth.uid()) and not printed);
create policy editors on public.articles for update to authenticated using ((select private.is_editor())) with check (printed);

-- policy_always_true_branch: public.leftover
create table public.leftover (id uuid primary key, body text);
alter table public.leftover enable row level security;
create policy own on public.leftover for select to authenticated using (id = (select auth.uid()) or true);

-- policy_lets_strangers_in: public.inverted
create table public.inverted (id uuid primary key, body text);
alter table public.inverted enable row level security;
create policy own on public.inverted for select to anon, authenticated
  using ((select auth.uid()) is null or id = (select auth.uid()));

-- policy_never_true: public.misspelt
create table public.misspelt (id uuid primary key, state text not null check (state in ('draft', 'printed')));
alter table public.misspelt enable row level security;
create policy shown on public.misspelt for select to anon, authenticated using (state = 'published');

-- policy_never_true: public.wrong_role
create table public.wrong_role (id uuid primary key, body text);
alter table public.wrong_role enable row level security;
create policy server on public.wrong_role for select to authenticated using ((select auth.role()) = 'service_role');

-- policy_compares_null: public.nothing
create table public.nothing (id uuid primary key, gone timestamptz);
alter table public.nothing enable row level security;
create policy alive on public.nothing for select to authenticated using (gone = null);

-- policy_for_public: public.everybody
create table public.everybody (id uuid primary key, body text);
alter table public.everybody enable row level security;
create policy own on public.everybody for select using (id = (select auth.uid()));

-- personal_columns_public: public.contacts.phone
create table public.contacts (id uuid primary key, name text, phone text);
alter table public.contacts enable row level security;
create policy shown on public.contacts for select to anon using (true);

-- truncate_granted: public.emptied
create table public.emptied (id uuid primary key, body text);
alter table public.emptied enable row level security;
create policy own on public.emptied for select to authenticated using (id = (select auth.uid()));
grant truncate on public.emptied to authenticated;

-- policy_function_reads_user_metadata: public.by_claim
create table public.by_claim (id uuid primary key, body text);
alter table public.by_claim enable row level security;
create function private.claims_staff() returns boolean language sql stable set search_path = ''
  as $$ select auth.jwt() -> 'user_metadata' ->> 'staff' = 'yes' $$;
grant execute on function private.claims_staff() to authenticated;
create policy staff on public.by_claim for select to authenticated using ((select private.claims_staff()));

-- policy_trusts_unconfirmed_email: public.by_address
create table public.by_address (id uuid primary key, body text);
alter table public.by_address enable row level security;
create policy staff on public.by_address for select to authenticated using ((select auth.jwt()) ->> 'email' like '%@example.com');

-- only_restrictive_policies: public.taken_away
create table public.taken_away (id uuid primary key, body text);
alter table public.taken_away enable row level security;
create policy own on public.taken_away as restrictive for select to authenticated using (id = (select auth.uid()));

-- definer_search_path_shadowed: private.shadowed
create function private.shadowed() returns int language sql stable security definer set search_path = public as $$ select 1 $$;

-- function_callable_by_public: public.for_all
create function public.for_all() returns int language sql stable set search_path = '' as $$ select 1 $$;
grant execute on function public.for_all() to public;

-- function_does_not_compile: private.broken
create table private.gone (id int);
create function private.broken() returns bigint language sql stable set search_path = '' as $$ select count(*) from private.gone $$;
drop table private.gone;

-- trigger_writes_past_rls: public.wishes
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
  insert into public.ranks (id, role) values (new.id, coalesce(wished, 'nobody'));
  return new;
end $$;
create trigger grant_wish after insert on public.wishes for each row execute function private.grant_wish();

-- unindexed_policy_column: public.unsorted.finder
create table public.unsorted (id uuid primary key, finder uuid not null);
alter table public.unsorted enable row level security;
create policy own on public.unsorted for select to authenticated using (finder = (select auth.uid()));

-- volatile_function_in_policy: public.by_dice
create table public.by_dice (id uuid primary key, body text);
alter table public.by_dice enable row level security;
create function private.dice(id uuid) returns boolean language sql volatile set search_path = '' as $$ select id = auth.uid() $$;
grant execute on function private.dice(uuid) to authenticated;
create policy lucky on public.by_dice for select to authenticated using (private.dice(id));

-- What only the superuser may make.
reset role;

-- auth_users_exposed: public.members
-- security_definer_view: public.members
create view public.members as select id, email from auth.users;
grant select on public.members to authenticated;
revoke truncate on public.members from anon, authenticated;

-- extension_in_public: citext
create extension citext schema public;

-- fkey_to_auth_unique: public.by_phone
create table public.by_phone (id uuid primary key, phone text references auth.users (phone));
revoke truncate on public.by_phone from anon, authenticated;
create index by_phone_phone on public.by_phone (phone);
alter table public.by_phone enable row level security;
create policy own on public.by_phone for select to authenticated using (id = (select auth.uid()));

-- foreign_table_in_api: public.far
create extension file_fdw schema extensions;
create server far foreign data wrapper file_fdw;
create foreign table public.far (line text) server far options (filename '/dev/null');
grant select on public.far to anon;

-- leakproof_function: private.sealed
create function private.sealed(n int) returns int language plpgsql immutable leakproof set search_path = ''
  as $$ begin return n; end $$;
revoke execute on function private.sealed(int) from public;

-- force_rls_missing: public.self_owned
create table public.self_owned (id uuid primary key, body text);
revoke truncate on public.self_owned from anon, authenticated;
alter table public.self_owned enable row level security;
create policy own on public.self_owned for select to authenticated using (id = (select auth.uid()));
grant create on schema public to authenticated;
alter table public.self_owned owner to authenticated;
revoke create on schema public from authenticated;
