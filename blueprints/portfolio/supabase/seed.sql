-- Six people and what they show. They signed in with Google, so nobody has a password. Ids are fixed, so that examples can name them.

insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data,
                        raw_user_meta_data, created_at, updated_at, confirmation_token, recovery_token, email_change_token_new, email_change)
select '00000000-0000-0000-0000-000000000000', u.id::uuid, 'authenticated', 'authenticated', u.email, '', now() - u.age,
       '{"provider": "google", "providers": ["google"]}',
       jsonb_build_object('full_name', u.name, 'avatar_url', 'https://avatars.example.com/' || split_part(u.email, '@', 1) || '.jpg'),
       now() - u.age, now() - u.age, '', '', '', ''
from (values
  ('a3000000-0000-4000-8000-000000000001', 'mira@example.com', 'Mira Lindgren', interval '200 days'),
  ('a3000000-0000-4000-8000-000000000002', 'diego@example.com', 'Diego Ramos', interval '160 days'),
  ('a3000000-0000-4000-8000-000000000003', 'aisha@example.com', 'Aisha Bello', interval '120 days'),
  ('a3000000-0000-4000-8000-000000000004', 'kenji@example.com', 'Kenji Mori', interval '60 days'),
  ('a3000000-0000-4000-8000-000000000005', 'lotte@example.com', 'Lotte Visser', interval '21 days'),
  ('a3000000-0000-4000-8000-000000000006', 'omar@example.com', 'Omar Aziz', interval '3 days')
) u (id, email, name, age)
on conflict (id) do nothing;
insert into auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
select '10000000000000000000' || right(id::text, 1), id, jsonb_build_object('sub', '10000000000000000000' || right(id::text, 1), 'email', email, 'email_verified', true, 'iss', 'https://accounts.google.com'),
       'google', created_at, created_at, created_at
from auth.users where id::text like 'a3000000-%'
on conflict (provider_id, provider) do nothing;
update public.users p set created_at = u.created_at from auth.users u where u.id = p.id and u.id::text like 'a3000000-%';

insert into public.projects (id, user_id, title, short_summary, description, status, live_link, github_link, created_at)
select ('b3000000-0000-4000-8000-0000000000' || v.n)::uuid, ('a3000000-0000-4000-8000-00000000000' || v.u)::uuid, v.title, v.summary, v.text, v.status,
       v.live, v.repo, now() - v.days * interval '1 day'
from (values
  ('01', 1, 'Harbour', 'Ferry times that are right.', 'Reads the positions of the boats and says when yours will really be there.', 'published', 'https://harbour.example.com', 'https://github.com/example/harbour', 190),
  ('02', 1, 'Moss', 'A plotter that draws moss.', 'Two motors, one pen, and a growth model from 1968.', 'published', null, 'https://github.com/example/moss', 120),
  ('03', 1, 'Untitled compiler', null, 'It compiles itself on Tuesdays.', 'draft', null, null, 14),
  ('04', 2, 'Salsa counter', 'Counts the beat for beginners.', 'Listens, and taps your wrist on one and five.', 'published', 'https://salsa.example.com', null, 150),
  ('05', 2, 'Old site', null, 'My first portfolio.', 'archived', 'https://old.example.com', null, 155),
  ('06', 3, 'Lagos in maps', 'Forty maps of one city.', 'Water, light, traffic, markets: a series of prints and a web page.', 'published', 'https://lagosmaps.example.com', 'https://github.com/example/lagosmaps', 100),
  ('07', 3, 'Market prices', 'Tomatoes, hourly.', 'An honest index of what things cost at five markets.', 'published', null, 'https://github.com/example/prices', 40),
  ('08', 4, 'Tiny synth', 'A synthesizer in 512 bytes.', 'Written for a competition. It came third.', 'published', 'https://synth.example.com', 'https://github.com/example/tinysynth', 50),
  ('09', 5, 'Tulip', 'Flash cards for Dutch.', 'With sounds, and with patience.', 'draft', null, null, 8)
) v (n, u, title, summary, text, status, live, repo, days)
on conflict (id) do nothing;
insert into public.project_images (id, project_id, url, position)
select md5('image:' || p.id || n)::uuid, p.id, p.user_id || '/' || p.id || '/' || n || '.webp', n
from public.projects p cross join generate_series(1, 3) n where p.id::text like 'b3000000-%' on conflict (id) do nothing;
insert into public.project_videos (id, project_id, url, position)
select md5('video:' || p.id)::uuid, p.id, p.user_id || '/' || p.id || '/demo.mp4', 1
from public.projects p where p.id::text like 'b3000000-%' and p.live_link is not null on conflict (id) do nothing;
insert into public.project_tags (project_id, tag)
select p.id, t from public.projects p cross join unnest(array['web', 'maps', 'music', 'art', 'data']) t
where p.id::text like 'b3000000-%' and get_byte(decode(md5(p.id::text || t), 'hex'), 0) % 3 = 0 on conflict do nothing;
insert into public.project_technologies (project_id, technology)
select p.id, t from public.projects p cross join unnest(array['Rust', 'TypeScript', 'PostgreSQL', 'Python', 'WebGL']) t
where p.id::text like 'b3000000-%' and get_byte(decode(md5(p.id::text || t), 'hex'), 0) % 2 = 0 on conflict do nothing;

insert into public.social_metrics (id, project_id, platform, likes, comments, stars, forks, watchers, retweets, replies, recorded_at)
select md5('metrics:' || p.id || platform || d)::uuid, p.id, platform,
       case when platform <> 'github' then (40 - d) * 2 + h % 50 else 0 end, case when platform <> 'github' then (40 - d) / 4 + h % 7 else 0 end,
       case when platform = 'github' then (40 - d) * (1 + h % 6) + 12 else 0 end, case when platform = 'github' then (40 - d) / 3 + h % 9 else 0 end,
       case when platform = 'github' then 3 + h % 12 else 0 end, case when platform = 'twitter' then (40 - d) / 2 + h % 10 else 0 end,
       case when platform = 'twitter' then (40 - d) / 8 else 0 end, current_date - d
from (select id, github_link, get_byte(decode(md5(id::text), 'hex'), 0) as h from public.projects where status = 'published' and id::text like 'b3000000-%') p
cross join unnest(array['linkedin', 'github', 'twitter']) platform cross join generate_series(1, 30) d
where platform <> 'github' or p.github_link is not null
on conflict do nothing;

insert into public.subscriptions (id, user_id, stripe_id, status, plan, current_period_end) values
  (md5('subscription:1')::uuid, 'a3000000-0000-4000-8000-000000000001', 'sub_test_mira', 'active', 'pro-yearly', now() + interval '165 days'),
  (md5('subscription:3')::uuid, 'a3000000-0000-4000-8000-000000000003', 'sub_test_aisha', 'trialing', 'pro-monthly', now() + interval '9 days'),
  (md5('subscription:2')::uuid, 'a3000000-0000-4000-8000-000000000002', 'sub_test_diego', 'canceled', 'pro-monthly', now() - interval '30 days')
on conflict (id) do nothing;
insert into public.templates (id, name, blocks_json) values
  ('c3000000-0000-4000-8000-000000000001', 'Quiet', '[{"type": "hero", "align": "left"}, {"type": "projects", "columns": 1}, {"type": "contact"}]'),
  ('c3000000-0000-4000-8000-000000000002', 'Wall', '[{"type": "projects", "columns": 3}, {"type": "about"}, {"type": "contact"}]'),
  ('c3000000-0000-4000-8000-000000000003', 'Engineer', '[{"type": "hero", "align": "center"}, {"type": "metrics"}, {"type": "projects", "columns": 2}]')
on conflict (id) do nothing;
insert into public.layouts (id, user_id, template_id, name, blocks_json, is_public) values
  ('d3000000-0000-4000-8000-000000000001', null, 'c3000000-0000-4000-8000-000000000001', 'Quiet, dark', '[{"type": "hero", "theme": "dark"}]', true),
  ('d3000000-0000-4000-8000-000000000002', 'a3000000-0000-4000-8000-000000000001', 'c3000000-0000-4000-8000-000000000003', 'My page', '[{"type": "metrics"}, {"type": "projects"}]', true),
  ('d3000000-0000-4000-8000-000000000003', 'a3000000-0000-4000-8000-000000000001', 'c3000000-0000-4000-8000-000000000002', 'Experiment', '[{"type": "projects", "columns": 5}]', false)
on conflict (id) do nothing;
insert into public.ai_sessions (id, user_id, input_json, output_json, created_at)
select md5('ai:' || n)::uuid, ('a3000000-0000-4000-8000-00000000000' || 1 + n % 3)::uuid, '{"style": "calm", "question": "Which order for my projects?"}',
       '{"suggestion": "Begin with the one that people can touch."}', now() - n * interval '3 days'
from generate_series(1, 7) n on conflict (id) do nothing;
insert into public.notifications (id, user_id, type, sent_at, status)
select md5('welcome:' || id)::uuid, id, 'welcome', created_at + interval '1 minute', 'sent' from public.users where id::text like 'a3000000-%'
on conflict (id) do nothing;
