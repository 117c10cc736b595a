-- The document's policies with its names; `auth.uid()` is wrapped in a select, so that it runs once a statement and not
-- once a row, and every UPDATE says its check. Columns that a user must not write are in no grant.

grant all on all tables in schema public to service_role;

-- users: name and picture are the owner's to set; the address follows the account.
grant select, update (full_name, avatar_url) on public.users to authenticated;
create policy "Users can read own data" on public.users
  for select to authenticated
  using ((select auth.uid()) = id);
create policy "Users can update own data" on public.users
  for update to authenticated
  using ((select auth.uid()) = id)
  with check ((select auth.uid()) = id);

-- products
grant select, insert, delete, update (name, description, slug) on public.products to authenticated;
create policy "Users can read own products" on public.products
  for select to authenticated
  using (user_id = (select auth.uid()));
create policy "Users can insert own products" on public.products
  for insert to authenticated
  with check (user_id = (select auth.uid()));
create policy "Users can update own products" on public.products
  for update to authenticated
  using (user_id = (select auth.uid()))
  with check (user_id = (select auth.uid()));
create policy "Users can delete own products" on public.products
  for delete to authenticated
  using (user_id = (select auth.uid()));

-- What belongs to a product belongs to its owner.
grant select, insert, update, delete on public.customer_profiles, public.bugs, public.features, public.tasks,
  public.flow_pages, public.flow_connections, public.prds, public.product_prompts to authenticated;
create policy "Users can manage own customer profiles" on public.customer_profiles
  for all to authenticated
  using (exists (select 1 from public.products where products.id = customer_profiles.product_id and products.user_id = (select auth.uid())))
  with check (exists (select 1 from public.products where products.id = customer_profiles.product_id and products.user_id = (select auth.uid())));
create policy "Users can manage own flow pages" on public.flow_pages
  for all to authenticated
  using (exists (select 1 from public.products where products.id = flow_pages.product_id and products.user_id = (select auth.uid())))
  with check (exists (select 1 from public.products where products.id = flow_pages.product_id and products.user_id = (select auth.uid())));
create policy "Users can manage own flow connections" on public.flow_connections
  for all to authenticated
  using (exists (select 1 from public.products where products.id = flow_connections.product_id and products.user_id = (select auth.uid())))
  with check (exists (select 1 from public.products where products.id = flow_connections.product_id and products.user_id = (select auth.uid())));
create policy "Users can manage own PRDs" on public.prds
  for all to authenticated
  using (exists (select 1 from public.products where products.id = prds.product_id and products.user_id = (select auth.uid())))
  with check (exists (select 1 from public.products where products.id = prds.product_id and products.user_id = (select auth.uid())));
create policy "Users can manage own product prompts" on public.product_prompts
  for all to authenticated
  using (exists (select 1 from public.products where products.id = product_prompts.product_id and products.user_id = (select auth.uid())))
  with check (exists (select 1 from public.products where products.id = product_prompts.product_id and products.user_id = (select auth.uid())));
create policy "Users can view bugs for their own products" on public.bugs
  for select to authenticated
  using (product_id in (select products.id from public.products where products.user_id = (select auth.uid())));
create policy "Users can insert bugs for their own products" on public.bugs
  for insert to authenticated
  with check (product_id in (select products.id from public.products where products.user_id = (select auth.uid())));
create policy "Users can update bugs for their own products" on public.bugs
  for update to authenticated
  using (product_id in (select products.id from public.products where products.user_id = (select auth.uid())))
  with check (product_id in (select products.id from public.products where products.user_id = (select auth.uid())));
create policy "Users can delete bugs for their own products" on public.bugs
  for delete to authenticated
  using (product_id in (select products.id from public.products where products.user_id = (select auth.uid())));
create policy "Users can read own features" on public.features
  for select to authenticated
  using (exists (select 1 from public.products where products.id = features.product_id and products.user_id = (select auth.uid())));
create policy "Users can insert own features" on public.features
  for insert to authenticated
  with check (exists (select 1 from public.products where products.id = features.product_id and products.user_id = (select auth.uid())));
create policy "Users can update own features" on public.features
  for update to authenticated
  using (exists (select 1 from public.products where products.id = features.product_id and products.user_id = (select auth.uid())))
  with check (exists (select 1 from public.products where products.id = features.product_id and products.user_id = (select auth.uid())));
create policy "Users can delete own features" on public.features
  for delete to authenticated
  using (exists (select 1 from public.products where products.id = features.product_id and products.user_id = (select auth.uid())));

-- Forgotten by the document: tasks, as features.
create policy "Users can read own tasks" on public.tasks
  for select to authenticated
  using (exists (select 1 from public.products where products.id = tasks.product_id and products.user_id = (select auth.uid())));
create policy "Users can insert own tasks" on public.tasks
  for insert to authenticated
  with check (exists (select 1 from public.products where products.id = tasks.product_id and products.user_id = (select auth.uid())));
create policy "Users can update own tasks" on public.tasks
  for update to authenticated
  using (exists (select 1 from public.products where products.id = tasks.product_id and products.user_id = (select auth.uid())))
  with check (exists (select 1 from public.products where products.id = tasks.product_id and products.user_id = (select auth.uid())));
create policy "Users can delete own tasks" on public.tasks
  for delete to authenticated
  using (exists (select 1 from public.products where products.id = tasks.product_id and products.user_id = (select auth.uid())));

-- notes: as written, anybody could put a note in another's name under his own product; the author is the writer.
grant select, insert, delete, update (product_id, content, title) on public.notes to authenticated;
create policy "Users can read own notes" on public.notes
  for select to authenticated
  using ((user_id = (select auth.uid()) and product_id is null)
         or (product_id is not null and exists (select 1 from public.products where products.id = notes.product_id and products.user_id = (select auth.uid()))));
create policy "Users can insert own notes" on public.notes
  for insert to authenticated
  with check (user_id = (select auth.uid())
              and (product_id is null or exists (select 1 from public.products where products.id = notes.product_id and products.user_id = (select auth.uid()))));
create policy "Users can update own notes" on public.notes
  for update to authenticated
  using ((user_id = (select auth.uid()) and product_id is null)
         or (product_id is not null and exists (select 1 from public.products where products.id = notes.product_id and products.user_id = (select auth.uid()))))
  with check ((user_id = (select auth.uid()) and product_id is null)
         or (product_id is not null and exists (select 1 from public.products where products.id = notes.product_id and products.user_id = (select auth.uid()))));
create policy "Users can delete own notes" on public.notes
  for delete to authenticated
  using ((user_id = (select auth.uid()) and product_id is null)
         or (product_id is not null and exists (select 1 from public.products where products.id = notes.product_id and products.user_id = (select auth.uid()))));

-- Forgotten by the document: prompt_templates, owned; public ones are read by everybody who is signed in.
grant select, insert, delete, update (name, description, template, category, is_public) on public.prompt_templates to authenticated;
create policy "Users can read own and public prompt templates" on public.prompt_templates
  for select to authenticated
  using (user_id = (select auth.uid()) or is_public);
create policy "Users can insert own prompt templates" on public.prompt_templates
  for insert to authenticated
  with check (user_id = (select auth.uid()));
create policy "Users can update own prompt templates" on public.prompt_templates
  for update to authenticated
  using (user_id = (select auth.uid()))
  with check (user_id = (select auth.uid()));
create policy "Users can delete own prompt templates" on public.prompt_templates
  for delete to authenticated
  using (user_id = (select auth.uid()));

-- Money: read by whose it is, written by the server.
grant select on public.payment_history, public.user_subscriptions to authenticated;
create policy "Users can view own payment history" on public.payment_history
  for select to authenticated
  using (user_id = (select auth.uid()));
create policy "System can record payments" on public.payment_history
  for insert to service_role
  with check (true);
create policy "Users can view own subscription" on public.user_subscriptions
  for select to authenticated
  using (user_id = (select auth.uid()));
create policy "System can manage subscriptions" on public.user_subscriptions
  for all to service_role
  using (true)
  with check (true);

-- Logs: in one's own name. As written, error_logs took rows for anybody.
grant select, insert on public.error_logs, public.openai_logs to authenticated;
create policy "Users can view own error logs" on public.error_logs
  for select to authenticated
  using (user_id = (select auth.uid()));
create policy "System can insert error logs" on public.error_logs
  for insert to authenticated
  with check (user_id = (select auth.uid()));
create policy "Users can view own OpenAI logs" on public.openai_logs
  for select to authenticated
  using (user_id = (select auth.uid()));
create policy "Users can create OpenAI logs" on public.openai_logs
  for insert to authenticated
  with check (user_id = (select auth.uid()));

-- Plans: staff only change them. One policy for each action: two would be OR-ed and both evaluated for each row.
grant select, insert, update, delete on public.subscription_plans to authenticated;
create policy "Anyone can view active plans" on public.subscription_plans
  for select to authenticated
  using (is_active = true or (select private.is_staff()));
create policy "Only admins can add plans" on public.subscription_plans
  for insert to authenticated
  with check ((select private.is_staff()));
create policy "Only admins can modify plans" on public.subscription_plans
  for update to authenticated
  using ((select private.is_staff()))
  with check ((select private.is_staff()));
create policy "Only admins can remove plans" on public.subscription_plans
  for delete to authenticated
  using ((select private.is_staff()));
