drop policy "saas-starter: owners see their avatar" on storage.objects;
drop policy "saas-starter: owners add their avatar" on storage.objects;
drop policy "saas-starter: owners replace their avatar" on storage.objects;
drop policy "saas-starter: owners remove their avatar" on storage.objects;
-- A bucket that still holds files stays: its rows are the only way to find them. Empty it through the Storage API.
do $$
begin
  perform set_config('storage.allow_delete_query', 'true', true);
  delete from storage.buckets b
  where b.id = 'avatars' and not exists (select 1 from storage.objects o where o.bucket_id = b.id);
  perform set_config('storage.allow_delete_query', 'false', true);
end $$;
