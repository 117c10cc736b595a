drop policy "product-planner: owners see screenshots" on storage.objects;
drop policy "product-planner: owners add screenshots" on storage.objects;
drop policy "product-planner: owners replace screenshots" on storage.objects;
drop policy "product-planner: owners remove screenshots" on storage.objects;
drop function private.own_product_folders();
-- A bucket that still holds files stays: its rows are the only way to find them. Empty it through the Storage API.
do $$
begin
  perform set_config('storage.allow_delete_query', 'true', true);
  delete from storage.buckets b
  where b.id = 'screenshots' and not exists (select 1 from storage.objects o where o.bucket_id = b.id);
  perform set_config('storage.allow_delete_query', 'false', true);
end $$;
