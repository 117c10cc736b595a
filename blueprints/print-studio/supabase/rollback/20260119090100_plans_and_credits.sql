drop table public.subscription_history;
drop table public.credit_transactions;
drop table public.pay_as_you_go_packages;
drop table public.subscription_plans;
