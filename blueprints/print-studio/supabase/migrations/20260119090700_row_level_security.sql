-- The document's policies as they are meant. Its `FOR ALL` policies of admins are folded into one policy for each
-- action: two permissive policies are OR-ed, checks included, and both evaluated for each row. Columns that a user must
-- not write are in no grant.

-- The server writes everything but balances and the ledger, which have their functions.
grant select, insert, delete on public.profiles to service_role;
grant update (email, first_name, last_name, company, phone, avatar_url, is_active, is_admin, subscription_status, subscription_plan,
              stripe_customer_id, stripe_subscription_id, last_activity_at, updated_at) on public.profiles to service_role;
grant select on public.credit_transactions to service_role;
grant all on public.subscription_plans, public.pay_as_you_go_packages, public.subscription_history, public.images,
  public.image_operations, public.image_collections, public.image_collection_items, public.api_costs, public.api_usage_logs,
  public.system_metrics, public.user_activity_logs, public.email_templates, public.email_campaigns, public.email_logs to service_role;
grant select, insert on public.admin_logs to service_role;

-- profiles
grant select on public.profiles to authenticated;
grant update (first_name, last_name, company, phone, avatar_url) on public.profiles to authenticated;
create policy "Users can view own profile" on public.profiles
  for select to authenticated using ((select auth.uid()) = id or (select private.is_admin()));
create policy "Users can update own profile" on public.profiles
  for update to authenticated
  using ((select auth.uid()) = id or (select private.is_admin()))
  with check ((select auth.uid()) = id or (select private.is_admin()));

-- images
create function private.is_published_image(p_image_id uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select 1 from public.image_collection_items i join public.image_collections c on c.id = i.collection_id
                 where i.image_id = p_image_id and c.is_public)
$$;
create function private.published_image_ids() returns setof uuid
language sql stable security definer set search_path = '' rows 100 as $$
  select i.image_id from public.image_collections c join public.image_collection_items i on i.collection_id = c.id where c.is_public
$$;
create function private.owns_image(p_image_id uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select 1 from public.images where id = p_image_id and user_id = (select auth.uid()))
$$;
create function private.owns_collection(p_collection_id uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select 1 from public.image_collections where id = p_collection_id and user_id = (select auth.uid()))
$$;
revoke all on function private.is_published_image(uuid), private.published_image_ids(), private.owns_image(uuid), private.owns_collection(uuid)
  from public, anon, authenticated;
grant execute on function private.is_published_image(uuid), private.published_image_ids() to anon, authenticated, service_role;
grant execute on function private.owns_image(uuid), private.owns_collection(uuid) to authenticated, service_role;

-- What a visitor may know of a published image: not whose it is, where the original lies, or what went wrong.
grant select (id, original_filename, original_file_type, processed_url, thumbnail_url, final_url, processing_status, download_count, created_at)
  on public.images to anon;
grant select, delete on public.images to authenticated;
grant insert (id, user_id, original_filename, original_file_size, original_file_type, original_url, is_favorite, metadata)
  on public.images to authenticated;
grant update (original_filename, is_favorite, metadata) on public.images to authenticated;
create policy "Visitors can view images of public collections" on public.images
  for select to anon using (id in (select private.published_image_ids()));
create policy "Users can view own images" on public.images
  for select to authenticated
  using ((select auth.uid()) = user_id or (select private.is_admin()) or id in (select private.published_image_ids()));
create policy "Users can insert own images" on public.images
  for insert to authenticated with check ((select auth.uid()) = user_id or (select private.is_admin()));
create policy "Users can update own images" on public.images
  for update to authenticated
  using ((select auth.uid()) = user_id or (select private.is_admin()))
  with check ((select auth.uid()) = user_id or (select private.is_admin()));
create policy "Users can delete own images" on public.images
  for delete to authenticated using ((select auth.uid()) = user_id or (select private.is_admin()));

-- image_operations: seen by the image's owner, written by the server.
grant select on public.image_operations to authenticated;
create policy "Users can view operations on own images" on public.image_operations
  for select to authenticated
  using (exists (select 1 from public.images i where i.id = image_operations.image_id and i.user_id = (select auth.uid()))
         or (select private.is_admin()));

-- collections
grant select on public.image_collections to anon, authenticated;
grant delete, insert (id, user_id, name, description, is_public), update (name, description, is_public)
  on public.image_collections to authenticated;
create policy "Visitors can view public collections" on public.image_collections
  for select to anon using (is_public);
create policy "Users can view own and public collections" on public.image_collections
  for select to authenticated
  using ((select auth.uid()) = user_id or is_public or (select private.is_admin()));
create policy "Users can insert own collections" on public.image_collections
  for insert to authenticated with check ((select auth.uid()) = user_id or (select private.is_admin()));
create policy "Users can update own collections" on public.image_collections
  for update to authenticated
  using ((select auth.uid()) = user_id or (select private.is_admin()))
  with check ((select auth.uid()) = user_id or (select private.is_admin()));
create policy "Users can delete own collections" on public.image_collections
  for delete to authenticated using ((select auth.uid()) = user_id or (select private.is_admin()));

-- A person adds own images to own collections. Somebody else's image in one's own public collection would publish it.
grant select on public.image_collection_items to anon, authenticated;
grant delete, insert (id, collection_id, image_id) on public.image_collection_items to authenticated;
create policy "Visitors can view items of public collections" on public.image_collection_items
  for select to anon
  using (exists (select 1 from public.image_collections c where c.id = image_collection_items.collection_id and c.is_public));
create policy "Users can view items of own and public collections" on public.image_collection_items
  for select to authenticated
  using (exists (select 1 from public.image_collections c where c.id = image_collection_items.collection_id
                 and (c.is_public or c.user_id = (select auth.uid())))
         or (select private.is_admin()));
create policy "Users can add own images to own collections" on public.image_collection_items
  for insert to authenticated with check (private.owns_collection(collection_id) and private.owns_image(image_id));
create policy "Users can take images out of own collections" on public.image_collection_items
  for delete to authenticated using (private.owns_collection(collection_id) or (select private.is_admin()));

-- plans and packages: public while on offer, kept by admins.
grant select on public.subscription_plans, public.pay_as_you_go_packages to anon, authenticated;
grant insert, update, delete on public.subscription_plans, public.pay_as_you_go_packages to authenticated;
create policy "Visitors can view active plans" on public.subscription_plans
  for select to anon using (is_active);
create policy "Users can view active plans" on public.subscription_plans
  for select to authenticated using (is_active or (select private.is_admin()));
create policy "Admins can insert plans" on public.subscription_plans
  for insert to authenticated with check ((select private.is_admin()));
create policy "Admins can update plans" on public.subscription_plans
  for update to authenticated using ((select private.is_admin())) with check ((select private.is_admin()));
create policy "Admins can delete plans" on public.subscription_plans
  for delete to authenticated using ((select private.is_admin()));
create policy "Visitors can view active packages" on public.pay_as_you_go_packages
  for select to anon using (is_active);
create policy "Users can view active packages" on public.pay_as_you_go_packages
  for select to authenticated using (is_active or (select private.is_admin()));
create policy "Admins can insert packages" on public.pay_as_you_go_packages
  for insert to authenticated with check ((select private.is_admin()));
create policy "Admins can update packages" on public.pay_as_you_go_packages
  for update to authenticated using ((select private.is_admin())) with check ((select private.is_admin()));
create policy "Admins can delete packages" on public.pay_as_you_go_packages
  for delete to authenticated using ((select private.is_admin()));

-- credit_transactions: read by its owner and admins. "System can insert transactions" (WITH CHECK (true) for everybody)
-- is gone: the functions insert, with their owner's right, and nobody else may.
grant select on public.credit_transactions to authenticated;
create policy "Users can view own transactions" on public.credit_transactions
  for select to authenticated using ((select auth.uid()) = user_id or (select private.is_admin()));

grant select on public.subscription_history to authenticated;
create policy "Users can view own subscription history" on public.subscription_history
  for select to authenticated using ((select auth.uid()) = user_id or (select private.is_admin()));

grant select on public.user_activity_logs to authenticated;
create policy "Users can view own activity" on public.user_activity_logs
  for select to authenticated using ((select auth.uid()) = user_id or (select private.is_admin()));

-- For admins only.
grant select, insert, update, delete on public.api_costs, public.email_templates, public.email_campaigns to authenticated;
grant select on public.api_usage_logs, public.admin_logs, public.system_metrics, public.email_logs to authenticated;
create policy "Admins can view api costs" on public.api_costs
  for select to authenticated using ((select private.is_admin()));
create policy "Admins can insert api costs" on public.api_costs
  for insert to authenticated with check ((select private.is_admin()));
create policy "Admins can update api costs" on public.api_costs
  for update to authenticated using ((select private.is_admin())) with check ((select private.is_admin()));
create policy "Admins can delete api costs" on public.api_costs
  for delete to authenticated using ((select private.is_admin()));
create policy "Admins can view api usage" on public.api_usage_logs
  for select to authenticated using ((select private.is_admin()));
create policy "Admins can view admin logs" on public.admin_logs
  for select to authenticated using ((select private.is_admin()));
create policy "Admins can view metrics" on public.system_metrics
  for select to authenticated using ((select private.is_admin()));
create policy "Admins can view email templates" on public.email_templates
  for select to authenticated using ((select private.is_admin()));
create policy "Admins can insert email templates" on public.email_templates
  for insert to authenticated with check ((select private.is_admin()));
create policy "Admins can update email templates" on public.email_templates
  for update to authenticated using ((select private.is_admin())) with check ((select private.is_admin()));
create policy "Admins can delete email templates" on public.email_templates
  for delete to authenticated using ((select private.is_admin()));
create policy "Admins can view campaigns" on public.email_campaigns
  for select to authenticated using ((select private.is_admin()));
create policy "Admins can insert campaigns" on public.email_campaigns
  for insert to authenticated with check ((select private.is_admin()));
create policy "Admins can update campaigns" on public.email_campaigns
  for update to authenticated using ((select private.is_admin())) with check ((select private.is_admin()));
create policy "Admins can delete campaigns" on public.email_campaigns
  for delete to authenticated using ((select private.is_admin()));
create policy "Admins can view email logs" on public.email_logs
  for select to authenticated using ((select private.is_admin()));
