drop table public.user_activity_logs;
drop table public.system_metrics;
drop table public.admin_logs;
drop table public.api_usage_logs;
drop table public.api_costs;
