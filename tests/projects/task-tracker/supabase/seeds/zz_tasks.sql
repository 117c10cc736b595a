insert into public.tasks (project_id, title, assignee)
select id, title, owner_id from public.projects, unnest(array['Write it', 'Ship it']) as title;
