insert into storage.buckets (id, name) values ('avatars', 'avatars');
insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
values ('documents', 'documents', false, 10485760, '{application/pdf,image/*}')
on conflict (id) do nothing;

create policy "Avatar images are publicly accessible." on storage.objects
  for select using (bucket_id = 'avatars');
create policy "Anyone can upload an avatar." on storage.objects
  for insert with check (bucket_id = 'avatars');
create policy "Anyone can update their own avatar." on storage.objects
  for update using ((select auth.uid()) = owner) with check (bucket_id = 'avatars');
create policy "patients keep documents in their folder" on storage.objects
  for all to authenticated
  using (bucket_id = 'documents' and (storage.foldername(name))[1] = (select auth.uid()::text))
  with check (bucket_id = 'documents' and (storage.foldername(name))[1] = (select auth.uid()::text) and lower(storage.extension(name)) in ('pdf', 'png', 'jpg'));
