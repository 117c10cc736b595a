drop table public.flow_connections;
drop table public.flow_pages;
