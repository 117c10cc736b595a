drop view public.public_users;
drop policy "Visitors read people with a public portfolio" on public.users;
drop policy "Users read their own row" on public.users;
drop policy "Users update their own row" on public.users;
drop policy "Visitors read published projects" on public.projects;
drop policy "Users read published projects and their own" on public.projects;
drop policy "Users create their own projects" on public.projects;
drop policy "Users update their own projects" on public.projects;
drop policy "Users delete their own projects" on public.projects;
drop policy "Visitors read templates" on public.templates;
drop policy "Users read templates" on public.templates;
drop policy "Visitors read public layouts" on public.layouts;
drop policy "Users read public layouts and their own" on public.layouts;
drop policy "Users create their own layouts" on public.layouts;
drop policy "Users update their own layouts" on public.layouts;
drop policy "Users delete their own layouts" on public.layouts;
drop policy "Users read their own subscription" on public.subscriptions;
drop policy "Users read their own AI sessions" on public.ai_sessions;
drop policy "Users delete their own AI sessions" on public.ai_sessions;
drop policy "Users read their own notifications" on public.notifications;
do $$
declare p record;
begin
  -- Those that the migration made in a loop.
  for p in select policyname, tablename from pg_policies where schemaname = 'public'
           and tablename in ('project_images', 'project_videos', 'project_tags', 'project_technologies', 'social_metrics') loop
    execute format('drop policy %I on public.%I', p.policyname, p.tablename);
  end loop;
end $$;
drop function private.public_users();
revoke all on all tables in schema public from anon, authenticated, service_role;
