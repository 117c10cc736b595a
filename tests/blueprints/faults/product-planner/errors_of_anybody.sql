-- The document's policy.
alter policy "System can insert error logs" on public.error_logs with check (true);
