drop view public.test_table_with_users;
drop table public.test_table;
drop function public.list_users(text, integer, integer);
drop function public.analytics_revenue(date, date);
drop function public.analytics_funnel(text[], date, date);
drop function public.analytics_sign_ups(date, date);
drop function public.analytics_actives(date, date, text);
drop table public.analytics_events;
