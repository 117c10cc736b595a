-- A small school in its first season. Everybody's password is 'password'. Ids are fixed, so that examples can name them.

insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data,
                        raw_user_meta_data, created_at, updated_at, confirmation_token, recovery_token,
                        email_change_token_new, email_change)
select '00000000-0000-0000-0000-000000000000', u.id::uuid, 'authenticated', 'authenticated', u.email,
       extensions.crypt('password', extensions.gen_salt('bf')), now() - u.age, '{"provider": "email", "providers": ["email"]}',
       jsonb_build_object('full_name', u.name, 'role', u.role), now() - u.age, now() - u.age, '', '', '', ''
from (values
  ('a0000000-0000-4000-8000-000000000001', 'ada@example.com',     'Ada Okafor',        'student',    interval '200 days'),
  ('a0000000-0000-4000-8000-000000000002', 'ingrid@example.com',  'Ingrid Solberg',    'instructor', interval '190 days'),
  ('a0000000-0000-4000-8000-000000000003', 'marcus@example.com',  'Marcus Bell',       'instructor', interval '185 days'),
  ('a0000000-0000-4000-8000-000000000004', 'yuki@example.com',    'Yuki Tanaka',       'instructor', interval '150 days'),
  ('a0000000-0000-4000-8000-000000000005', 'lucia@example.com',   'Lucía Fernández',   'student',    interval '120 days'),
  ('a0000000-0000-4000-8000-000000000006', 'tom@example.com',     'Tom Whitaker',      'student',    interval '110 days'),
  ('a0000000-0000-4000-8000-000000000007', 'amara@example.com',   'Amara Nwosu',       'student',    interval '95 days'),
  ('a0000000-0000-4000-8000-000000000008', 'jonas@example.com',   'Jonas Weber',       'student',    interval '80 days'),
  ('a0000000-0000-4000-8000-000000000009', 'priya@example.com',   'Priya Raman',       'student',    interval '66 days'),
  ('a0000000-0000-4000-8000-000000000010', 'chloe@example.com',   'Chloé Martin',      'student',    interval '50 days'),
  ('a0000000-0000-4000-8000-000000000011', 'omar@example.com',    'Omar Haddad',       'student',    interval '31 days'),
  ('a0000000-0000-4000-8000-000000000012', 'sofia@example.com',   'Sofia Rossi',       'student',    interval '12 days')
) as u (id, email, name, role, age)
on conflict (id) do nothing;

insert into auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
select id::text, id, jsonb_build_object('sub', id::text, 'email', email, 'email_verified', true, 'phone_verified', false),
       'email', created_at, created_at, created_at
from auth.users where email like '%@example.com'
on conflict (provider_id, provider) do nothing;

-- Ada runs the place. No sign-up makes an admin; this is how the first one comes to be.
update public.profiles set role = 'admin' where id = 'a0000000-0000-4000-8000-000000000001';
update public.profiles p set headline = v.headline, bio = v.bio, website = v.website
from (values
  ('a0000000-0000-4000-8000-000000000002'::uuid, 'Backend engineer, fifteen years of databases',
   'I have run PostgreSQL for a bank, a newspaper and a ferry company. I teach what I wish somebody had told me.', 'https://ingrid.example.com'),
  ('a0000000-0000-4000-8000-000000000003'::uuid, 'Product designer and illustrator',
   'Former lead designer at a map company. I believe that most interfaces have one button too many.', 'https://marcusbell.example.com'),
  ('a0000000-0000-4000-8000-000000000004'::uuid, 'Photographer in Kyoto',
   'Street and landscape, mostly on foot and mostly in the rain.', 'https://yuki.example.com')
) as v (id, headline, bio, website) where p.id = v.id;

insert into public.courses (id, instructor_id, title, slug, summary, description, category, level, price_cents, published, published_at, thumbnail_path, created_at)
select ('c0000000-0000-4000-8000-0000000000' || v.n)::uuid, ('a0000000-0000-4000-8000-00000000000' || v.teacher)::uuid,
       v.title, v.slug, v.summary, v.description, v.category, v.level, v.price, v.published,
       case when v.published then now() - v.age end,
       case when v.published then 'c0000000-0000-4000-8000-0000000000' || v.n || '/thumbnail.webp' end, now() - v.age - interval '14 days'
from (values
  ('01', 2, 'SQL from the First Query to Window Functions', 'sql-from-the-first-query', 'Learn to ask a database anything.',
   'Twelve lessons with a real data set: joins, grouping, subqueries, window functions, and how to read a query plan without fear.', 'data', 'beginner', 0, true, interval '160 days'),
  ('02', 2, 'PostgreSQL Performance in Practice', 'postgresql-performance-in-practice', 'Indexes, plans, locks and the art of measuring first.',
   'We take a slow application and make it fast: statistics, index types, partial and covering indexes, vacuum, connection pools.', 'data', 'advanced', 12900, true, interval '150 days'),
  ('03', 2, 'Row-Level Security without Tears', 'row-level-security-without-tears', 'Policies that hold, and tests that prove it.',
   'Ownership, membership, roles, recursion, column privileges and the performance of policies.', 'programming', 'intermediate', 8900, true, interval '120 days'),
  ('04', 2, 'Rust for People Who Write Python', 'rust-for-people-who-write-python', 'Ownership explained with things you know.',
   'A gentle path into Rust: values and borrows, enums, errors, traits, and a small web service at the end.', 'programming', 'intermediate', 9900, true, interval '75 days'),
  ('05', 2, 'Distributed Systems, Honestly', 'distributed-systems-honestly', 'What can go wrong, and what to do about it.',
   'Clocks, queues, retries, idempotency, consensus. Draft of next season.', 'programming', 'advanced', 14900, false, interval '10 days'),
  ('06', 3, 'Interface Design for Developers', 'interface-design-for-developers', 'Spacing, type and colour, with reasons.',
   'Design is a set of decisions. We go through them one by one and redesign an application you know.', 'design', 'beginner', 5900, true, interval '140 days'),
  ('07', 3, 'Drawing Every Day', 'drawing-every-day', 'Thirty days, thirty drawings.',
   'A free course for a pencil and a cheap sketchbook. Bring ten minutes a day.', 'design', 'beginner', 0, true, interval '130 days'),
  ('08', 3, 'Design Systems that People Use', 'design-systems-that-people-use', 'Tokens, components and the politics around them.',
   'How to start small, document little, and be adopted anyway.', 'design', 'advanced', 11900, true, interval '60 days'),
  ('09', 3, 'Pricing Your Freelance Work', 'pricing-your-freelance-work', 'Ask for more and explain less.',
   'Offers, scope, contracts, and the conversation about money.', 'business', 'beginner', 3900, true, interval '45 days'),
  ('10', 4, 'Street Photography: Seeing First', 'street-photography-seeing-first', 'The camera is the last thing we talk about.',
   'Light, patience, distance, and how to approach people. Weekly walks and critique.', 'photography', 'beginner', 4900, true, interval '125 days'),
  ('11', 4, 'Editing Photographs with Restraint', 'editing-photographs-with-restraint', 'Five sliders are enough.',
   'A calm workflow from import to print.', 'photography', 'intermediate', 4500, true, interval '90 days'),
  ('12', 4, 'Japanese for Travellers', 'japanese-for-travellers', 'Trains, food and thank you.',
   'Free lessons for two weeks in Japan: sounds, phrases, manners.', 'languages', 'beginner', 0, true, interval '100 days'),
  ('13', 4, 'Film Cameras for Beginners', 'film-cameras-for-beginners', 'Load, expose, wait.',
   'Still being written: the darkroom part is missing.', 'photography', 'beginner', 5500, false, interval '5 days'),
  ('14', 3, 'Newsletter Writing that Gets Replies', 'newsletter-writing-that-gets-replies', 'Write to one person.',
   'Voice, rhythm, subject lines, and the courage to send.', 'marketing', 'intermediate', 2900, true, interval '30 days')
) as v (n, teacher, title, slug, summary, description, category, level, price, published, age)
on conflict (id) do nothing;

-- Who attends what. Those who attend a course with a price have paid for it.
drop table if exists pg_temp.attendance;
create temporary table attendance as
select ('c0000000-0000-4000-8000-0000000000' || c)::uuid as course_id,
       ('a0000000-0000-4000-8000-0000000000' || s)::uuid as student_id, progress, (days || ' days')::interval as age
from (values
  ('01', '05', 100, 100), ('01', '06', 80, 98), ('01', '07', 100, 90), ('01', '08', 35, 70), ('01', '09', 60, 60), ('01', '10', 10, 40), ('01', '12', 5, 10),
  ('02', '05', 70, 90), ('02', '07', 40, 60), ('02', '08', 15, 45),
  ('03', '05', 90, 80), ('03', '07', 55, 50), ('03', '11', 20, 20),
  ('04', '06', 30, 55), ('04', '09', 45, 50), ('04', '08', 10, 30),
  ('06', '06', 100, 95), ('06', '09', 85, 55), ('06', '10', 50, 42), ('06', '11', 25, 25),
  ('07', '05', 20, 85), ('07', '10', 90, 45), ('07', '12', 30, 9), ('07', '11', 60, 28),
  ('08', '06', 40, 40), ('09', '10', 100, 35), ('09', '12', 70, 8),
  ('10', '07', 100, 88), ('10', '09', 65, 58), ('10', '10', 40, 44), ('11', '07', 75, 54),
  ('12', '06', 55, 75), ('12', '08', 100, 65), ('12', '11', 45, 22), ('14', '12', 15, 6), ('14', '05', 50, 20)
) as v (c, s, progress, days);

insert into public.payments (id, course_id, student_id, amount_cents, currency, status, stripe_checkout_session_id,
                             stripe_payment_intent_id, paid_at, created_at)
select md5('payment:' || a.course_id || a.student_id)::uuid, a.course_id, a.student_id, c.price_cents, c.currency, 'succeeded',
       'cs_test_' || left(md5('checkout:' || a.course_id || a.student_id), 24),
       'pi_test_' || left(md5('intent:' || a.course_id || a.student_id), 24), now() - a.age, now() - a.age
from attendance a join public.courses c on c.id = a.course_id where c.price_cents > 0
on conflict (id) do nothing;
-- One card was declined, one purchase was given back.
insert into public.payments (id, course_id, student_id, amount_cents, refunded_cents, currency, status, stripe_checkout_session_id,
                             stripe_payment_intent_id, failure_message, paid_at, refunded_at, created_at)
values
  (md5('payment:declined')::uuid, 'c0000000-0000-4000-8000-000000000008', 'a0000000-0000-4000-8000-000000000012', 11900, 0, 'usd', 'failed',
   'cs_test_declined', null, 'Your card was declined.', null, null, now() - interval '7 days'),
  (md5('payment:refunded')::uuid, 'c0000000-0000-4000-8000-000000000002', 'a0000000-0000-4000-8000-000000000011', 12900, 12900, 'usd', 'refunded',
   'cs_test_refunded', 'pi_test_refunded', null, now() - interval '24 days', now() - interval '21 days', now() - interval '24 days')
on conflict (id) do nothing;

insert into public.enrollments (id, course_id, student_id, payment_id, status, progress_percent, enrolled_at)
select md5('enrollment:' || a.course_id || a.student_id)::uuid, a.course_id, a.student_id, p.id,
       case when a.progress = 100 then 'completed' else 'active' end, a.progress, now() - a.age
from attendance a left join public.payments p on p.id = md5('payment:' || a.course_id || a.student_id)::uuid
on conflict do nothing;
insert into public.enrollments (id, course_id, student_id, payment_id, status, progress_percent, enrolled_at, ended_at)
values (md5('enrollment:refunded')::uuid, 'c0000000-0000-4000-8000-000000000002', 'a0000000-0000-4000-8000-000000000011',
        md5('payment:refunded')::uuid, 'refunded', 5, now() - interval '24 days', now() - interval '21 days')
on conflict do nothing;

-- Four lessons a course, a week apart: two behind us, two ahead.
insert into public.sessions (id, course_id, title, description, starts_at, ends_at, status)
select md5('session:' || c.id || n)::uuid, c.id, 'Live lesson ' || n || ': ' || (array['Welcome and first steps', 'Questions and practice',
         'Working on your projects', 'Review and what comes next'])[n],
       'Bring your questions and something you are stuck on.',
       date_trunc('hour', now()) + (n - 3) * interval '7 days' + interval '18 hours',
       date_trunc('hour', now()) + (n - 3) * interval '7 days' + interval '19 hours 30 minutes',
       case when n <= 2 then 'ended' else 'scheduled' end
from public.courses c cross join generate_series(1, 4) n where c.published
on conflict (id) do nothing;
insert into public.session_links (session_id, audience, course_id, meeting_id, url, passcode)
select s.id, a, s.course_id, left(translate(md5('meeting:' || s.id), 'abcdef', '123456'), 10),
       'https://zoom.example.com/' || case a when 'host' then 's/' else 'j/' end || left(translate(md5('meeting:' || s.id), 'abcdef', '123456'), 10),
       left(md5('passcode:' || s.id), 6)
from public.sessions s cross join unnest(array['participant', 'host']) a where s.status = 'scheduled'
on conflict do nothing;

insert into public.homework (id, course_id, title, instructions, max_points, due_at, published)
select md5('homework:' || c.id || n)::uuid, c.id,
       (array['Warm-up', 'Main exercise', 'Final project'])[n] || ': ' || c.title,
       (array['Half an hour, no more. Tell us what surprised you.', 'Do it once quickly, throw it away, and do it again.',
              'Something of your own. Hand in early and ask for comments.'])[n],
       (array[20, 100, 200])[n], date_trunc('day', now()) + (n - 2) * interval '10 days', n < 3
from public.courses c cross join generate_series(1, 3) n where c.published
on conflict (id) do nothing;
insert into public.submissions (id, homework_id, student_id, body, submitted_at, points, feedback, graded_at, graded_by)
select md5('submission:' || h.id || e.student_id)::uuid, h.id, e.student_id,
       (array['Done! The second part took me longer than I thought.', 'I am not sure about the last step; the rest went well.',
              'Here is my attempt. I changed the example a little to fit my own work.'])[1 + get_byte(decode(md5(e.student_id::text || h.id), 'hex'), 0) % 3],
       now() - interval '11 days', 12 + get_byte(decode(md5(e.student_id::text || h.id), 'hex'), 1) % 9,
       'Good work. Look again at the part you were unsure about: you were right the first time.', now() - interval '9 days', c.instructor_id
from public.homework h join public.courses c on c.id = h.course_id
join public.enrollments e on e.course_id = h.course_id and e.status in ('active', 'completed') and e.progress_percent >= 30
where h.max_points = 20
on conflict do nothing;
insert into public.submissions (id, homework_id, student_id, body, submitted_at)
select md5('submission:' || h.id || e.student_id)::uuid, h.id, e.student_id, 'First version. Comments are welcome.', now() - interval '1 day'
from public.homework h join public.enrollments e on e.course_id = h.course_id and e.status = 'active' and e.progress_percent >= 50
where h.max_points = 100
on conflict do nothing;

insert into public.resources (id, course_id, title, kind, storage_path, url, position, is_preview)
select md5('resource:' || c.id || n)::uuid, c.id, (array['Syllabus', 'Slides of the first lesson', 'Exercise files', 'Further reading'])[n],
       (array['file', 'slides', 'code', 'link'])[n],
       case when n < 4 then c.id || '/' || (array['syllabus.pdf', 'slides-1.pdf', 'exercises.zip'])[n] end,
       case when n = 4 then 'https://reading.example.com/' || c.slug end, n, n = 1
from public.courses c cross join generate_series(1, 4) n
on conflict (id) do nothing;

insert into public.messages (id, course_id, sender_id, body, created_at)
select md5('message:' || v.c || v.n)::uuid, ('c0000000-0000-4000-8000-0000000000' || v.c)::uuid,
       ('a0000000-0000-4000-8000-0000000000' || v.s)::uuid, v.body, now() - (v.hours || ' hours')::interval
from (values
  ('01', 1, '02', 'Welcome everybody! Introduce yourselves and tell us which database you are fighting with.', 900),
  ('01', 2, '05', 'Hi, Lucía from Valencia. A spreadsheet that wants to be a database.', 890),
  ('01', 3, '06', 'Tom here. I inherited a reporting system with forty nested subqueries.', 870),
  ('01', 4, '02', 'Perfect, we will take one of those apart in lesson three.', 869),
  ('01', 5, '12', 'Sofia, just joined! Is the recording of lesson one still available?', 30),
  ('02', 1, '02', 'Please run EXPLAIN (ANALYZE, BUFFERS) before you ask: the answer is often in it.', 700),
  ('02', 2, '07', 'My plan says Heap Fetches: 40000. Is that the vacuum you talked about?', 120),
  ('02', 3, '02', 'Exactly that. Try it and post both plans.', 118),
  ('03', 1, '11', 'Why do my policies call themselves in a circle?', 200),
  ('03', 2, '02', 'Because the policy on profiles reads profiles. Lesson four is about the helper function that breaks the circle.', 196),
  ('06', 1, '03', 'This week: remove one thing from your screen and tell us what happened.', 300),
  ('06', 2, '10', 'I removed the sidebar. Nobody noticed. I am a little hurt.', 250),
  ('10', 1, '04', 'Sunday walk: meet at the north gate at 6:30. Bring an umbrella, not a tripod.', 80),
  ('10', 2, '07', 'I will be there!', 78),
  ('12', 1, '04', 'Today''s word: yoroshiku. There is no translation and you need it every day.', 60)
) as v (c, n, s, body, hours)
on conflict (id) do nothing;

insert into public.reviews (id, course_id, student_id, rating, comment, created_at)
select md5('review:' || e.course_id || e.student_id)::uuid, e.course_id, e.student_id,
       4 + get_byte(decode(md5(e.student_id::text || e.course_id), 'hex'), 0) % 2 - (get_byte(decode(md5(e.student_id::text || e.course_id), 'hex'), 1) % 7 = 0)::integer,
       (array['Clear, patient and funny. I use it every week.', 'Exactly the right speed for me.', 'The live lessons are the best part.',
              'I would have liked more exercises, but what is there is excellent.'])[1 + get_byte(decode(md5(e.student_id::text || e.course_id), 'hex'), 2) % 4],
       now() - interval '5 days'
from public.enrollments e where e.progress_percent >= 50 and e.status in ('active', 'completed')
on conflict do nothing;

insert into public.notifications (user_id, kind, title, body, created_at, read_at)
select p.id, 'welcome', 'Welcome, ' || split_part(p.full_name, ' ', 1) || '!', 'Have a look around: the free courses are open to you at once.',
       u.created_at, case when u.created_at < now() - interval '30 days' then u.created_at + interval '1 hour' end
from public.profiles p join auth.users u on u.id = p.id
where u.email like '%@example.com'
  and not exists (select 1 from public.notifications n where n.user_id = p.id and n.kind = 'welcome');

drop table pg_temp.attendance;
