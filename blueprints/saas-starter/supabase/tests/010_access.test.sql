-- Who may do what, tried as the people of seed.sql. Ada (01) is the admin.
begin;
create extension if not exists pgtap with schema extensions;
set local search_path = public, extensions;
select no_plan();

create function pg_temp.who(n text) returns uuid language sql immutable as $$ select ('b0000000-0000-4000-8000-0000000000' || n)::uuid $$;
create function pg_temp.act(who text) returns void language sql as $$
  select set_config('request.jwt.claims', case who when '' then '' when 'service' then '{"role": "service_role"}' else
           json_build_object('sub', pg_temp.who(who), 'role', 'authenticated')::text end, true),
         set_config('role', case who when '' then 'anon' when 'service' then 'service_role' else 'authenticated' end, true);
$$;
create function pg_temp.refused(statement text, why text) returns text language plpgsql as $$
begin
  execute statement;
  return fail(why || ' (it was allowed)');
exception when insufficient_privilege then
  return pass(why);
end $$;
create function pg_temp.touched(statement text) returns bigint language plpgsql as $$
declare n bigint;
begin
  execute statement;
  get diagnostics n = row_count;
  return n;
end $$;

-- Sign-up and sessions
insert into auth.users (id, email, raw_user_meta_data, raw_app_meta_data, aud, role)
values (pg_temp.who('99'), 'new@example.com', '{"full_name": "New One", "role": "admin"}', '{}', 'authenticated', 'authenticated');
select is((select role from users where id = pg_temp.who('99')), 'user', 'a sign-up has its row at once, and no role of its choice');
select is((select full_name from profiles where id = pg_temp.who('99')), 'New One', 'and its profile');
insert into auth.sessions (id, user_id, created_at, updated_at, user_agent, ip)
values ('e0000000-0000-4000-8000-000000000001', pg_temp.who('02'), now(), now(), 'Firefox', '192.0.2.1'),
       ('e0000000-0000-4000-8000-000000000002', pg_temp.who('02'), now(), now(), 'Phone', '192.0.2.2'),
       ('e0000000-0000-4000-8000-000000000003', pg_temp.who('03'), now(), now(), 'Chrome', '192.0.2.3');
select is((select count(*) from sessions), 3::bigint, 'a sign-in is an active session');
select pg_temp.act('02');
select is((select array_agg(user_agent order by user_agent) from sessions), array['Firefox', 'Phone'], 'a user sees the own sessions only');
select is(pg_temp.touched($$delete from sessions where user_agent = 'Phone'$$), 1::bigint, 'and revokes one');
select is(pg_temp.touched($$delete from sessions where user_id = pg_temp.who('03')$$), 0::bigint, 'nobody else''s');
select pg_temp.refused($$insert into sessions (id, user_id) values (gen_random_uuid(), pg_temp.who('02'))$$, 'and makes none');
reset role;
select is((select count(*) from auth.sessions where user_id = pg_temp.who('02')), 1::bigint, 'a revoked session is gone from auth as well');
delete from auth.sessions where id = 'e0000000-0000-4000-8000-000000000001';
select is((select count(*) from sessions where user_id = pg_temp.who('02')), 0::bigint, 'a sign-out takes the row with it');

-- Anon
select pg_temp.act('');
select is((select count(*) from subscription_plans), 4::bigint, 'anon sees the plans on offer');
select pg_temp.refused('select * from users', 'anon reads no account');
select pg_temp.refused('select * from profiles', 'anon reads no profile');
select pg_temp.refused('select * from sessions', 'anon reads no session');
select pg_temp.refused('select * from user_subscriptions', 'anon reads no subscription');
select pg_temp.refused('select * from subscription_status', 'anon has no status');
select pg_temp.refused('select * from invoices', 'anon reads no invoice');
select pg_temp.refused('select * from audit_logs', 'anon reads no audit log');
select pg_temp.refused('select * from test_table_with_users', 'anon reads no view');
select pg_temp.refused('select * from analytics_events', 'anon reads no event');
select lives_ok($$insert into analytics_events (name) values ('page.viewed')$$, 'anon logs a nameless event');
select pg_temp.refused($$insert into analytics_events (name, user_id) values ('page.viewed', pg_temp.who('02'))$$, 'and none in another name');
select pg_temp.refused($$insert into analytics_events (name, occurred_at) values ('page.viewed', now() + interval '1 day')$$, 'nor of days to come');
select pg_temp.refused($$insert into subscription_plans (code, name, price_cents, "interval") values ('x', 'x', 0, 'month')$$, 'anon makes no plan');
select pg_temp.refused($$select export_my_data()$$, 'anon exports nothing');
select pg_temp.refused($$select delete_my_account()$$, 'anon deletes nothing');

-- A user (Bruno, 02), on a plan that is no longer sold
select pg_temp.act('02');
select is((select count(*) from users), 1::bigint, 'a user sees the own account');
select is((select count(*) from profiles), 1::bigint, 'and profile');
select pg_temp.refused($$update users set role = 'admin'$$, 'and takes no role');
select pg_temp.refused($$update users set status = 'active'$$, 'nor status');
select pg_temp.refused($$select set_user_role(pg_temp.who('02'), 'admin')$$, 'not through the function');
select pg_temp.refused($$select private.set_user_role(pg_temp.who('02'), 'admin')$$, 'not past the wrapper');
select pg_temp.refused($$select set_user_suspended(pg_temp.who('03'), true)$$, 'and suspends nobody');
select lives_ok($$update profiles set full_name = 'Bruno B.', avatar_path = 'x' where id = pg_temp.who('02')$$, 'and edits the own profile');
select is(pg_temp.touched($$update profiles set full_name = 'x' where id = pg_temp.who('03')$$), 0::bigint, 'and no other');
select pg_temp.refused($$update profiles set id = pg_temp.who('03')$$, 'which keeps its owner');
select is((select plan_code from subscription_status), 'early-bird', 'the status view answers the plan');
select is((select is_entitled from subscription_status), true, 'and the state');
select is((select count(*) from subscription_plans), 5::bigint, 'a retired plan is seen by those who have it');
select pg_temp.refused($$update user_subscriptions set status = 'active', plan_id = 'd0000000-0000-4000-8000-000000000004'$$, 'nobody upgrades by hand');
select pg_temp.refused($$insert into user_subscriptions (user_id, plan_id, status) values (pg_temp.who('02'), 'd0000000-0000-4000-8000-000000000004', 'active')$$, 'nor subscribes');
select pg_temp.refused($$insert into subscription_plans (code, name, price_cents, "interval") values ('mine', 'Mine', 0, 'month')$$, 'a user makes no plan');
select is(pg_temp.touched($$update subscription_plans set price_cents = 0$$), 0::bigint, 'nor prices one');
select is(pg_temp.touched($$delete from subscription_plans$$), 0::bigint, 'nor deletes one');
select is((select count(*) from invoices where user_id <> pg_temp.who('02')), 0::bigint, 'own invoices only');
select is((select count(*) from payment_methods), 1::bigint, 'own cards only');
select pg_temp.refused($$update invoices set status = 'paid'$$, 'which nobody pays by hand');
select pg_temp.refused($$select sync_subscription('e', now(), pg_temp.who('02'), 'c', 's', 'price_test_team_month', 'active')$$, 'the webhook''s function is the server''s');
select pg_temp.refused($$select record_invoice('e', pg_temp.who('02'), 'i', 's', 1, 'usd', 'paid')$$, 'so is the other');
select pg_temp.refused($$select apply_retention()$$, 'so is retention');
select is((select count(*) from test_table_with_users), 4::bigint, 'the view shows own rows');
select is((select distinct email from test_table_with_users), 'bruno@example.com', 'with the own name on them');
select lives_ok($$insert into test_table (title) values ('Mine')$$, 'a row is one''s own by default');
select pg_temp.refused($$insert into test_table (title, user_id) values ('Yours', pg_temp.who('03'))$$, 'and never another''s');
select pg_temp.refused($$update test_table set user_id = pg_temp.who('03')$$, 'and is not given away');
select lives_ok($$insert into analytics_events (id, user_id, name) values ('e0000000-0000-4000-8000-0000000000aa', pg_temp.who('02'), 'page.viewed'), (gen_random_uuid(), pg_temp.who('02'), 'page.viewed')$$, 'events land in a batch');
select lives_ok($$insert into analytics_events (id, user_id, name) values ('e0000000-0000-4000-8000-0000000000aa', pg_temp.who('02'), 'page.viewed') on conflict (id) do nothing$$, 'a batch that is sent again does no harm');
select pg_temp.refused($$insert into analytics_events (user_id, name) values (pg_temp.who('03'), 'plan.upgraded')$$, 'events in another name are refused');
select pg_temp.refused($$insert into analytics_events (user_id, name, occurred_at) values (pg_temp.who('02'), 'sign_up', '2020-01-01')$$, 'so are events of long ago');
select pg_temp.refused($$insert into analytics_events (user_id, name, occurred_at) values (pg_temp.who('02'), 'sign_up', now() + interval '1 day')$$, 'and of days to come');
select pg_temp.refused($$update analytics_events set name = 'x.y'$$, 'events stay as they were');
select is((select max(people) from analytics_funnel(array['sign_up'], current_date - 70, current_date)), 1::bigint, 'a user''s funnel counts himself');
select is((select count(*) from list_users()), 1::bigint, 'a user''s list of users is himself');
select is((select count(*) from retention_rules), 0::bigint, 'retention rules are not his');
-- Audit: the edit of the profile above left one row that its editor cannot change.
select is((select count(*) from audit_logs where table_name = 'profiles' and actor_id = pg_temp.who('02')), 1::bigint, 'an edit leaves one row');
select is((select old_row ->> 'avatar_path' is null and new_row ->> 'avatar_path' = 'x' from audit_logs where table_name = 'profiles' and actor_id = pg_temp.who('02')), true, 'with what was and what is');
select is((select count(*) from audit_logs where subject_id <> pg_temp.who('02')), 0::bigint, 'about himself only');
select pg_temp.refused($$update audit_logs set actor_id = pg_temp.who('03')$$, 'which he does not rewrite');
select pg_temp.refused($$delete from audit_logs$$, 'nor delete');
select pg_temp.refused($$insert into audit_logs (actor_role, action, table_name) values ('x', 'INSERT', 'users')$$, 'nor forge');
-- Encrypted details
select lives_ok($$select set_my_details('+46 70 123 45 67', 'SE556677889901', 'Storgatan 1, Kiruna')$$, 'details are stored');
select results_eq($$select phone, tax_id from my_details()$$, $$values ('+46 70 123 45 67', 'SE556677889901')$$, 'their owner reads them');
select pg_temp.refused($$select * from private.details$$, 'but not the table');
select pg_temp.refused($$select private.details_key()$$, 'nor the key');
select pg_temp.refused($$select * from private.read_details(pg_temp.who('02'))$$, 'nor others'' details');
select pg_temp.act('03');
select is((select count(*) from my_details()), 0::bigint, 'another has none of it');
reset role;
select is((select position('SE556677889901'::bytea in tax_id) + position('Storgatan'::bytea in billing_address) from private.details), 0, 'the table holds ciphertext');

-- The admin (Ada, 01)
select pg_temp.act('01');
select cmp_ok((select count(*) from users), '>=', 41::bigint, 'an admin sees every account');
select is((select count(*) from subscription_status), 0::bigint, 'the status view is about the caller, admin or not');
select lives_ok($$insert into subscription_plans (code, name, price_cents, "interval") values ('micro', 'Micro', 500, 'month')$$, 'an admin makes a plan');
select is(pg_temp.touched($$update subscription_plans set price_cents = 700 where code = 'micro'$$), 1::bigint, 'prices it');
select is(pg_temp.touched($$update subscription_plans set is_active = false where code = 'micro'$$), 1::bigint, 'retires it');
select throws_ok($$delete from subscription_plans where code = 'team'$$, '23503', null, 'a plan that somebody has stays');
select is((select role from set_user_role(pg_temp.who('03'), 'admin')), 'admin', 'an admin gives roles');
select throws_ok($$select set_user_role(pg_temp.who('01'), 'user')$$, '22023', null, 'and does not lock everybody out');
select is((select status from set_user_suspended(pg_temp.who('05'), true)), 'suspended', 'and suspends');
select is((select count(*) from list_users('bruno')), 2::bigint, 'and searches users');
select cmp_ok((select sum(actives) from analytics_actives(current_date - 30, current_date)), '>', 100::numeric, 'and sees daily actives');
select cmp_ok((select count(*) from analytics_actives(current_date - 28, current_date, 'week')), '>=', 4::bigint, 'and weekly ones');
select is((select sum(sign_ups) from analytics_sign_ups(current_date - 70, current_date)), 41::numeric, 'and sign-ups');
select is((select bool_and(people <= before_) from (select people, lag(people, 1, people) over (order by step) as before_ from analytics_funnel(array['sign_up', 'onboarding.done', 'project.created', 'plan.upgraded'], current_date - 70, current_date)) f), true, 'and a funnel that narrows');
select cmp_ok((select sum(paid_cents) from analytics_revenue(current_date - 70, current_date)), '>', 100000::numeric, 'and revenue');
select is(pg_temp.touched($$update retention_rules set keep = '1 year' where table_name = 'audit_logs'$$), 1::bigint, 'and sets retention');
select pg_temp.refused($$update audit_logs set actor_id = null$$, 'and rewrites no history');
reset role;
select is((select count(*) from auth.sessions where user_id = pg_temp.who('05')), 0::bigint, 'a suspension ends the sessions');
select isnt((select banned_until from auth.users where id = pg_temp.who('05')), null, 'and bars the door');
select throws_ok($$update audit_logs set table_name = 'x'$$, '42501', null, 'not even the owner rewrites the audit log');
select throws_ok($$truncate audit_logs$$, '42501', null, 'nor empties it');

-- Storage
create function pg_temp.put(path text) returns text language plpgsql as $$
begin
  insert into storage.objects (bucket_id, name, owner_id) values ('avatars', path, auth.uid()::text);
  return 'stored';
exception when insufficient_privilege then
  return 'refused';
end $$;
select pg_temp.act('02');
select is(pg_temp.put(pg_temp.who('02') || '/me.png'), 'stored', 'an own avatar');
select is(pg_temp.put(pg_temp.who('03') || '/me.png'), 'refused', 'not another''s');
select is(pg_temp.put('me.png'), 'refused', 'not outside of folders');
select pg_temp.act('');
select is(pg_temp.put('me.png'), 'refused', 'nobody unknown');

select * from finish();
rollback;
