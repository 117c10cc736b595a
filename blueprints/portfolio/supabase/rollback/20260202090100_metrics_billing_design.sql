drop table public.notifications;
drop table public.ai_sessions;
drop table public.layouts;
drop table public.templates;
drop table public.subscriptions;
drop table public.social_metrics;
drop function private.follow_subscription();
