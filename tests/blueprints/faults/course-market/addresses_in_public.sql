grant select on public.profile_contacts to anon;
create policy "Public read" on public.profile_contacts for select to anon using (true);
