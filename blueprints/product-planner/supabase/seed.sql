-- A few founders and what they plan. Everybody's password is 'password'. Ids are fixed, so that examples can name them.

insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data,
                        raw_user_meta_data, created_at, updated_at, confirmation_token, recovery_token, email_change_token_new, email_change)
select '00000000-0000-0000-0000-000000000000', u.id::uuid, 'authenticated', 'authenticated', u.email,
       extensions.crypt('password', extensions.gen_salt('bf')), now() - u.age, '{"provider": "email", "providers": ["email"]}',
       jsonb_build_object('full_name', u.name), now() - u.age, now() - u.age, '', '', '', ''
from (values
  ('a2000000-0000-4000-8000-000000000001', 'sam@fluxr.ai', 'Sam Keller', interval '240 days'),
  ('a2000000-0000-4000-8000-000000000002', 'hana@example.com', 'Hana Sato', interval '120 days'),
  ('a2000000-0000-4000-8000-000000000003', 'emeka@example.com', 'Emeka Obi', interval '90 days'),
  ('a2000000-0000-4000-8000-000000000004', 'julia@example.com', 'Júlia Costa', interval '40 days'),
  ('a2000000-0000-4000-8000-000000000005', 'ravi@example.com', 'Ravi Menon', interval '6 days')
) u (id, email, name, age)
on conflict (id) do nothing;
insert into auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
select id::text, id, jsonb_build_object('sub', id::text, 'email', email, 'email_verified', true, 'phone_verified', false),
       'email', created_at, created_at, created_at
from auth.users where id::text like 'a2000000-%'
on conflict (provider_id, provider) do nothing;

insert into public.subscription_plans (id, name, description, price, "interval", stripe_price_id, stripe_product_id, features, is_active, trial_period_days) values
  ('d2000000-0000-4000-8000-000000000001', 'Hobby', 'One product, for trying out.', 0, 'month', null, null, '["1 product"]', true, null),
  ('d2000000-0000-4000-8000-000000000002', 'Founder', 'All of it, for one person.', 19, 'month', 'price_test_founder', 'prod_test_founder', '["Unlimited products", "AI drafts"]', true, 14),
  ('d2000000-0000-4000-8000-000000000003', 'Founder, yearly', 'Two months are a present.', 190, 'year', 'price_test_founder_year', 'prod_test_founder_year', '["Unlimited products", "AI drafts"]', true, 14),
  ('d2000000-0000-4000-8000-000000000004', 'Beta', 'No longer sold.', 5, 'month', 'price_test_beta', 'prod_test_beta', '[]', false, null)
on conflict (id) do nothing;
insert into public.user_subscriptions (id, user_id, plan_id, stripe_customer_id, stripe_subscription_id, status, current_period_start, current_period_end, payment_type)
select md5('subscription:' || n)::uuid, ('a2000000-0000-4000-8000-00000000000' || n)::uuid, ('d2000000-0000-4000-8000-00000000000' || n)::uuid,
       'cus_test_' || n, 'sub_test_' || n, 'active', now() - interval '9 days', now() + interval '21 days', 'subscription'
from generate_series(2, 3) n on conflict (id) do nothing;
insert into public.payment_history (id, user_id, subscription_id, amount, status, stripe_payment_intent_id, stripe_payment_method, error_message, created_at)
select md5('payment:' || n || m)::uuid, ('a2000000-0000-4000-8000-00000000000' || n)::uuid, md5('subscription:' || n)::uuid, case n when 2 then 19 else 190 end,
       case when n = 2 and m = 1 then 'failed' else 'succeeded' end, 'pi_test_' || n || '_' || m, 'card',
       case when n = 2 and m = 1 then 'Your card has insufficient funds.' end, now() - interval '9 days' - m * interval '30 days'
from generate_series(2, 3) n cross join generate_series(0, 2) m where n = 2 or m = 0
on conflict (id) do nothing;

insert into public.products (id, user_id, name, description, slug, created_at) values
  ('b2000000-0000-4000-8000-000000000001', 'a2000000-0000-4000-8000-000000000002', 'Tiny Ledger', 'Book-keeping for people who hate book-keeping.', 'tiny-ledger', now() - interval '110 days'),
  ('b2000000-0000-4000-8000-000000000002', 'a2000000-0000-4000-8000-000000000002', 'Bento', 'Lunch orders for small offices.', 'bento', now() - interval '30 days'),
  ('b2000000-0000-4000-8000-000000000003', 'a2000000-0000-4000-8000-000000000003', 'Danfo', 'When does the next bus really come?', 'danfo', now() - interval '80 days'),
  ('b2000000-0000-4000-8000-000000000004', 'a2000000-0000-4000-8000-000000000004', 'Sourdough Club', 'A calendar for starters.', 'sourdough-club', now() - interval '20 days')
on conflict (id) do nothing;
insert into public.customer_profiles (id, product_id, name, overview, background, problems, scoring, is_selected)
select md5('customer:' || p.id || n)::uuid, p.id, (array['The careful beginner', 'The busy owner', 'The reluctant switcher'])[n],
       jsonb_build_object('age', (array['25-34', '35-49', '50+'])[n], 'size', (array['1', '2-10', '11-50'])[n]),
       jsonb_build_object('story', (array['Starts this year and wants to do it right.', 'Does everything himself, at night.', 'Has a spreadsheet from 2009 that works.'])[n]),
       jsonb_build_array((array['Afraid of mistakes', 'No time', 'Moving data'])[n]), jsonb_build_object('urgency', 3 + n, 'budget', 6 - n), n = 2
from public.products p cross join generate_series(1, 3) n on conflict (id) do nothing;
insert into public.features (id, product_id, name, description, priority, implementation_status, position)
select md5('feature:' || p.id || n)::uuid, p.id, (array['Sign in', 'Import', 'Weekly summary', 'Sharing', 'Dark mode'])[n],
       (array['With e-mail and with Google.', 'From a file, with a preview.', 'By mail, on Mondays.', 'With one link.', 'Because everybody asks.'])[n],
       (array['must', 'must', 'should', 'could', 'wont'])[n], (array['done', 'in_progress', 'not_started', 'not_started', 'not_started'])[n], n
from public.products p cross join generate_series(1, 5) n on conflict (id) do nothing;
insert into public.tasks (id, name, description, status, priority, position, product_id)
select md5('task:' || p.id || n)::uuid, (array['Write to ten people', 'Draw the first screen', 'Choose a name', 'Buy the domain', 'Set up payments', 'Ask for a review'])[n],
       null, (array['done', 'done', 'done', 'in_progress', 'not_started', 'not_started'])[n], (array['high', 'high', 'low', 'medium', 'not-prioritized', 'not-prioritized'])[n], n, p.id
from public.products p cross join generate_series(1, 6) n on conflict (id) do nothing;
insert into public.bugs (id, name, description, bug_url, status, priority, position, product_id)
select md5('bug:' || p.id || n)::uuid, (array['The total is off by one cent', 'Back button leads nowhere', 'Umlauts in names'])[n],
       (array['Only with three or more rows.', 'After importing, on a phone.', 'Jürgen becomes J?rgen in the export.'])[n],
       'https://app.example.com/' || p.slug || '/' || n, (array['not_started', 'in_progress', 'done'])[n], (array['high', 'low', 'medium'])[n], n, p.id
from public.products p cross join generate_series(1, 3) n on conflict (id) do nothing;
insert into public.prds (id, product_id, problem, solution, target_audience, tech_stack, success_metrics, custom_sections)
select md5('prd:' || p.id)::uuid, p.id, p.description, 'One thing, done well.', 'People who have tried three others.', 'Basalt, a browser, patience.',
       'Forty people a week who come back.', '{"risks": "We might get bored."}'
from public.products p on conflict (id) do nothing;
insert into public.product_prompts (id, product_id, name, description, template, category)
select md5('prompt:' || p.id)::uuid, p.id, 'Release notes', 'For the newsletter', 'Write release notes for {{product}} from: {{changes}}', 'writing'
from public.products p on conflict (id) do nothing;
insert into public.prompt_templates (id, user_id, name, description, template, category, is_public) values
  (md5('template:1')::uuid, 'a2000000-0000-4000-8000-000000000001', 'Interview questions', 'Ten open questions', 'Ten open questions about {{problem}} for {{customer}}.', 'research', true),
  (md5('template:2')::uuid, 'a2000000-0000-4000-8000-000000000001', 'Pitch', 'One paragraph', 'Explain {{product}} to a tired investor in one paragraph.', 'writing', true),
  (md5('template:3')::uuid, 'a2000000-0000-4000-8000-000000000002', 'My tone', null, 'Rewrite without exclamation marks: {{text}}', 'writing', false)
on conflict (id) do nothing;
insert into public.flow_pages (id, product_id, name, description, position_x, position_y, features, implementation_status)
select md5('page:' || p.id || n)::uuid, p.id, (array['Landing', 'Sign in', 'Home', 'Settings'])[n], null, n * 220, (n % 2) * 140, '[]',
       (array['done', 'done', 'in_progress', 'not_started'])[n]
from public.products p cross join generate_series(1, 4) n on conflict (id) do nothing;
insert into public.flow_connections (id, source_id, target_id, product_id)
select md5('connection:' || p.id || n)::uuid, md5('page:' || p.id || n)::uuid, md5('page:' || p.id || n + 1)::uuid, p.id
from public.products p cross join generate_series(1, 3) n on conflict (id) do nothing;
insert into public.notes (id, user_id, product_id, title, content) values
  (md5('note:1')::uuid, 'a2000000-0000-4000-8000-000000000002', 'b2000000-0000-4000-8000-000000000001', 'Call with the accountant', 'She wants exports, not features.'),
  (md5('note:2')::uuid, 'a2000000-0000-4000-8000-000000000002', null, 'Ideas', 'A plant that texts when it is thirsty.'),
  (md5('note:3')::uuid, 'a2000000-0000-4000-8000-000000000003', 'b2000000-0000-4000-8000-000000000003', 'Drivers', 'Ask them, not the company.')
on conflict (id) do nothing;
insert into public.error_logs (id, user_id, error_type, error_code, error_message, severity, metadata, browser_info)
values (md5('error:1')::uuid, 'a2000000-0000-4000-8000-000000000002', 'network', 'E_TIMEOUT', 'The request took longer than 10 s.', 'warning', '{"path": "/features"}', '{"name": "Firefox"}')
on conflict (id) do nothing;
insert into public.openai_logs (id, user_id, request_type, request_payload, response_payload, model, input_tokens, output_tokens)
select md5('ai:' || n)::uuid, ('a2000000-0000-4000-8000-00000000000' || 2 + n % 2)::uuid, (array['prd', 'features', 'customer_profile'])[1 + n % 3],
       jsonb_build_object('messages', jsonb_build_array(jsonb_build_object('role', 'user', 'content', 'Draft it.'))),
       jsonb_build_object('content', 'Here is a draft.'), (array['gpt-4', 'gpt-4o'])[1 + n % 2], 200 + n * 31, 400 + n * 57
from generate_series(1, 8) n on conflict (id) do nothing;
