alter policy "Visitors read published projects" on public.projects using (status is distinct from 'archived');
