-- The document's view: without security_invoker, and for everybody.
create or replace view public.user_analytics with (security_invoker = false) as
select p.id, p.email, p.subscription_status, p.credits_remaining, p.total_credits_purchased, p.total_credits_used,
       count(i.id) as total_images, count(case when i.processing_status = 'completed' then 1 end) as completed_images,
       count(case when i.processing_status = 'failed' then 1 end) as failed_images, max(i.created_at) as last_image_created,
       p.created_at as user_created_at
from public.profiles p left join public.images i on p.id = i.user_id
group by p.id;
