-- A public portfolio shows published projects, and never an address or a Google id. Everything else is its owner's.

grant all on all tables in schema public to service_role;

-- users: one's own row, whole. Visitors read people with something published, in the columns that are granted to them;
-- people who are signed in read others through public_users, since a grant cannot tell own rows from others'.
create function private.public_users() returns table (id uuid, username text, avatar_url text, created_at timestamptz)
language sql stable security definer set search_path = '' rows 1000 as $$
  select u.id, u.username, u.avatar_url, u.created_at from public.users u
  where exists (select 1 from public.projects p where p.user_id = u.id and p.status = 'published')
$$;
revoke all on function private.public_users() from public, anon, authenticated;
grant execute on function private.public_users() to anon, authenticated, service_role;

grant select (id, username, avatar_url, created_at) on public.users to anon;
grant select, update (username, avatar_url) on public.users to authenticated;
create policy "Visitors read people with a public portfolio" on public.users
  for select to anon
  using (exists (select 1 from public.projects p where p.user_id = users.id and p.status = 'published'));
create policy "Users read their own row" on public.users
  for select to authenticated using (id = (select auth.uid()));
create policy "Users update their own row" on public.users
  for update to authenticated using (id = (select auth.uid())) with check (id = (select auth.uid()));

create view public.public_users with (security_invoker = true) as
select id, username, avatar_url, created_at from private.public_users();
revoke all on public.public_users from anon, authenticated, service_role;
grant select on public.public_users to anon, authenticated, service_role;

-- projects
grant select on public.projects to anon, authenticated;
grant delete, insert (id, user_id, title, short_summary, description, status, live_link, github_link),
  update (title, short_summary, description, status, live_link, github_link) on public.projects to authenticated;
create policy "Visitors read published projects" on public.projects
  for select to anon using (status = 'published');
create policy "Users read published projects and their own" on public.projects
  for select to authenticated using (status = 'published' or user_id = (select auth.uid()));
create policy "Users create their own projects" on public.projects
  for insert to authenticated with check (user_id = (select auth.uid()));
create policy "Users update their own projects" on public.projects
  for update to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy "Users delete their own projects" on public.projects
  for delete to authenticated using (user_id = (select auth.uid()));

-- What belongs to a project is seen with it and written by its owner.
grant select on public.project_images, public.project_videos, public.project_tags, public.project_technologies,
  public.social_metrics to anon, authenticated;
grant insert, delete on public.project_images, public.project_videos, public.project_tags, public.project_technologies to authenticated;
grant update (url, position) on public.project_images, public.project_videos to authenticated;
do $$
declare t text;
begin
  foreach t in array array['project_images', 'project_videos', 'project_tags', 'project_technologies', 'social_metrics'] loop
    execute format($policy$
      create policy "Visitors see what belongs to published projects" on public.%1$I for select to anon
        using (exists (select 1 from public.projects p where p.id = %1$I.project_id and p.status = 'published'))$policy$, t);
    execute format($policy$
      create policy "Users see what belongs to published and own projects" on public.%1$I for select to authenticated
        using (exists (select 1 from public.projects p where p.id = %1$I.project_id
                       and (p.status = 'published' or p.user_id = (select auth.uid()))))$policy$, t);
    continue when t = 'social_metrics';
    execute format($policy$
      create policy "Owners add to their projects" on public.%1$I for insert to authenticated
        with check (exists (select 1 from public.projects p where p.id = %1$I.project_id and p.user_id = (select auth.uid())))$policy$, t);
    execute format($policy$
      create policy "Owners remove from their projects" on public.%1$I for delete to authenticated
        using (exists (select 1 from public.projects p where p.id = %1$I.project_id and p.user_id = (select auth.uid())))$policy$, t);
    continue when t in ('project_tags', 'project_technologies');
    execute format($policy$
      create policy "Owners change what belongs to their projects" on public.%1$I for update to authenticated
        using (exists (select 1 from public.projects p where p.id = %1$I.project_id and p.user_id = (select auth.uid())))
        with check (exists (select 1 from public.projects p where p.id = %1$I.project_id and p.user_id = (select auth.uid())))$policy$, t);
  end loop;
end $$;

-- The catalogue is everybody's to read; layouts of one's own are one's own until they are public.
grant select on public.templates, public.layouts to anon, authenticated;
create policy "Visitors read templates" on public.templates for select to anon using (true);
create policy "Users read templates" on public.templates for select to authenticated using (true);
grant delete, insert (id, user_id, template_id, name, blocks_json, is_public), update (template_id, name, blocks_json, is_public)
  on public.layouts to authenticated;
create policy "Visitors read public layouts" on public.layouts for select to anon using (is_public);
create policy "Users read public layouts and their own" on public.layouts
  for select to authenticated using (is_public or user_id = (select auth.uid()));
create policy "Users create their own layouts" on public.layouts
  for insert to authenticated with check (user_id = (select auth.uid()));
create policy "Users update their own layouts" on public.layouts
  for update to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy "Users delete their own layouts" on public.layouts
  for delete to authenticated using (user_id = (select auth.uid()));

-- Written by functions with the server's key, read by whose they are.
grant select on public.subscriptions, public.ai_sessions, public.notifications to authenticated;
grant delete on public.ai_sessions to authenticated;
create policy "Users read their own subscription" on public.subscriptions
  for select to authenticated using (user_id = (select auth.uid()));
create policy "Users read their own AI sessions" on public.ai_sessions
  for select to authenticated using (user_id = (select auth.uid()));
create policy "Users delete their own AI sessions" on public.ai_sessions
  for delete to authenticated using (user_id = (select auth.uid()));
create policy "Users read their own notifications" on public.notifications
  for select to authenticated using (user_id = (select auth.uid()));
