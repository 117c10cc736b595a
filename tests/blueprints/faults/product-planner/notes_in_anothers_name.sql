-- The document's policy: under an own product, any author.
alter policy "Users can insert own notes" on public.notes with check (
  (user_id = (select auth.uid()) and product_id is null)
  or (product_id is not null and exists (select 1 from public.products where products.id = notes.product_id and products.user_id = (select auth.uid()))));
