grant insert, update on public.user_subscriptions to authenticated;
create policy "Users manage their own subscription" on public.user_subscriptions for insert to authenticated with check (user_id = (select auth.uid()));
