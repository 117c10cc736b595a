insert into storage.buckets (id, name, public, avif_autodetection, allowed_mime_types)
values ('product-images', 'product-images', true, false, array['image/webp', 'image/png'])
on conflict (id) do update set public = excluded.public;
update storage.buckets set file_size_limit = 2 * 1024 * 1024 where id = 'product-images';

drop policy if exists "tenant images" on storage.objects;
create policy "tenant images" on storage.objects for all to authenticated
using (bucket_id = 'product-images' and (storage.foldername(name))[1]::uuid in (select public.my_tenants()))
with check (bucket_id = 'product-images' and array_length(storage.foldername(name), 1) = 1 and storage.allow_any_operation(array['object.upload', 'object.upload_update']));
