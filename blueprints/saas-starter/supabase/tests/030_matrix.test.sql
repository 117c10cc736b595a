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
            json_build_object('sub', 'b0000000-0000-4000-8000-0000000000' || who, 'role', 'authenticated')::text end, true),
          set_config('role', case who when 'anon' then 'anon' else 'authenticated' end, true);
  execute statement;
  get diagnostics n = row_count;
  raise exception using errcode = 'ZZ001', message = n::text;
exception
  when sqlstate 'ZZ001' then return sqlerrm;
  when insufficient_privilege then return 'refused';
end $$;

-- Ada 01 is the admin; Bruno 02 has the retired plan; Carla 03 has none.
insert into auth.sessions (id, user_id, created_at) values ('e6000000-0000-4000-8000-000000000002', 'b0000000-0000-4000-8000-000000000002', now()), ('e6000000-0000-4000-8000-000000000003', 'b0000000-0000-4000-8000-000000000003', now());
insert into audit_logs (actor_role, action, table_name, subject_id) values ('x', 'UPDATE', 'matrix', 'b0000000-0000-4000-8000-000000000002');
insert into analytics_events (user_id, name) values ('b0000000-0000-4000-8000-000000000002', 'matrix'), (null, 'matrix');
insert into subscription_plans (code, name, price_cents, "interval", is_active) values ('matrix', 'x', 1, 'month', false);
select is(pg_temp.would(who, statement), expected, who || ': ' || statement) from (values
  ('02', $$select from users$$, '1'),
  ('01', $$select from users$$, '40'),
  ('02', $$select from profiles$$, '1'),
  ('01', $$select from profiles$$, '40'),
  ('02', $$update profiles set bio = 'x'$$, '1'),
  ('01', $$update profiles set bio = 'x' where id = 'b0000000-0000-4000-8000-000000000002'$$, '1'),
  ('03', $$update profiles set bio = 'x' where id = 'b0000000-0000-4000-8000-000000000002'$$, '0'),
  ('02', $$select from sessions$$, '1'),
  ('01', $$select from sessions$$, '0'),
  ('02', $$delete from sessions$$, '1'),
  ('01', $$delete from sessions$$, '0'),
  ('anon', $$select from subscription_plans$$, '4'),
  ('03', $$select from subscription_plans$$, '4'),
  ('02', $$select from subscription_plans$$, '5'),
  ('01', $$select from subscription_plans$$, '6'),
  ('01', $$insert into subscription_plans (code, name, price_cents, "interval") values ('y-y', 'y', 1, 'month')$$, '1'),
  ('02', $$insert into subscription_plans (code, name, price_cents, "interval") values ('y-y', 'y', 1, 'month')$$, 'refused'),
  ('01', $$update subscription_plans set name = 'y' where code = 'matrix'$$, '1'),
  ('02', $$update subscription_plans set name = 'y'$$, '0'),
  ('01', $$delete from subscription_plans where code = 'matrix'$$, '1'),
  ('02', $$delete from subscription_plans$$, '0'),
  ('02', $$select from user_subscriptions$$, '1'),
  ('01', $$select from user_subscriptions where user_id = 'b0000000-0000-4000-8000-000000000002'$$, '1'),
  ('03', $$select from user_subscriptions$$, '0'),
  ('02', $$select from invoices$$, '2'),
  ('01', $$select from invoices where user_id = 'b0000000-0000-4000-8000-000000000002'$$, '2'),
  ('03', $$select from invoices$$, '0'),
  ('02', $$select from payment_methods$$, '1'),
  ('01', $$select from payment_methods$$, '0'),
  ('03', $$select from payment_methods$$, '0'),
  ('02', $$select from analytics_events where name = 'matrix'$$, '1'),
  ('03', $$select from analytics_events where name = 'matrix'$$, '0'),
  ('01', $$select from analytics_events where name = 'matrix'$$, '2'),
  ('anon', $$insert into analytics_events (name) values ('x.y')$$, '1'),
  ('anon', $$insert into analytics_events (name, user_id) values ('x.y', 'b0000000-0000-4000-8000-000000000002')$$, 'refused'),
  ('02', $$insert into analytics_events (name, user_id) values ('x.y', 'b0000000-0000-4000-8000-000000000002')$$, '1'),
  ('02', $$insert into analytics_events (name, user_id) values ('x.y', 'b0000000-0000-4000-8000-000000000003')$$, 'refused'),
  ('02', $$insert into analytics_events (name) values ('x.y')$$, 'refused'),
  ('02', $$select from test_table$$, '4'),
  ('03', $$select from test_table$$, '4'),
  ('02', $$insert into test_table (title) values ('x')$$, '1'),
  ('02', $$insert into test_table (title, user_id) values ('x', 'b0000000-0000-4000-8000-000000000003')$$, 'refused'),
  ('02', $$update test_table set done = true$$, '4'),
  ('02', $$update test_table set done = true where user_id = 'b0000000-0000-4000-8000-000000000003'$$, '0'),
  ('02', $$delete from test_table$$, '4'),
  ('02', $$delete from test_table where user_id = 'b0000000-0000-4000-8000-000000000003'$$, '0'),
  ('02', $$select from test_table_with_users$$, '4'),
  ('02', $$select from audit_logs where table_name = 'matrix'$$, '1'),
  ('03', $$select from audit_logs where table_name = 'matrix'$$, '0'),
  ('01', $$select from audit_logs where table_name = 'matrix'$$, '1'),
  ('01', $$select from retention_rules$$, '4'),
  ('02', $$select from retention_rules$$, '0'),
  ('01', $$update retention_rules set keep = '1 year'$$, '4'),
  ('02', $$update retention_rules set keep = '1 year'$$, '0')
) x (who, statement, expected);
reset role;

-- What one may change is what one may keep: an UPDATE's check asks no less than its USING.
select is_empty($$select tablename, policyname from pg_policies where schemaname = 'public' and cmd = 'UPDATE'
  and (with_check is null or position(qual in with_check) = 0)$$, 'every UPDATE policy checks what it asked');

select * from finish();
rollback;
