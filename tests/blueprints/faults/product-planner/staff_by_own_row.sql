-- The document's rule: an address that its owner can write makes staff.
grant update (email) on public.users to authenticated;
create or replace function private.is_staff() returns boolean
language sql stable security definer set search_path = '' as $$
  select (select auth.uid()) in (select id from public.users where email like '%@fluxr.ai')
$$;
