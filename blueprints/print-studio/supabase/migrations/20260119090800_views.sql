-- The document's reports. security_invoker, and for admins (and the server) only: without it a view reads as its
-- owner, past row-level security, and shows everybody's address to everybody.

create view public.user_analytics with (security_invoker = true) as
select
    p.id,
    p.email,
    p.subscription_status,
    p.credits_remaining,
    p.total_credits_purchased,
    p.total_credits_used,
    count(i.id) as total_images,
    count(case when i.processing_status = 'completed' then 1 end) as completed_images,
    count(case when i.processing_status = 'failed' then 1 end) as failed_images,
    max(i.created_at) as last_image_created,
    p.created_at as user_created_at
from public.profiles p
left join public.images i on p.id = i.user_id
where (select private.may_see_reports())
group by p.id, p.email, p.subscription_status, p.credits_remaining,
         p.total_credits_purchased, p.total_credits_used, p.created_at;

create view public.revenue_analytics with (security_invoker = true) as
select
    date_trunc('month', ct.created_at) as month,
    ct.transaction_type,
    count(*) as transaction_count,
    sum(ct.amount) as total_credits,
    sum(case when ct.stripe_payment_intent_id is not null then 1 else 0 end) as paid_transactions
from public.credit_transactions ct
where ct.transaction_type = 'purchase' and (select private.may_see_reports())
group by date_trunc('month', ct.created_at), ct.transaction_type
order by month desc;

revoke all on public.user_analytics, public.revenue_analytics from anon, authenticated, service_role;
grant select on public.user_analytics, public.revenue_analytics to authenticated, service_role;
