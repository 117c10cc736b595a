drop view public.revenue_analytics;
drop view public.user_analytics;
