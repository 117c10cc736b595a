-- The document's policy, and Supabase's default grant.
grant insert on public.credit_transactions to anon, authenticated;
create policy "System can insert transactions" on public.credit_transactions for insert with check (true);
