do $$
begin
  if exists (select 1 from pg_publication_tables where pubname = 'supabase_realtime' and schemaname = 'public' and tablename = 'images') then
    alter publication supabase_realtime drop table public.images, public.image_operations;
  end if;
end $$;
drop policy "print-studio: owners see their avatar" on storage.objects;
drop policy "print-studio: owners add their avatar" on storage.objects;
drop policy "print-studio: owners replace their avatar" on storage.objects;
drop policy "print-studio: owners remove their avatar" on storage.objects;
drop policy "print-studio: visitors see published images" on storage.objects;
drop policy "print-studio: owners see their images, everybody published ones" on storage.objects;
drop policy "print-studio: owners add images" on storage.objects;
drop policy "print-studio: owners replace images" on storage.objects;
drop policy "print-studio: owners remove images" on storage.objects;
drop function private.published_image_folders();
-- A bucket that still holds files stays: its rows are the only way to find them. Empty it through the Storage API.
do $$
begin
  perform set_config('storage.allow_delete_query', 'true', true);
  delete from storage.buckets b
  where b.id in ('avatars', 'images') and not exists (select 1 from storage.objects o where o.bucket_id = b.id);
  perform set_config('storage.allow_delete_query', 'false', true);
end $$;
