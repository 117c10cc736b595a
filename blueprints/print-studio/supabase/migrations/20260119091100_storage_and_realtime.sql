-- Buckets: avatars/<user>/… public by URL; images/<user>/<image>/… private, its finals and thumbnails open with the
-- public collection that shows them.
insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values
  ('avatars', 'avatars', true, 2097152, array['image/png', 'image/jpeg', 'image/webp']),
  ('images', 'images', false, 52428800, array['image/png', 'image/jpeg', 'image/webp', 'image/gif', 'image/tiff', 'image/svg+xml', 'application/pdf'])
on conflict (id) do nothing;

create function private.published_image_folders() returns setof text
language sql stable security definer set search_path = '' rows 100 as $$
  select i.user_id || '/' || i.id from public.images i where i.id in (select private.published_image_ids())
$$;
revoke all on function private.published_image_folders() from public, anon, authenticated;
grant execute on function private.published_image_folders() to anon, authenticated, service_role;

create policy "print-studio: owners see their avatar" on storage.objects for select to authenticated
  using (bucket_id = 'avatars' and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy "print-studio: owners add their avatar" on storage.objects for insert to authenticated
  with check (bucket_id = 'avatars' and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy "print-studio: owners replace their avatar" on storage.objects for update to authenticated
  using (bucket_id = 'avatars' and (storage.foldername(name))[1] = (select auth.uid())::text)
  with check (bucket_id = 'avatars' and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy "print-studio: owners remove their avatar" on storage.objects for delete to authenticated
  using (bucket_id = 'avatars' and (storage.foldername(name))[1] = (select auth.uid())::text);

create policy "print-studio: visitors see published images" on storage.objects for select to anon
  using (bucket_id = 'images' and storage.filename(name) ~ '^(final|thumbnail)\.'
         and (storage.foldername(name))[1] || '/' || (storage.foldername(name))[2] in (select private.published_image_folders()));
create policy "print-studio: owners see their images, everybody published ones" on storage.objects for select to authenticated
  using (bucket_id = 'images'
         and ((storage.foldername(name))[1] = (select auth.uid())::text
              or (storage.filename(name) ~ '^(final|thumbnail)\.'
                  and (storage.foldername(name))[1] || '/' || (storage.foldername(name))[2] in (select private.published_image_folders()))));
create policy "print-studio: owners add images" on storage.objects for insert to authenticated
  with check (bucket_id = 'images' and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy "print-studio: owners replace images" on storage.objects for update to authenticated
  using (bucket_id = 'images' and (storage.foldername(name))[1] = (select auth.uid())::text)
  with check (bucket_id = 'images' and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy "print-studio: owners remove images" on storage.objects for delete to authenticated
  using (bucket_id = 'images' and (storage.foldername(name))[1] = (select auth.uid())::text);

do $$
begin
  if exists (select 1 from pg_publication where pubname = 'supabase_realtime') then
    alter publication supabase_realtime add table public.images, public.image_operations;
  end if;
end $$;
