-- A studio with a few customers. Everybody's password is 'password'. Ids are fixed, so that examples can name them.

insert into public.subscription_plans (id, name, stripe_price_id, description, monthly_price, credits_per_month, features, sort_order) values
  ('f0000000-0000-4000-8000-000000000001', 'free', null, 'Two credits to try it out.', 0, 0, '["2 credits once", "Images kept for 30 days"]', 1),
  ('f0000000-0000-4000-8000-000000000002', 'basic', 'price_test_basic', 'For a shop that prints now and then.', 9.99, 20, '["20 credits a month", "Images kept for 90 days"]', 2),
  ('f0000000-0000-4000-8000-000000000003', 'starter', 'price_test_starter', 'For a shop that prints every day.', 24.99, 60, '["60 credits a month", "Images kept for a year", "Vectorize"]', 3)
on conflict (id) do nothing;
insert into public.pay_as_you_go_packages (id, name, stripe_price_id, credits, price, description, sort_order) values
  ('f1000000-0000-4000-8000-000000000001', '10 credits', 'price_test_pack_10', 10, 7.99, 'For one evening.', 1),
  ('f1000000-0000-4000-8000-000000000002', '25 credits', 'price_test_pack_25', 25, 17.99, 'For one project.', 2),
  ('f1000000-0000-4000-8000-000000000003', '100 credits', 'price_test_pack_100', 100, 59.99, 'For the season.', 3)
on conflict (id) do nothing;
insert into public.api_costs (id, api_provider, operation_type, cost_per_operation, effective_date) values
  ('f2000000-0000-4000-8000-000000000001', 'local', 'upscale', 0, '2026-01-01'),
  ('f2000000-0000-4000-8000-000000000002', 'local', 'vectorize', 0, '2026-01-01'),
  ('f2000000-0000-4000-8000-000000000003', 'clippingmagic', 'background_removal', 0.1250, '2026-01-01'),
  ('f2000000-0000-4000-8000-000000000004', 'openai', 'generate', 0.0400, '2026-01-01')
on conflict (id) do nothing;

insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data,
                        raw_user_meta_data, created_at, updated_at, confirmation_token, recovery_token, email_change_token_new, email_change)
select '00000000-0000-0000-0000-000000000000', u.id::uuid, 'authenticated', 'authenticated', u.email,
       extensions.crypt('password', extensions.gen_salt('bf')), now() - u.age, '{"provider": "email", "providers": ["email"]}',
       jsonb_build_object('first_name', u.first, 'last_name', u.last), now() - u.age, now() - u.age, '', '', '', ''
from (values
  ('a1000000-0000-4000-8000-000000000001', 'admin@example.com', 'Dana', 'Reyes', interval '300 days'),
  ('a1000000-0000-4000-8000-000000000002', 'paula@example.com', 'Paula', 'Nyman', interval '210 days'),
  ('a1000000-0000-4000-8000-000000000003', 'kofi@example.com', 'Kofi', 'Mensah', interval '160 days'),
  ('a1000000-0000-4000-8000-000000000004', 'lena@example.com', 'Lena', 'Brandt', interval '120 days'),
  ('a1000000-0000-4000-8000-000000000005', 'theo@example.com', 'Theo', 'Laurent', interval '75 days'),
  ('a1000000-0000-4000-8000-000000000006', 'mei@example.com', 'Mei', 'Huang', interval '33 days'),
  ('a1000000-0000-4000-8000-000000000007', 'raj@example.com', 'Raj', 'Patel', interval '14 days'),
  ('a1000000-0000-4000-8000-000000000008', 'nora@example.com', 'Nora', 'Kelly', interval '2 days')
) u (id, email, first, last, age)
on conflict (id) do nothing;
insert into auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
select id::text, id, jsonb_build_object('sub', id::text, 'email', email, 'email_verified', true, 'phone_verified', false),
       'email', created_at, created_at, created_at
from auth.users where id::text like 'a1000000-%'
on conflict (provider_id, provider) do nothing;

update public.profiles p set created_at = u.created_at, last_activity_at = now() - interval '1 day' * (ascii(p.first_name) % 9)
from auth.users u where u.id = p.id and u.id::text like 'a1000000-%' and p.created_at <> u.created_at;
-- Dana runs the studio. No sign-up makes an admin; this is how the first one comes to be.
update public.profiles set is_admin = true where id = 'a1000000-0000-4000-8000-000000000001';
update public.profiles p set company = v.company, subscription_status = v.plan, subscription_plan = v.plan,
       stripe_customer_id = 'cus_test_' || lower(p.first_name)
from (values ('Paula', 'Nyman Textil', 'starter'), ('Kofi', 'Accra Prints', 'basic'), ('Lena', 'Brandt & Sohn', 'basic'), ('Theo', 'Atelier Laurent', 'cancelled'))
  v (first, company, plan)
where p.first_name = v.first and p.id::text like 'a1000000-%';

insert into public.subscription_history (id, user_id, subscription_plan_id, stripe_subscription_id, status, started_at, ended_at, cancelled_at)
select md5('history:' || p.id)::uuid, p.id, s.id, 'sub_test_' || lower(p.first_name),
       case when p.subscription_status = 'cancelled' then 'cancelled' else 'active' end, now() - interval '70 days',
       case when p.subscription_status = 'cancelled' then now() - interval '10 days' end,
       case when p.subscription_status = 'cancelled' then now() - interval '15 days' end
from public.profiles p join public.subscription_plans s
  on s.name = case when p.subscription_status = 'cancelled' then 'basic' else p.subscription_status end
where p.id::text like 'a1000000-%' and p.subscription_status <> 'free'
on conflict (id) do nothing;

-- Credits come and go through the same functions that the application uses; keys make the seed repeatable.
select public.add_user_credits(v.id::uuid, v.credits, 'purchase', v.what,
         jsonb_build_object('stripe_payment_intent_id', 'pi_test_' || v.key, 'pay_as_you_go_package_id', v.pack), 'seed:purchase:' || v.key)
from (values
  ('a1000000-0000-4000-8000-000000000002', 100, '100 credits', 'paula-1', 'f1000000-0000-4000-8000-000000000003'),
  ('a1000000-0000-4000-8000-000000000002', 25, '25 credits', 'paula-2', 'f1000000-0000-4000-8000-000000000002'),
  ('a1000000-0000-4000-8000-000000000003', 25, '25 credits', 'kofi-1', 'f1000000-0000-4000-8000-000000000002'),
  ('a1000000-0000-4000-8000-000000000005', 10, '10 credits', 'theo-1', 'f1000000-0000-4000-8000-000000000001'),
  ('a1000000-0000-4000-8000-000000000007', 10, '10 credits', 'raj-1', 'f1000000-0000-4000-8000-000000000001')
) v (id, credits, what, key, pack);
select private.grant_monthly_credits();

insert into public.images (id, user_id, original_filename, original_file_size, original_file_type, original_url, processing_status, is_favorite,
                           download_count, metadata, expires_at, created_at)
select md5('image:' || n)::uuid, ('a1000000-0000-4000-8000-00000000000' || 2 + n % 6)::uuid,
       (array['koi', 'mountain', 'logo', 'skull-and-roses', 'grandma-1962', 'team-shirt', 'sunset', 'cat-in-space'])[1 + n % 8] || '-' || n || '.png',
       180000 + (n * 7919) % 2400000, 'image/png',
       'a1000000-0000-4000-8000-00000000000' || 2 + n % 6 || '/' || md5('image:' || n)::uuid || '/original.png', 'pending', n % 5 = 0, n % 7,
       jsonb_build_object('width', 600 + n * 37 % 1800, 'height', 600 + n * 53 % 1800), now() + (n % 4 - 1) * interval '40 days' + interval '45 days',
       now() - n * interval '31 hours'
from generate_series(1, 36) n
on conflict (id) do nothing;
-- Most were worked on: through the same functions, one failure among them, which gave its credit back.
with begun as (
  select n, (public.begin_image_operation(md5('image:' || n)::uuid,
    (array['upscale', 'background_removal', 'vectorize', 'generate'])[1 + n % 4], (array['local', 'clippingmagic', 'local', 'openai'])[1 + n % 4],
    1, 'seed')).id as operation
  from generate_series(1, 30) n
  where (select credits_remaining from public.profiles where id = ('a1000000-0000-4000-8000-00000000000' || 2 + n % 6)::uuid) > 8 or n % 6 in (0, 1)
)
select public.finish_image_operation(operation,
  case when n % 10 <> 3 then jsonb_build_object('final_url', 'a1000000-0000-4000-8000-00000000000' || 2 + n % 6 || '/' || md5('image:' || n)::uuid || '/final.png',
    'thumbnail_url', 'a1000000-0000-4000-8000-00000000000' || 2 + n % 6 || '/' || md5('image:' || n)::uuid || '/thumbnail.webp') end,
  case when n % 10 = 3 then 'The provider did not answer in time.' end, 1.5 + n % 7, case when n % 4 in (1, 3) then 0.04 else 0 end)
from begun;

insert into public.image_collections (id, user_id, name, description, is_public) values
  ('f3000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000002', 'Spring shirts', 'What we print this spring.', true),
  ('f3000000-0000-4000-8000-000000000002', 'a1000000-0000-4000-8000-000000000002', 'Drafts', null, false),
  ('f3000000-0000-4000-8000-000000000003', 'a1000000-0000-4000-8000-000000000003', 'For the market', 'Saturday, stall 14.', true)
on conflict (id) do nothing;
insert into public.image_collection_items (collection_id, image_id)
select c.id, i.id from public.image_collections c join public.images i on i.user_id = c.user_id
where (get_byte(decode(md5(c.id::text || i.id), 'hex'), 0) % 2 = 0) and c.id::text like 'f3000000-%'
on conflict do nothing;

insert into public.email_templates (id, name, subject, html_content, text_content) values
  ('f4000000-0000-4000-8000-000000000001', 'welcome', 'Welcome, {{first_name}}', '<p>Hello {{first_name}}, two credits are waiting for you.</p>', 'Hello {{first_name}}, two credits are waiting for you.'),
  ('f4000000-0000-4000-8000-000000000002', 'low-credits', 'Almost out of credits', '<p>You have {{credits}} left.</p>', 'You have {{credits}} left.'),
  ('f4000000-0000-4000-8000-000000000003', 'spring', 'Spring prints at half price', '<p>Until Sunday, {{first_name}}.</p>', 'Until Sunday, {{first_name}}.')
on conflict (id) do nothing;
insert into public.email_campaigns (id, name, template_id, target_audience, status, scheduled_at) values
  ('f5000000-0000-4000-8000-000000000001', 'Spring', 'f4000000-0000-4000-8000-000000000003', '{"subscription_status": ["free", "basic"]}', 'scheduled', now() + interval '3 days'),
  ('f5000000-0000-4000-8000-000000000002', 'We miss you', 'f4000000-0000-4000-8000-000000000002', '{"inactive_days": 60}', 'draft', null)
on conflict (id) do nothing;
insert into public.email_logs (id, user_id, template_id, sendgrid_message_id, status, sent_at, delivered_at, opened_at)
select md5('welcome:' || p.id)::uuid, p.id, 'f4000000-0000-4000-8000-000000000001', 'msg_test_' || lower(p.first_name),
       case when ascii(p.first_name) % 3 = 0 then 'opened' else 'delivered' end, p.created_at, p.created_at + interval '4 seconds',
       case when ascii(p.first_name) % 3 = 0 then p.created_at + interval '2 hours' end
from public.profiles p where p.id::text like 'a1000000-%'
on conflict (id) do nothing;
insert into public.user_activity_logs (id, user_id, activity_type, activity_data, created_at)
select md5('activity:' || i.id)::uuid, i.user_id, 'image.uploaded', jsonb_build_object('image_id', i.id), i.created_at
from public.images i where i.user_id::text like 'a1000000-%'
on conflict (id) do nothing;
insert into public.system_metrics (id, metric_name, metric_value, metric_unit, recorded_at)
select md5('metric:' || d)::uuid, 'images.processed', 20 + d * 13 % 17, 'images', date_trunc('day', now()) - d * interval '1 day'
from generate_series(0, 29) d
on conflict (id) do nothing;
