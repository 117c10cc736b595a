-- Who may do what, tried as the people of seed.sql. Runs inside a transaction that is rolled back.
begin;
create extension if not exists pgtap with schema extensions;
set local search_path = public, extensions;
select no_plan();

-- Become somebody for the following statements; '' is anon, 'service' the server.
create function pg_temp.act(who text) returns void language sql as $$
  select set_config('request.jwt.claims', case when who in ('', 'service') then '' else
           json_build_object('sub', 'a0000000-0000-4000-8000-0000000000' || who, 'role', 'authenticated')::text end, true),
         set_config('role', case who when '' then 'anon' when 'service' then 'service_role' else 'authenticated' end, true);
$$;
create function pg_temp.refused(statement text, why text) returns text language plpgsql as $$
begin
  execute statement;
  return fail(why || ' (it was allowed)');
exception when insufficient_privilege then
  return pass(why);
end $$;
-- How many rows a statement touched.
create function pg_temp.touched(statement text) returns bigint language plpgsql as $$
declare n bigint;
begin
  execute statement;
  get diagnostics n = row_count;
  return n;
end $$;
create function pg_temp.who(n text) returns uuid language sql immutable as $$ select ('a0000000-0000-4000-8000-0000000000' || n)::uuid $$;
create function pg_temp.course(n text) returns uuid language sql immutable as $$ select ('c0000000-0000-4000-8000-0000000000' || n)::uuid $$;

-- Sign-up -----------------------------------------------------------------------------------------------------------
insert into auth.users (id, email, raw_user_meta_data, raw_app_meta_data, aud, role) values
  (pg_temp.who('97'), 'hopeful@example.com', '{"role": "admin", "full_name": "A. Hopeful"}', '{}', 'authenticated', 'authenticated'),
  (pg_temp.who('98'), 'teacher@example.com', '{"role": "instructor"}', '{}', 'authenticated', 'authenticated'),
  (pg_temp.who('99'), 'student@example.com', null, '{}', 'authenticated', 'authenticated');
select is((select role from profiles where id = pg_temp.who('97')), 'student', 'a sign-up that asks for admin becomes a student');
select is((select full_name from profiles where id = pg_temp.who('97')), 'A. Hopeful', 'a sign-up carries its name over');
select is((select role from profiles where id = pg_temp.who('98')), 'instructor', 'a sign-up may choose to teach');
select is((select role from profiles where id = pg_temp.who('99')), 'student', 'a sign-up without wishes is a student');
update auth.users set email = 'renamed@example.com' where id = pg_temp.who('99');
select is((select email from profile_contacts where id = pg_temp.who('99')), 'renamed@example.com', 'the contact follows the account''s e-mail');

-- Anon --------------------------------------------------------------------------------------------------------------
select pg_temp.act('');
select is((select count(*) from courses where not published), 0::bigint, 'anon sees no draft');
select cmp_ok((select count(*) from courses), '>=', 12::bigint, 'anon sees the catalogue');
select cmp_ok((select count(*) from profiles), '>=', 12::bigint, 'anon sees profiles');
select pg_temp.refused('select * from profile_contacts', 'anon reads no address');
select pg_temp.refused('select * from enrollments', 'anon reads no enrollment');
select pg_temp.refused('select * from payments', 'anon reads no payment');
select pg_temp.refused('select * from session_links', 'anon gets no meeting link');
select pg_temp.refused('select * from homework', 'anon reads no homework');
select pg_temp.refused('select * from submissions', 'anon reads no submission');
select pg_temp.refused('select * from messages', 'anon reads no message');
select pg_temp.refused('select * from notifications', 'anon reads no notification');
select pg_temp.refused('select * from audit_log', 'anon reads no audit log');
select cmp_ok((select count(*) from sessions), '>', 0::bigint, 'anon sees the timetable');
select is((select count(*) from resources where not is_preview), 0::bigint, 'anon sees previews only');
select is((select count(*) from resources r where not exists (select 1 from courses c where c.id = r.course_id)), 0::bigint, 'anon sees previews of published courses only');
select cmp_ok((select count(*) from reviews), '>', 0::bigint, 'anon reads reviews');
select pg_temp.refused($$insert into courses (instructor_id, title, slug, category) values (pg_temp.who('02'), 'Free money', 'free-money', 'business')$$, 'anon makes no course');
select pg_temp.refused($$update profiles set full_name = 'x'$$, 'anon edits no profile');
select pg_temp.refused($$delete from reviews$$, 'anon deletes no review');
select pg_temp.refused($$select complete_payment('evt', 'cs', 'pi', 1, 'usd')$$, 'anon completes no payment');
select pg_temp.refused($$select set_user_role(pg_temp.who('05'), 'admin')$$, 'anon gives no role');

-- A student (Lucía, 05) ----------------------------------------------------------------------------------------------
select pg_temp.act('05');
select lives_ok($$update profiles set bio = 'I like tables.' where id = pg_temp.who('05')$$, 'a student edits the own profile');
select is(pg_temp.touched($$update profiles set bio = 'x' where id = pg_temp.who('06')$$), 0::bigint, 'and nobody else''s');
select pg_temp.refused($$update profiles set role = 'admin' where id = pg_temp.who('05')$$, 'a student does not become admin');
select pg_temp.refused($$select set_user_role(pg_temp.who('05'), 'admin')$$, 'not through the function either');
select pg_temp.refused($$update profiles set id = pg_temp.who('06') where id = pg_temp.who('05')$$, 'a profile keeps its id');
select is(pg_temp.touched($$delete from profiles$$), 0::bigint, 'a student deletes no profile');
select is((select count(*) from profile_contacts), 1::bigint, 'a student sees the own address only');
select pg_temp.refused($$update profile_contacts set email = 'boss@example.com'$$, 'the address follows the account, not the student');
select is(pg_temp.touched($$update profile_contacts set phone = '+34 600 000 000'$$), 1::bigint, 'the phone number is the owner''s to set');
select is((select count(*) from courses where not published), 0::bigint, 'a student sees no draft of others');
select pg_temp.refused($$insert into courses (instructor_id, title, slug, category) values (pg_temp.who('05'), 'My course', 'my-course', 'data')$$, 'a student makes no course');
select is(pg_temp.touched($$update courses set price_cents = 0$$), 0::bigint, 'a student prices no course');
select is(pg_temp.touched($$delete from courses$$), 0::bigint, 'a student deletes no course');
select is((select count(*) from enrollments where student_id <> pg_temp.who('05')), 0::bigint, 'a student sees the own enrollments only');
select lives_ok($$insert into enrollments (course_id, student_id) values (pg_temp.course('12'), pg_temp.who('05'))$$, 'a student enrols in a free course');
select pg_temp.refused($$insert into enrollments (course_id, student_id) values (pg_temp.course('04'), pg_temp.who('05'))$$, 'not in one that costs');
select pg_temp.refused($$insert into enrollments (course_id, student_id) values (pg_temp.course('05'), pg_temp.who('05'))$$, 'not in a draft');
select pg_temp.refused($$insert into enrollments (course_id, student_id) values (pg_temp.course('12'), pg_temp.who('09'))$$, 'not somebody else');
select pg_temp.refused($$insert into enrollments (course_id, student_id, status) values (pg_temp.course('07'), pg_temp.who('05'), 'completed')$$, 'a student sets no status');
select pg_temp.refused($$update enrollments set course_id = pg_temp.course('04') where course_id = pg_temp.course('12')$$, 'an enrollment stays with its course');
select is(pg_temp.touched($$update enrollments set progress_percent = 55 where course_id = pg_temp.course('12')$$), 1::bigint, 'progress is recorded');
select is(pg_temp.touched($$delete from enrollments$$), 0::bigint, 'a student deletes no enrollment');
select is((select count(*) from payments where student_id <> pg_temp.who('05')), 0::bigint, 'a student sees the own payments only');
select cmp_ok((select count(*) from payments), '>', 0::bigint, 'and does see them');
select pg_temp.refused($$insert into payments (course_id, student_id, amount_cents, currency, status) values (pg_temp.course('04'), pg_temp.who('05'), 1, 'usd', 'succeeded')$$, 'nobody writes payments by hand');
select pg_temp.refused($$update payments set status = 'refunded'$$, 'nobody changes payments by hand');
select pg_temp.refused($$select complete_payment('evt', 'cs', 'pi', 1, 'usd')$$, 'a student completes no payment');
select pg_temp.refused($$select refund_payment('evt', 'pi', 1)$$, 'a student refunds no payment');
select pg_temp.refused($$select begin_payment(pg_temp.course('04'), pg_temp.who('05'), 'cs')$$, 'a checkout is begun by the server');
select pg_temp.refused($$select private.complete_payment('evt', 'cs', 'pi', 1, 'usd')$$, 'not past the wrapper either');
select pg_temp.refused($$select private.notify(pg_temp.who('06'), 'welcome', 'buy!')$$, 'a student notifies nobody');
select pg_temp.refused($$select * from private.outbox$$, 'the outbox is out of reach');
select is((select count(*) from session_links where audience = 'host'), 0::bigint, 'a student gets no host link');
select is((select count(*) from session_links l where l.course_id not in (select course_id from enrollments)), 0::bigint, 'links only of own courses');
select cmp_ok((select count(*) from session_links), '>', 0::bigint, 'and those are there');
select is((select count(*) from homework where not published), 0::bigint, 'unpublished homework is hidden');
select is((select count(*) from homework h where h.course_id not in (select course_id from enrollments)), 0::bigint, 'homework of own courses only');
select pg_temp.refused($$insert into homework (course_id, title) values (pg_temp.course('01'), 'None!')$$, 'a student sets no homework');
select lives_ok($$insert into submissions (homework_id, student_id, body) select id, pg_temp.who('05'), 'Here it is.' from homework where course_id = pg_temp.course('12') limit 1$$, 'a student hands in');
select pg_temp.refused($$insert into submissions (homework_id, student_id, body) select id, pg_temp.who('06'), 'Forged.' from homework limit 1$$, 'not for somebody else');
select pg_temp.refused($$insert into submissions (homework_id, student_id, body) values (md5('homework:' || pg_temp.course('04') || '1')::uuid, pg_temp.who('05'), 'x')$$, 'not in a course not attended');
select pg_temp.refused($$insert into submissions (homework_id, student_id, body, points) select id, pg_temp.who('05'), 'x', 100 from homework limit 1$$, 'not with points');
select pg_temp.refused($$update submissions set points = 100$$, 'a student grades nothing');
select pg_temp.refused($$select grade_submission(id, 20) from submissions where student_id = pg_temp.who('05') limit 1$$, 'not through the function either');
select is((select count(*) from submissions where student_id <> pg_temp.who('05')), 0::bigint, 'a student sees the own submissions only');
select throws_ok($$update submissions set body = 'better' where graded_at is not null$$, 'P0001', null, 'graded work stays as it was');
select is(pg_temp.touched($$delete from submissions where graded_at is not null$$), 0::bigint, 'graded work is not withdrawn');
select lives_ok($$insert into messages (course_id, sender_id, body) values (pg_temp.course('01'), pg_temp.who('05'), 'Hello!')$$, 'a participant writes');
select pg_temp.refused($$insert into messages (course_id, sender_id, body) values (pg_temp.course('01'), pg_temp.who('02'), 'Homework is cancelled.')$$, 'not in another name');
select pg_temp.refused($$insert into messages (course_id, sender_id, body) values (pg_temp.course('06'), pg_temp.who('05'), 'Hi')$$, 'not in a course not attended');
select is((select count(*) from messages where course_id = pg_temp.course('06')), 0::bigint, 'nor reads there');
select is(pg_temp.touched($$update messages set body = 'x' where sender_id <> pg_temp.who('05')$$), 0::bigint, 'others'' messages stay');
select is(pg_temp.touched($$delete from messages where sender_id <> pg_temp.who('05')$$), 0::bigint, 'and are not deleted');
select pg_temp.refused($$update messages set sender_id = pg_temp.who('02') where sender_id = pg_temp.who('05')$$, 'a message keeps its sender');
select pg_temp.refused($$insert into reviews (course_id, student_id, rating) values (pg_temp.course('04'), pg_temp.who('05'), 1)$$, 'no review without attendance');
select lives_ok($$insert into reviews (course_id, student_id, rating) values (pg_temp.course('12'), pg_temp.who('05'), 5)$$, 'a review after attendance');
select pg_temp.refused($$insert into reviews (course_id, student_id, rating) values (pg_temp.course('12'), pg_temp.who('06'), 5)$$, 'in the own name');
select is(pg_temp.touched($$update reviews set rating = 1 where student_id <> pg_temp.who('05')$$), 0::bigint, 'others'' reviews stay');
select pg_temp.refused($$insert into notifications (user_id, kind, title) values (pg_temp.who('06'), 'welcome', 'x')$$, 'nobody writes notifications by hand');
select is((select count(*) from notifications where user_id <> pg_temp.who('05')), 0::bigint, 'own notifications only');
select cmp_ok(pg_temp.touched($$update notifications set read_at = now()$$), '>', 0::bigint, 'marked as read');
select pg_temp.refused($$update notifications set title = 'x'$$, 'but not rewritten');
select is((select count(*) from audit_log), 0::bigint, 'a student sees no audit log');
select pg_temp.refused($$insert into audit_log (actor_role, action, table_name) values ('x', 'INSERT', 'x')$$, 'and forges none');

-- The refunded student (Omar, 11) and course 02 ----------------------------------------------------------------------
select pg_temp.act('11');
select is((select count(*) from homework where course_id = pg_temp.course('02')), 0::bigint, 'a refund ends the reading of homework');
select is((select count(*) from session_links where course_id = pg_temp.course('02')), 0::bigint, 'and the meeting links');
select is((select count(*) from messages where course_id = pg_temp.course('02')), 0::bigint, 'and the talk');
select is((select count(*) from resources where course_id = pg_temp.course('02') and not is_preview), 0::bigint, 'and the material');
select pg_temp.refused($$insert into reviews (course_id, student_id, rating) values (pg_temp.course('02'), pg_temp.who('11'), 1)$$, 'and the right to review');
select is(pg_temp.touched($$update enrollments set progress_percent = 100 where course_id = pg_temp.course('02')$$), 0::bigint, 'and progress');
select is((select status from enrollments where course_id = pg_temp.course('02')), 'refunded', 'the enrollment says so');

-- An instructor (Ingrid, 02) -----------------------------------------------------------------------------------------
select pg_temp.act('02');
select is((select count(*) from courses where not published), 1::bigint, 'an instructor sees the own draft only');
select lives_ok($$insert into courses (instructor_id, title, slug, category, price_cents) values (pg_temp.who('02'), 'Vacuum and You', 'vacuum-and-you', 'data', 1000)$$, 'an instructor makes a course');
select pg_temp.refused($$insert into courses (instructor_id, title, slug, category) values (pg_temp.who('03'), 'Not mine', 'not-mine', 'data')$$, 'not in another name');
select pg_temp.refused($$update courses set instructor_id = pg_temp.who('03') where instructor_id = pg_temp.who('02')$$, 'a course keeps its owner');
select pg_temp.refused($$update courses set student_count = 10000$$, 'popularity is not written by hand');
select pg_temp.refused($$update courses set rating_average = 5$$, 'nor ratings');
select pg_temp.refused($$update courses set stripe_price_id = 'price_cheap'$$, 'nor Stripe''s ids');
select is(pg_temp.touched($$update courses set price_cents = 100 where instructor_id <> pg_temp.who('02')$$), 0::bigint, 'others'' prices stay');
select is(pg_temp.touched($$update courses set published = true where slug = 'vacuum-and-you'$$), 1::bigint, 'an instructor publishes');
select isnt((select published_at from courses where slug = 'vacuum-and-you'), null, 'which stamps the day');
select is(pg_temp.touched($$delete from courses where instructor_id = pg_temp.who('04')$$), 0::bigint, 'others'' courses stay');
select cmp_ok((select count(*) from enrollments), '>', 10::bigint, 'an instructor sees who attends');
select is((select count(*) from enrollments where course_id not in (select id from courses where instructor_id = pg_temp.who('02'))), 0::bigint, 'in own courses only');
select is((select count(*) from payments where course_id not in (select id from courses where instructor_id = pg_temp.who('02'))), 0::bigint, 'and what was paid for them');
select pg_temp.refused($$insert into enrollments (course_id, student_id) values (pg_temp.course('02'), pg_temp.who('09'))$$, 'an instructor enrols nobody');
select lives_ok($$insert into sessions (course_id, title, starts_at, ends_at) values (pg_temp.course('02'), 'Extra lesson', now(), now() + interval '1 hour')$$, 'an instructor plans a lesson');
select pg_temp.refused($$insert into sessions (course_id, title, starts_at, ends_at) values (pg_temp.course('06'), 'Extra lesson', now(), now() + interval '1 hour')$$, 'not in others'' courses');
select pg_temp.refused($$insert into session_links (session_id, audience, url) select id, 'participant', 'https://evil.example.com' from sessions where course_id = pg_temp.course('06') limit 1$$, 'no links into others'' lessons');
select pg_temp.refused($$insert into session_links (session_id, audience, course_id, url) select id, 'participant', pg_temp.course('02'), 'https://evil.example.com' from sessions where course_id = pg_temp.course('06') limit 1$$, 'nor by naming an own course beside them');
select cmp_ok((select count(*) from session_links where audience = 'host'), '>', 0::bigint, 'an instructor gets the host link');
select pg_temp.refused($$insert into homework (course_id, title) values (pg_temp.course('06'), 'Redraw it')$$, 'no homework in others'' courses');
select pg_temp.refused($$insert into homework (course_id, session_id, title) select pg_temp.course('02'), id, 'Mixed up' from sessions where course_id = pg_temp.course('06') limit 1$$, 'homework names a lesson of its own course');
select pg_temp.refused($$insert into resources (course_id, title, url) values (pg_temp.course('06'), 'Ad', 'https://example.com')$$, 'no material in others'' courses');
select cmp_ok((select count(*) from submissions), '>', 5::bigint, 'an instructor reads submissions');
select is(pg_temp.touched($$update submissions set body = 'improved'$$), 0::bigint, 'and does not rewrite them');
select lives_ok($$select grade_submission(s.id, 90, 'Well done') from submissions s join homework h on h.id = s.homework_id where h.max_points = 100 limit 1$$, 'an instructor grades');
select throws_ok($$select grade_submission(s.id, 101) from submissions s join homework h on h.id = s.homework_id where h.max_points = 100 limit 1$$, '22023', null, 'within the maximum');
select pg_temp.refused($$insert into reviews (course_id, student_id, rating) values (pg_temp.course('01'), pg_temp.who('02'), 5)$$, 'nobody reviews the own course');
select is(pg_temp.touched($$delete from messages where course_id = pg_temp.course('01') and sender_id = pg_temp.who('06')$$), 1::bigint, 'an instructor moderates');
select pg_temp.refused($$select set_user_role(pg_temp.who('02'), 'admin')$$, 'an instructor gives no role');
select is((select count(*) from audit_log), 0::bigint, 'an instructor sees no audit log');

-- Another instructor (Marcus, 03) grades nothing of Ingrid's
select pg_temp.act('03');
select pg_temp.refused($$select grade_submission(md5('submission:' || md5('homework:' || pg_temp.course('01') || '2')::uuid || pg_temp.who('05'))::uuid, 1)$$, 'others'' submissions are not graded');
select is((select count(*) from submissions s join homework h on h.id = s.homework_id where h.course_id = pg_temp.course('01')), 0::bigint, 'nor read');

-- An admin (Ada, 01) -------------------------------------------------------------------------------------------------
select pg_temp.act('01');
select is((select count(*) from courses where not published), 2::bigint, 'an admin sees every draft');
select cmp_ok((select count(*) from profile_contacts), '>=', 12::bigint, 'and every address');
select is(pg_temp.touched($$update profiles set headline = 'moderated' where id = pg_temp.who('06')$$), 1::bigint, 'and edits profiles');
select is((select role from set_user_role(pg_temp.who('06'), 'instructor')), 'instructor', 'and gives roles');
select is(pg_temp.touched($$update courses set published = false where id = pg_temp.course('14')$$), 1::bigint, 'and takes courses down');
select lives_ok($$insert into enrollments (course_id, student_id) values (pg_temp.course('02'), pg_temp.who('10'))$$, 'and enrols by hand');
select cmp_ok((select count(*) from audit_log), '>', 0::bigint, 'and reads the audit log');
select pg_temp.refused($$delete from audit_log$$, 'which an admin does not shorten');
select pg_temp.refused($$insert into payments (amount_cents, currency, status) values (1, 'usd', 'succeeded')$$, 'an admin writes no payment by hand');

-- The server ---------------------------------------------------------------------------------------------------------
select pg_temp.act('service');
select pg_temp.refused($$update audit_log set table_name = 'x'$$, 'the server rewrites no history');
select pg_temp.refused($$delete from audit_log$$, 'nor deletes it');
select cmp_ok((select count(*) from claim_outbox(100)), '>', 0::bigint, 'the server takes work from the outbox');
select is((select count(*) from claim_outbox(100)), 0::bigint, 'each piece once');

-- The owner of the tables ---------------------------------------------------------------------------------------------
reset role;
select throws_ok('update public.audit_log set table_name = ''x''', '42501', null, 'not even the owner rewrites history');
select throws_ok('truncate public.audit_log', '42501', null, 'nor empties it');
select is(private.prune_audit_log(), 0::bigint, 'retention takes what is old enough only');

select * from finish();
rollback;
