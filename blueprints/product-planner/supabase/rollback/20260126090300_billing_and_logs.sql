drop table public.openai_logs;
drop table public.error_logs;
drop table public.payment_history;
drop table public.user_subscriptions;
drop table public.subscription_plans;
