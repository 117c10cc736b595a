drop table public.email_logs;
drop table public.email_campaigns;
drop table public.email_templates;
