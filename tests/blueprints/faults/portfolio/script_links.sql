alter table public.projects drop constraint projects_live_link_check;
