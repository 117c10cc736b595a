grant update (role, status) on public.users to authenticated;
create policy "Users update their own account" on public.users for update to authenticated
  using (id = (select auth.uid())) with check (id = (select auth.uid()));
