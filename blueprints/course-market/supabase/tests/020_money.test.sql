-- A purchase: begun by the server at the course's price, completed once for each event, refunded.
begin;
create extension if not exists pgtap with schema extensions;
set local search_path = public, extensions;
select plan(26);

create function pg_temp.who() returns uuid language sql immutable as $$ select 'a0000000-0000-4000-8000-000000000010'::uuid $$;
create function pg_temp.course() returns uuid language sql immutable as $$ select 'c0000000-0000-4000-8000-000000000004'::uuid $$;
set local role service_role;

select is((select amount_cents from begin_payment(pg_temp.course(), pg_temp.who(), 'cs_1')), 9900, 'the price is the course''s');
select is((select count(*) from payments where stripe_checkout_session_id = 'cs_1'), 1::bigint, 'begun');
select lives_ok($$select begin_payment(pg_temp.course(), pg_temp.who(), 'cs_1')$$, 'begun again: the same payment');
select is((select count(*) from payments where stripe_checkout_session_id = 'cs_1'), 1::bigint, 'still one');
select throws_ok($$select begin_payment(pg_temp.course(), 'a0000000-0000-4000-8000-000000000012', 'cs_1')$$, '22023', null, 'a checkout session belongs to one purchase');
select throws_ok($$select begin_payment('c0000000-0000-4000-8000-000000000001', pg_temp.who(), 'cs_2')$$, '22023', null, 'a free course is not sold');
select throws_ok($$select begin_payment('c0000000-0000-4000-8000-000000000005', pg_temp.who(), 'cs_2')$$, 'P0002', null, 'a draft is not sold');
select throws_ok($$select begin_payment('c0000000-0000-4000-8000-000000000009', pg_temp.who(), 'cs_2')$$, '23505', null, 'what one has is not sold again');
select throws_ok($$select complete_payment('evt_0', 'cs_1', 'pi_1', 100, 'usd')$$, '22023', null, 'a wrong amount is refused');
select throws_ok($$select complete_payment('evt_0', 'cs_unknown', 'pi_1', 9900, 'usd')$$, 'P0002', null, 'an unknown checkout is refused');
select is((select count(*) from enrollments where student_id = pg_temp.who() and course_id = pg_temp.course()), 0::bigint, 'no enrollment so far');
select is((select status from complete_payment('evt_1', 'cs_1', 'pi_1', 9900, 'USD')), 'succeeded', 'paid');
select is((select status from enrollments where student_id = pg_temp.who() and course_id = pg_temp.course()), 'active', 'enrolled');
select lives_ok($$select complete_payment('evt_1', 'cs_1', 'pi_1', 9900, 'usd')$$, 'the same event again');
select lives_ok($$select complete_payment('evt_1b', 'cs_1', 'pi_1', 9900, 'usd')$$, 'another event of the same payment');
select is((select count(*) from notifications where user_id = pg_temp.who() and kind = 'enrollment'), 1::bigint, 'one notice');
select is((select status from fail_payment('evt_2', 'cs_1', 'late')), 'succeeded', 'a failure after the success changes nothing');
select is((select status from refund_payment('evt_3', 'pi_1', 4000)), 'succeeded', 'a part given back');
select is((select status from enrollments where student_id = pg_temp.who() and course_id = pg_temp.course()), 'active', 'still enrolled');
select is((select refunded_cents from refund_payment('evt_4', 'pi_1', 3000)), 4000, 'a late event does not lower it');
select throws_ok($$select refund_payment('evt_5', 'pi_1', 10000)$$, '23514', null, 'no more than was paid');
select is((select status from refund_payment('evt_6', 'pi_1', 9900)), 'refunded', 'all given back');
select is((select status from enrollments where student_id = pg_temp.who() and course_id = pg_temp.course()), 'refunded', 'the enrollment ends');
select is((select status from complete_payment('evt_7', 'cs_1', 'pi_1', 9900, 'usd')), 'refunded', 'a late success does not revive it');
select begin_payment(pg_temp.course(), pg_temp.who(), 'cs_3');
select is((select status from complete_payment('evt_8', 'cs_3', 'pi_3', 9900, 'usd')), 'succeeded', 'bought again');
select is((select status from enrollments where student_id = pg_temp.who() and course_id = pg_temp.course()), 'active', 'enrolled again');

select * from finish();
rollback;
