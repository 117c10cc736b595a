grant insert, update on public.social_metrics to authenticated;
create policy "Owners record metrics" on public.social_metrics for insert to authenticated
  with check (exists (select 1 from public.projects p where p.id = social_metrics.project_id and p.user_id = (select auth.uid())));
