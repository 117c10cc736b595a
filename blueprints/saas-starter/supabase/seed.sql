-- Four plans, forty people and two months of use. Everybody's password is 'password'. Ids are fixed, so that examples can name them.

insert into public.subscription_plans (id, code, name, description, price_cents, "interval", trial_days, features, stripe_product_id, stripe_price_id, sort_order, is_active)
values
  ('d0000000-0000-4000-8000-000000000001', 'free', 'Free', 'For trying out and for small things that stay small.', 0, 'month', 0,
   '["1 project", "Community support"]', null, null, 1, true),
  ('d0000000-0000-4000-8000-000000000002', 'starter', 'Starter', 'For one person with serious plans.', 1900, 'month', 14,
   '["5 projects", "E-mail support", "Daily backups"]', 'prod_test_starter', 'price_test_starter_month', 2, true),
  ('d0000000-0000-4000-8000-000000000003', 'team', 'Team', 'For people who work together.', 4900, 'month', 14,
   '["Unlimited projects", "10 seats", "Audit log", "Priority support"]', 'prod_test_team', 'price_test_team_month', 3, true),
  ('d0000000-0000-4000-8000-000000000004', 'team-yearly', 'Team, yearly', 'Two months are a present.', 49000, 'year', 14,
   '["Unlimited projects", "10 seats", "Audit log", "Priority support"]', 'prod_test_team', 'price_test_team_year', 4, true),
  ('d0000000-0000-4000-8000-000000000005', 'early-bird', 'Early bird', 'For those who were here first. No longer sold.', 900, 'month', 0,
   '["5 projects", "E-mail support"]', 'prod_test_early', 'price_test_early_month', 9, false)
on conflict (id) do nothing;

insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data,
                        raw_user_meta_data, created_at, updated_at, last_sign_in_at, confirmation_token, recovery_token,
                        email_change_token_new, email_change)
select '00000000-0000-0000-0000-000000000000', ('b0000000-0000-4000-8000-0000000000' || lpad(n::text, 2, '0'))::uuid,
       'authenticated', 'authenticated', lower(first) || case when n > 20 then n::text else '' end || '@example.com',
       extensions.crypt('password', extensions.gen_salt('bf')), now() - age, '{"provider": "email", "providers": ["email"]}',
       jsonb_build_object('full_name', initcap(first) || ' ' || last), now() - age, now() - age, now() - (n % 9) * interval '1 day',
       '', '', '', ''
from (
  select n, (59 - (n * 37) % 58) * interval '1 day' + n * interval '13 minutes' as age,
         (array['ada','bruno','carla','david','elena','felix','grace','hugo','irene','jamal','kira','lars','mina','noah','olga','pavel','qiu','rosa','samir','tessa'])[1 + (n - 1) % 20] as first,
         (array['Lindqvist','Moreau','Okafor','Petrova','Silva','Tanaka','Ueda','Vargas','Weiss','Zhang','Haddad'])[1 + (n * 7) % 11] as last
  from generate_series(1, 40) n
) u
on conflict (id) do nothing;
insert into auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
select id::text, id, jsonb_build_object('sub', id::text, 'email', email, 'email_verified', true, 'phone_verified', false),
       'email', last_sign_in_at, created_at, created_at
from auth.users where id::text like 'b0000000-%'
on conflict (provider_id, provider) do nothing;

-- When they came, as the funnel and the charts have it. Ada runs the place: no sign-up makes an admin.
update public.users u set created_at = a.created_at, last_seen_at = a.last_sign_in_at
from auth.users a where a.id = u.id and u.id::text like 'b0000000-%' and u.created_at <> a.created_at;
update public.users set role = 'admin' where id = 'b0000000-0000-4000-8000-000000000001' and role <> 'admin';
update public.profiles set company = (array['Nordlicht GmbH', 'Paper Boat Ltd', 'Casa Verde', 'Studio Kiri', null])[1 + get_byte(decode(md5(id::text), 'hex'), 0) % 5],
       locale = (array['en', 'en', 'de', 'es', 'fr', 'pt-BR'])[1 + get_byte(decode(md5(id::text), 'hex'), 1) % 6],
       timezone = (array['Europe/Berlin', 'America/New_York', 'Asia/Tokyo', 'Africa/Lagos'])[1 + get_byte(decode(md5(id::text), 'hex'), 2) % 4]
where id::text like 'b0000000-%' and company is null and timezone = 'UTC';

-- Every second person pays; one is late, one is leaving, one has left.
insert into public.user_subscriptions (id, user_id, plan_id, status, current_period_start, current_period_end, cancel_at_period_end,
                                       canceled_at, trial_end, grace_until, stripe_customer_id, stripe_subscription_id, stripe_updated_at, created_at)
select md5('subscription:' || n)::uuid, ('b0000000-0000-4000-8000-0000000000' || lpad(n::text, 2, '0'))::uuid,
       ('d0000000-0000-4000-8000-00000000000' || case when n = 2 then 5 else 2 + n / 2 % 3 end)::uuid,
       case n when 4 then 'past_due' when 8 then 'canceled' when 38 then 'trialing' else 'active' end,
       now() - interval '12 days', now() + interval '18 days', n = 6,
       case when n = 8 then now() - interval '3 days' end, case when n = 38 then now() + interval '9 days' end,
       case when n = 4 then now() + interval '5 days' end,
       'cus_test_' || n, 'sub_test_' || n, now() - interval '1 day', now() - interval '42 days'
from generate_series(2, 40, 2) n
on conflict (id) do nothing;
insert into public.invoices (id, user_id, subscription_id, stripe_invoice_id, amount_cents, currency, status, attempts, failure_message, issued_at, paid_at)
select md5('invoice:' || s.id || m)::uuid, s.user_id, s.id, 'in_test_' || left(md5(s.id::text || m), 16), p.price_cents, p.currency,
       case when s.status = 'past_due' and m = 0 then 'open' else 'paid' end,
       case when s.status = 'past_due' and m = 0 then 2 else 1 end,
       case when s.status = 'past_due' and m = 0 then 'Your card has insufficient funds.' end,
       now() - interval '12 days' - m * interval '30 days',
       case when s.status = 'past_due' and m = 0 then null else now() - interval '12 days' - m * interval '30 days' end
from public.user_subscriptions s join public.subscription_plans p on p.id = s.plan_id cross join generate_series(0, 1) m
where s.stripe_subscription_id like 'sub_test_%' and s.status <> 'trialing' and (p."interval" = 'month' or m = 0)
on conflict do nothing;
insert into public.payment_methods (id, user_id, stripe_payment_method_id, brand, last4, exp_month, exp_year, is_default)
select md5('card:' || s.user_id)::uuid, s.user_id, 'pm_test_' || left(md5(s.user_id::text), 16),
       (array['visa', 'mastercard', 'amex'])[1 + get_byte(decode(md5(s.user_id::text), 'hex'), 0) % 3],
       lpad((get_byte(decode(md5(s.user_id::text), 'hex'), 1) * 37 % 10000)::text, 4, '0'),
       1 + get_byte(decode(md5(s.user_id::text), 'hex'), 2) % 12, 2028 + get_byte(decode(md5(s.user_id::text), 'hex'), 3) % 4, true
from public.user_subscriptions s where s.stripe_subscription_id like 'sub_test_%'
on conflict do nothing;

-- Two months of use: everybody signs up, most look around, some create, half of those upgrade.
insert into public.analytics_events (id, user_id, visit_id, name, properties, occurred_at)
select md5('event:' || u.id || e.step)::uuid, u.id, md5('visit:' || u.id)::uuid, e.name,
       jsonb_build_object('source', (array['search', 'friend', 'newsletter', 'direct'])[1 + h % 4]), u.created_at + e.step * interval '17 minutes'
from (select id, created_at, get_byte(decode(md5(id::text), 'hex'), 5) as h from public.users where id::text like 'b0000000-%') u
cross join (values (1, 'sign_up', 256), (2, 'onboarding.done', 200), (3, 'project.created', 130), (4, 'plan.upgraded', 70)) e (step, name, below)
where u.h < e.below
on conflict (id) do nothing;
insert into public.analytics_events (id, user_id, visit_id, name, properties, occurred_at)
select md5('view:' || u.id || d || k)::uuid, u.id, md5('visit:' || u.id || d)::uuid, 'page.viewed',
       jsonb_build_object('path', (array['/', '/projects', '/projects/1', '/settings', '/billing'])[1 + (d + k) % 5]),
       date_trunc('day', now()) - d * interval '1 day' + (7 + (d * 5 + k * 3) % 12) * interval '1 hour'
from (select id, created_at, get_byte(decode(md5(id::text), 'hex'), 6) as h from public.users where id::text like 'b0000000-%') u
cross join generate_series(1, 58) d cross join generate_series(1, 3) k
where u.created_at < now() - d * interval '1 day' and (u.h + d) % (2 + u.h % 5) = 0
on conflict (id) do nothing;

insert into public.test_table (id, user_id, title, done, created_at)
select md5('row:' || n || k)::uuid, ('b0000000-0000-4000-8000-0000000000' || lpad(n::text, 2, '0'))::uuid,
       (array['Read the guide', 'Invite a colleague', 'Connect the shop', 'Try the import'])[k], k < 3, now() - k * interval '2 days'
from generate_series(1, 12) n cross join generate_series(1, 4) k
on conflict (id) do nothing;
