-- Screenshots of bugs: <product>/…, for the product's owner.
insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values
  ('screenshots', 'screenshots', false, 10485760, array['image/png', 'image/jpeg', 'image/webp', 'image/gif'])
on conflict (id) do nothing;

-- Ids in paths are text: compared as text, so that a path that is no uuid is refused and not an error.
create function private.own_product_folders() returns setof text
language sql stable security definer set search_path = '' rows 20 as $$
  select id::text from public.products where user_id = (select auth.uid())
$$;
revoke all on function private.own_product_folders() from public, anon, authenticated;
grant execute on function private.own_product_folders() to authenticated, service_role;

create policy "product-planner: owners see screenshots" on storage.objects for select to authenticated
  using (bucket_id = 'screenshots' and (storage.foldername(name))[1] in (select private.own_product_folders()));
create policy "product-planner: owners add screenshots" on storage.objects for insert to authenticated
  with check (bucket_id = 'screenshots' and (storage.foldername(name))[1] in (select private.own_product_folders()));
create policy "product-planner: owners replace screenshots" on storage.objects for update to authenticated
  using (bucket_id = 'screenshots' and (storage.foldername(name))[1] in (select private.own_product_folders()))
  with check (bucket_id = 'screenshots' and (storage.foldername(name))[1] in (select private.own_product_folders()));
create policy "product-planner: owners remove screenshots" on storage.objects for delete to authenticated
  using (bucket_id = 'screenshots' and (storage.foldername(name))[1] in (select private.own_product_folders()));
