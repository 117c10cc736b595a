-- Templates, campaigns, and what became of each mail.

create table public.email_templates (
    id uuid default gen_random_uuid() primary key,
    name text not null unique,
    subject text not null,
    html_content text not null,
    text_content text,
    sendgrid_template_id text,
    is_active boolean default true,
    created_at timestamp with time zone default now(),
    updated_at timestamp with time zone default now()
);

create table public.email_campaigns (
    id uuid default gen_random_uuid() primary key,
    name text not null,
    template_id uuid references public.email_templates(id),
    target_audience jsonb,
    status text default 'draft' check (status in ('draft', 'scheduled', 'sending', 'completed', 'cancelled')),
    scheduled_at timestamp with time zone,
    sent_at timestamp with time zone,
    created_at timestamp with time zone default now()
);

create table public.email_logs (
    id uuid default gen_random_uuid() primary key,
    user_id uuid references public.profiles(id) on delete cascade,
    template_id uuid references public.email_templates(id),
    campaign_id uuid references public.email_campaigns(id),
    sendgrid_message_id text,
    status text not null check (status in ('sent', 'delivered', 'opened', 'clicked', 'bounced', 'failed')),
    sent_at timestamp with time zone default now(),
    delivered_at timestamp with time zone,
    opened_at timestamp with time zone,
    clicked_at timestamp with time zone
);

alter table public.email_templates enable row level security;
alter table public.email_campaigns enable row level security;
alter table public.email_logs enable row level security;
revoke all on public.email_templates, public.email_campaigns, public.email_logs from anon, authenticated, service_role;
