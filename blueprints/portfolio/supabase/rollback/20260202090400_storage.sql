drop policy "portfolio: visitors see media of published projects" on storage.objects;
drop policy "portfolio: users see their files and published media" on storage.objects;
drop policy "portfolio: users add media" on storage.objects;
drop policy "portfolio: users replace media" on storage.objects;
drop policy "portfolio: users remove media and generated assets" on storage.objects;
drop function private.published_project_folders();
-- A bucket that still holds files stays: its rows are the only way to find them. Empty it through the Storage API.
do $$
begin
  perform set_config('storage.allow_delete_query', 'true', true);
  delete from storage.buckets b
  where b.id in ('images', 'videos', 'qr-codes', 'ai-assets') and not exists (select 1 from storage.objects o where o.bucket_id = b.id);
  perform set_config('storage.allow_delete_query', 'false', true);
end $$;
