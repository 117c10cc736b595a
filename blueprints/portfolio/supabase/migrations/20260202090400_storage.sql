-- Buckets, all by <user>/…: media of projects under <user>/<project>/…, seen by everybody once the project is published.
insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values
  ('images', 'images', false, 10485760, array['image/png', 'image/jpeg', 'image/webp', 'image/gif', 'image/avif']),
  ('videos', 'videos', false, 104857600, array['video/mp4', 'video/webm']),
  ('qr-codes', 'qr-codes', true, 1048576, array['image/png', 'image/svg+xml']),
  ('ai-assets', 'ai-assets', false, 10485760, array['image/png', 'image/jpeg', 'image/webp', 'application/json'])
on conflict (id) do nothing;

create function private.published_project_folders() returns setof text
language sql stable security definer set search_path = '' rows 1000 as $$
  select user_id || '/' || id from public.projects where status = 'published'
$$;
revoke all on function private.published_project_folders() from public, anon, authenticated;
grant execute on function private.published_project_folders() to anon, authenticated, service_role;

create policy "portfolio: visitors see media of published projects" on storage.objects for select to anon
  using (bucket_id in ('images', 'videos')
         and (storage.foldername(name))[1] || '/' || (storage.foldername(name))[2] in (select private.published_project_folders()));
create policy "portfolio: users see their files and published media" on storage.objects for select to authenticated
  using ((bucket_id in ('images', 'videos', 'ai-assets', 'qr-codes') and (storage.foldername(name))[1] = (select auth.uid())::text)
         or (bucket_id in ('images', 'videos')
             and (storage.foldername(name))[1] || '/' || (storage.foldername(name))[2] in (select private.published_project_folders())));
create policy "portfolio: users add media" on storage.objects for insert to authenticated
  with check (bucket_id in ('images', 'videos') and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy "portfolio: users replace media" on storage.objects for update to authenticated
  using (bucket_id in ('images', 'videos') and (storage.foldername(name))[1] = (select auth.uid())::text)
  with check (bucket_id in ('images', 'videos') and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy "portfolio: users remove media and generated assets" on storage.objects for delete to authenticated
  using (bucket_id in ('images', 'videos', 'ai-assets') and (storage.foldername(name))[1] = (select auth.uid())::text);
