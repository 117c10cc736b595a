-- Who touches which rows, tried one by one and taken back: as many as said, or refused.
begin;
create extension if not exists pgtap with schema extensions;
set local search_path = public, extensions;
select no_plan();

-- The rows that the statement would touch if that person ran it: a number, or the reason why not.
create function pg_temp.would(who text, statement text) returns text language plpgsql as $$
declare n bigint;
begin
  perform set_config('request.jwt.claims', case who when 'anon' then '{"role": "anon"}' else
            json_build_object('sub', 'a0000000-0000-4000-8000-0000000000' || who, 'role', 'authenticated')::text end, true),
          set_config('role', case who when 'anon' then 'anon' else 'authenticated' end, true);
  execute statement;
  get diagnostics n = row_count;
  raise exception using errcode = 'ZZ001', message = n::text;
exception
  when sqlstate 'ZZ001' then return sqlerrm;
  when insufficient_privilege then return 'refused';
end $$;

-- Ada 01 is the admin; Ingrid 02 and Marcus 03 teach; Lucía 05, Tom 06 and Sofia 12 study.
-- A draft with contents, which only its instructor, Ingrid, and admins see.
insert into sessions (id, course_id, title, starts_at, ends_at) values ('e1000000-0000-4000-8000-000000000001', 'c0000000-0000-4000-8000-000000000005', 'Hidden lesson', now(), now() + interval '1 hour');
insert into reviews (course_id, student_id, rating) values ('c0000000-0000-4000-8000-000000000005', 'a0000000-0000-4000-8000-000000000012', 5);
-- Tom's own submission, not graded; Lucía's own review.
insert into submissions (id, homework_id, student_id, body) values ('e2000000-0000-4000-8000-000000000001', md5('homework:c0000000-0000-4000-8000-0000000000042')::uuid, 'a0000000-0000-4000-8000-000000000006', 'draft')
on conflict (homework_id, student_id) do update set body = excluded.body, graded_at = null, points = null;

select is(pg_temp.would(who, statement), expected, who || ': ' || statement) from (values
  -- what a visitor does not see of a draft
  ('anon', $$select from sessions where id = 'e1000000-0000-4000-8000-000000000001'$$, '0'),
  ('anon', $$select from resources where course_id = 'c0000000-0000-4000-8000-000000000005'$$, '0'),
  ('anon', $$select from resources where course_id = 'c0000000-0000-4000-8000-000000000001'$$, '1'),
  ('anon', $$select from reviews where course_id = 'c0000000-0000-4000-8000-000000000005'$$, '0'),
  ('06', $$select from sessions where id = 'e1000000-0000-4000-8000-000000000001'$$, '0'),
  ('02', $$select from sessions where id = 'e1000000-0000-4000-8000-000000000001'$$, '1'),
  ('01', $$select from sessions where id = 'e1000000-0000-4000-8000-000000000001'$$, '1'),
  ('06', $$select from reviews where course_id = 'c0000000-0000-4000-8000-000000000005'$$, '0'),
  ('12', $$select from reviews where course_id = 'c0000000-0000-4000-8000-000000000005'$$, '1'),
  ('02', $$select from reviews where course_id = 'c0000000-0000-4000-8000-000000000005'$$, '1'),
  ('06', $$select from reviews where student_id = 'a0000000-0000-4000-8000-000000000005' and course_id = 'c0000000-0000-4000-8000-000000000001'$$, '1'),
  ('05', $$select from resources where course_id = 'c0000000-0000-4000-8000-000000000001'$$, '4'),
  ('05', $$select from resources where course_id = 'c0000000-0000-4000-8000-000000000006'$$, '1'),
  ('03', $$select from resources where course_id = 'c0000000-0000-4000-8000-000000000006'$$, '4'),
  -- instructors: own courses' contents, no others'
  ('02', $$update courses set summary = 'x' where id = 'c0000000-0000-4000-8000-000000000001'$$, '1'),
  ('02', $$update courses set summary = 'x' where id = 'c0000000-0000-4000-8000-000000000006'$$, '0'),
  ('02', $$delete from courses where id = 'c0000000-0000-4000-8000-000000000005'$$, '1'),
  ('02', $$delete from courses where id = 'c0000000-0000-4000-8000-000000000006'$$, '0'),
  ('02', $$update sessions set title = 'New title' where course_id = 'c0000000-0000-4000-8000-000000000001'$$, '4'),
  ('02', $$update sessions set title = 'New title' where course_id = 'c0000000-0000-4000-8000-000000000006'$$, '0'),
  ('02', $$delete from sessions where course_id = 'c0000000-0000-4000-8000-000000000001'$$, '4'),
  ('02', $$delete from sessions where course_id = 'c0000000-0000-4000-8000-000000000006'$$, '0'),
  ('05', $$update sessions set title = 'New title'$$, '0'),
  ('05', $$delete from sessions$$, '0'),
  ('02', $$insert into session_links (session_id, audience, url) values ('e1000000-0000-4000-8000-000000000001', 'participant', 'https://meet.example.com/1')$$, '1'),
  ('02', $$update session_links set passcode = 'x' where course_id = 'c0000000-0000-4000-8000-000000000001'$$, '4'),
  ('05', $$update session_links set passcode = 'x' where course_id = 'c0000000-0000-4000-8000-000000000001'$$, '0'),
  ('03', $$update session_links set passcode = 'x' where course_id = 'c0000000-0000-4000-8000-000000000001'$$, '0'),
  ('02', $$delete from session_links where course_id = 'c0000000-0000-4000-8000-000000000001'$$, '4'),
  ('05', $$delete from session_links$$, '0'),
  ('02', $$insert into homework (course_id, title) values ('c0000000-0000-4000-8000-000000000001', 'One more')$$, '1'),
  ('02', $$update homework set title = 'Changed' where course_id = 'c0000000-0000-4000-8000-000000000001'$$, '3'),
  ('02', $$update homework set session_id = (select id from sessions where course_id = 'c0000000-0000-4000-8000-000000000006' limit 1) where course_id = 'c0000000-0000-4000-8000-000000000001'$$, 'refused'),
  ('05', $$update homework set title = 'Changed'$$, '0'),
  ('02', $$delete from homework where course_id = 'c0000000-0000-4000-8000-000000000001'$$, '3'),
  ('05', $$delete from homework$$, '0'),
  ('02', $$insert into resources (course_id, title, url) values ('c0000000-0000-4000-8000-000000000001', 'More', 'https://example.com')$$, '1'),
  ('02', $$update resources set title = 'Changed' where course_id = 'c0000000-0000-4000-8000-000000000001'$$, '4'),
  ('02', $$update resources set session_id = (select id from sessions where course_id = 'c0000000-0000-4000-8000-000000000006' limit 1) where course_id = 'c0000000-0000-4000-8000-000000000001'$$, 'refused'),
  ('05', $$update resources set title = 'Changed'$$, '0'),
  ('02', $$delete from resources where course_id = 'c0000000-0000-4000-8000-000000000001'$$, '4'),
  ('05', $$delete from resources$$, '0'),
  -- students: own work and words
  ('06', $$update submissions set body = 'better' where id = 'e2000000-0000-4000-8000-000000000001' or (student_id = 'a0000000-0000-4000-8000-000000000006' and body = 'draft')$$, '1'),
  ('05', $$update submissions set body = 'worse' where student_id = 'a0000000-0000-4000-8000-000000000006'$$, '0'),
  ('06', $$delete from submissions where student_id = 'a0000000-0000-4000-8000-000000000006' and body = 'draft'$$, '1'),
  ('05', $$delete from submissions where student_id = 'a0000000-0000-4000-8000-000000000006'$$, '0'),
  ('06', $$update messages set body = 'edited' where sender_id = 'a0000000-0000-4000-8000-000000000006'$$, '1'),
  ('02', $$update messages set body = 'edited' where sender_id = 'a0000000-0000-4000-8000-000000000006'$$, '0'),
  ('06', $$delete from messages where sender_id = 'a0000000-0000-4000-8000-000000000006'$$, '1'),
  ('05', $$update reviews set rating = 3 where student_id = 'a0000000-0000-4000-8000-000000000005' and course_id = 'c0000000-0000-4000-8000-000000000001'$$, '1'),
  ('06', $$update reviews set rating = 3 where student_id = 'a0000000-0000-4000-8000-000000000005'$$, '0'),
  ('05', $$delete from reviews where student_id = 'a0000000-0000-4000-8000-000000000005' and course_id = 'c0000000-0000-4000-8000-000000000001'$$, '1'),
  ('06', $$delete from reviews where student_id = 'a0000000-0000-4000-8000-000000000005'$$, '0'),
  ('02', $$delete from reviews where student_id = 'a0000000-0000-4000-8000-000000000005'$$, '0'),
  ('12', $$select from notifications where kind = 'welcome'$$, '1'),
  ('12', $$update notifications set read_at = now() where kind = 'welcome'$$, '1'),
  ('12', $$delete from notifications where kind = 'welcome'$$, '1'),
  ('12', $$delete from notifications where user_id <> 'a0000000-0000-4000-8000-000000000012'$$, '0'),
  ('05', $$delete from enrollments where student_id = 'a0000000-0000-4000-8000-000000000005'$$, '0'),
  ('05', $$delete from profiles where id = 'a0000000-0000-4000-8000-000000000005'$$, '0'),
  -- the admin
  ('01', $$delete from profiles where id = 'a0000000-0000-4000-8000-000000000012'$$, '1'),
  ('01', $$delete from enrollments where student_id = 'a0000000-0000-4000-8000-000000000012'$$, '4'),
  ('01', $$update profile_contacts set phone = '1' where id = 'a0000000-0000-4000-8000-000000000012'$$, '1'),
  ('05', $$update profile_contacts set phone = '1' where id = 'a0000000-0000-4000-8000-000000000012'$$, '0'),
  ('01', $$delete from notifications where user_id = 'a0000000-0000-4000-8000-000000000012' and kind = 'welcome'$$, '1'),
  ('01', $$insert into messages (course_id, sender_id, body) values ('c0000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000001', 'Hello from the house.')$$, '1'),
  ('01', $$insert into messages (course_id, sender_id, body) values ('c0000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000002', 'Forged.')$$, 'refused')
) x (who, statement, expected);
reset role;

-- What one may change is what one may keep: an UPDATE's check asks no less than its USING.
select is_empty($$select tablename, policyname from pg_policies where schemaname = 'public' and cmd = 'UPDATE'
  and (with_check is null or position(qual in with_check) = 0)$$, 'every UPDATE policy checks what it asked');

select * from finish();
rollback;
