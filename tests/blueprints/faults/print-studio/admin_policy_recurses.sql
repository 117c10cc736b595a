-- The document's policy: every read of profiles fails with infinite recursion.
create policy "Admins can view all profiles" on public.profiles
    for all using (exists (select 1 from public.profiles where id = auth.uid() and is_admin = true));
