drop table public.prompt_templates;
drop table public.notes;
drop table public.product_prompts;
drop table public.prds;
drop table public.tasks;
drop table public.features;
drop table public.bugs;
drop table public.customer_profiles;
