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
            json_build_object('sub', 'a2000000-0000-4000-8000-0000000000' || who, 'role', 'authenticated')::text end, true),
          set_config('role', case who when 'anon' then 'anon' else 'authenticated' end, true);
  execute statement;
  get diagnostics n = row_count;
  raise exception using errcode = 'ZZ001', message = n::text;
exception
  when sqlstate 'ZZ001' then return sqlerrm;
  when insufficient_privilege then return 'refused';
end $$;

insert into products (id, user_id, name) values (gen_random_uuid(), 'a2000000-0000-4000-8000-000000000002', 'Empty');
insert into flow_pages (product_id, name) values ('b2000000-0000-4000-8000-000000000002', 'Lonely');
select is(pg_temp.would(who, statement), expected, who || ': ' || statement) from (values
  -- what belongs to a product belongs to its owner: Hana 02 has the product 01, Emeka 03 the product 03
  ('02', $$select from customer_profiles where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '3'),
  ('03', $$select from customer_profiles where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '0'),
  ('02', $$update customer_profiles set name = 'x' where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '3'),
  ('03', $$update customer_profiles set name = 'x' where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '0'),
  ('03', $$delete from customer_profiles where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '0'),
  ('02', $$delete from customer_profiles where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '3'),
  ('02', $$select from bugs where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '3'),
  ('03', $$select from bugs where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '0'),
  ('02', $$update bugs set name = 'x' where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '3'),
  ('03', $$update bugs set name = 'x' where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '0'),
  ('03', $$delete from bugs where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '0'),
  ('02', $$delete from bugs where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '3'),
  ('02', $$select from features where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '5'),
  ('03', $$select from features where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '0'),
  ('02', $$update features set name = 'x' where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '5'),
  ('03', $$update features set name = 'x' where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '0'),
  ('03', $$delete from features where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '0'),
  ('02', $$delete from features where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '5'),
  ('02', $$select from tasks where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '6'),
  ('03', $$select from tasks where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '0'),
  ('02', $$update tasks set name = 'x' where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '6'),
  ('03', $$update tasks set name = 'x' where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '0'),
  ('03', $$delete from tasks where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '0'),
  ('02', $$delete from tasks where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '6'),
  ('02', $$select from flow_pages where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '4'),
  ('03', $$select from flow_pages where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '0'),
  ('02', $$update flow_pages set name = 'x' where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '4'),
  ('03', $$update flow_pages set name = 'x' where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '0'),
  ('03', $$delete from flow_pages where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '0'),
  ('02', $$select from flow_connections where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '3'),
  ('03', $$select from flow_connections where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '0'),
  ('02', $$update flow_connections set created_at = now() where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '3'),
  ('03', $$update flow_connections set created_at = now() where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '0'),
  ('03', $$delete from flow_connections where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '0'),
  ('02', $$delete from flow_connections where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '3'),
  ('02', $$select from prds where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '1'),
  ('03', $$select from prds where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '0'),
  ('02', $$update prds set problem = 'x' where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '1'),
  ('03', $$update prds set problem = 'x' where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '0'),
  ('03', $$delete from prds where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '0'),
  ('02', $$delete from prds where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '1'),
  ('02', $$select from product_prompts where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '1'),
  ('03', $$select from product_prompts where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '0'),
  ('02', $$update product_prompts set name = 'x' where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '1'),
  ('03', $$update product_prompts set name = 'x' where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '0'),
  ('03', $$delete from product_prompts where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '0'),
  ('02', $$delete from product_prompts where product_id = 'b2000000-0000-4000-8000-000000000001'$$, '1'),
  ('02', $$delete from flow_pages where name = 'Lonely'$$, '1'),
  ('02', $$update products set name = 'x'$$, '3'),
  ('02', $$delete from products where name = 'Empty'$$, '1'),
  ('03', $$delete from products where name = 'Empty'$$, '0'),
  ('02', $$delete from bugs$$, '6'),
  ('02', $$delete from features$$, '10'),
  ('02', $$delete from tasks$$, '12'),
  ('05', $$delete from products$$, '0'),
  ('05', $$insert into products (id, user_id, name) values (gen_random_uuid(), 'a2000000-0000-4000-8000-000000000005', 'x')$$, '1'),
  -- notes and templates
  ('02', $$select from notes$$, '2'),
  ('02', $$update notes set content = 'x'$$, '2'),
  ('02', $$delete from notes$$, '2'),
  ('03', $$delete from notes where user_id = 'a2000000-0000-4000-8000-000000000002'$$, '0'),
  ('03', $$update notes set content = 'x' where user_id = 'a2000000-0000-4000-8000-000000000002'$$, '0'),
  ('02', $$insert into notes (id, user_id, content) values (gen_random_uuid(), 'a2000000-0000-4000-8000-000000000002', 'x')$$, '1'),
  ('02', $$insert into notes (id, user_id, product_id) values (gen_random_uuid(), 'a2000000-0000-4000-8000-000000000002', 'b2000000-0000-4000-8000-000000000003')$$, 'refused'),
  ('02', $$select from prompt_templates$$, '3'),
  ('03', $$select from prompt_templates$$, '2'),
  ('02', $$update prompt_templates set name = 'x'$$, '1'),
  ('02', $$delete from prompt_templates$$, '1'),
  ('03', $$delete from prompt_templates$$, '0'),
  -- money, logs and plans
  ('02', $$select from user_subscriptions$$, '1'),
  ('04', $$select from user_subscriptions$$, '0'),
  ('02', $$select from payment_history$$, '3'),
  ('04', $$select from payment_history$$, '0'),
  ('02', $$select from error_logs$$, '1'),
  ('03', $$select from error_logs$$, '0'),
  ('02', $$select from openai_logs$$, '4'),
  ('04', $$select from openai_logs$$, '0'),
  ('01', $$delete from subscription_plans where name = 'Hobby'$$, '1'),
  ('02', $$delete from subscription_plans where name = 'Hobby'$$, '0'),
  ('01', $$select from subscription_plans$$, '4'),
  ('02', $$select from subscription_plans$$, '3'),
  ('02', $$select from users$$, '1'),
  ('02', $$update users set full_name = 'x'$$, '1'),
  ('03', $$update users set full_name = 'x' where id = 'a2000000-0000-4000-8000-000000000002'$$, '0')
) x (who, statement, expected);
reset role;

-- What one may change is what one may keep: an UPDATE's check asks no less than its USING.
select is_empty($$select tablename, policyname from pg_policies where schemaname = 'public' and cmd = 'UPDATE'
  and (with_check is null or position(qual in with_check) = 0)$$, 'every UPDATE policy checks what it asked');

select * from finish();
rollback;
