-- Who may do what, tried as the people of seed.sql. Sam (01) is staff, Hana (02) and Emeka (03) have products.
begin;
create extension if not exists pgtap with schema extensions;
set local search_path = public, extensions;
select no_plan();

create function pg_temp.who(n text) returns uuid language sql immutable as $$ select ('a2000000-0000-4000-8000-0000000000' || n)::uuid $$;
create function pg_temp.product(n text) returns uuid language sql immutable as $$ select ('b2000000-0000-4000-8000-0000000000' || n)::uuid $$;
create function pg_temp.act(who text) returns void language sql as $$
  select set_config('request.jwt.claims', case who when '' then '{"role": "anon"}' when 'service' then '{"role": "service_role"}' else
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

-- Sign-up keeps public.users in step.
insert into auth.users (id, email, raw_user_meta_data, raw_app_meta_data, aud, role, email_confirmed_at) values
  (pg_temp.who('97'), 'liar@fluxr.ai', '{"full_name": "L. Iar"}', '{}', 'authenticated', 'authenticated', null),
  (pg_temp.who('98'), 'x@fluxr.ai.example.com', '{}', '{}', 'authenticated', 'authenticated', now()),
  (pg_temp.who('99'), 'new@example.com', '{"full_name": "New One"}', '{}', 'authenticated', 'authenticated', now());
select is((select full_name from users where id = pg_temp.who('99')), 'New One', 'a sign-up has its row');
update auth.users set email = 'renamed@example.com' where id = pg_temp.who('99');
select is((select email from users where id = pg_temp.who('99')), 'renamed@example.com', 'which follows the account''s e-mail');

-- Anon: nothing at all
select pg_temp.act('');
select pg_temp.refused(format('select * from public.%I', t), 'anon reads no ' || t)
from unnest(array['users', 'products', 'customer_profiles', 'bugs', 'features', 'tasks', 'prompt_templates', 'error_logs', 'payment_history',
  'user_subscriptions', 'flow_pages', 'flow_connections', 'openai_logs', 'prds', 'product_prompts', 'subscription_plans', 'notes']) t;
select pg_temp.refused(format('insert into public.%I (id) values (gen_random_uuid())', t), 'anon writes no ' || t)
from unnest(array['error_logs', 'products', 'users', 'subscription_plans']) t;

-- Emeka and Hana's things
select pg_temp.act('03');
select is((select count(*) from users), 1::bigint, 'a user sees himself');
select is(pg_temp.touched($$update users set full_name = 'Emeka O.'$$), 1::bigint, 'and edits his name');
select pg_temp.refused($$update users set email = 'emeka@fluxr.ai'$$, 'not his address: it would make him staff');
select pg_temp.refused($$update users set id = pg_temp.who('01')$$, 'nor his id');
select pg_temp.refused($$insert into users (id, email) values (gen_random_uuid(), 'x@fluxr.ai')$$, 'nor makes users');
select is((select count(*) from products), 1::bigint, 'a user sees the own products');
select is((select array_agg(n::int) from (select (xpath('/row/c/text()', query_to_xml(format('select count(*) as c from public.%I where product_id <> %L', t, pg_temp.product('03')), false, true, '')))[1]::text as n
  from unnest(array['customer_profiles', 'bugs', 'features', 'tasks', 'flow_pages', 'flow_connections', 'prds', 'product_prompts', 'notes']) t) x),
  array[0, 0, 0, 0, 0, 0, 0, 0, 0], 'and what belongs to them, nothing else');
select is((select array_agg(n::int > 0) from (select (xpath('/row/c/text()', query_to_xml(format('select count(*) as c from public.%I', t), false, true, '')))[1]::text as n
  from unnest(array['customer_profiles', 'bugs', 'features', 'tasks', 'flow_pages', 'flow_connections', 'prds', 'product_prompts', 'notes']) t) x),
  array[true, true, true, true, true, true, true, true, true], 'of which there is something');
select pg_temp.refused(format('insert into public.%I (id, product_id%s) values (gen_random_uuid(), %L%s)', t, c, pg_temp.product('01'), v), 'no ' || t || ' in others'' products')
from (values ('customer_profiles', '', ''), ('bugs', ', name', ', ''x'''), ('features', '', ''), ('tasks', ', name', ', ''x'''), ('flow_pages', ', name', ', ''x'''),
  ('flow_connections', '', ''), ('prds', '', ''), ('product_prompts', '', ''), ('notes', ', user_id', ', ''a2000000-0000-4000-8000-000000000003''')) x (t, c, v);
select lives_ok(format('insert into public.%I (id, product_id%s) values (gen_random_uuid(), %L%s)', t, c, pg_temp.product('03'), v), 'but ' || t || ' in own ones')
from (values ('customer_profiles', '', ''), ('bugs', ', name', ', ''x'''), ('features', '', ''), ('tasks', ', name', ', ''x'''), ('flow_pages', ', name', ', ''x'''),
  ('prds', '', ''), ('product_prompts', '', ''), ('notes', ', user_id', ', ''a2000000-0000-4000-8000-000000000003''')) x (t, c, v);
select is(pg_temp.touched(format('update public.%I set product_id = product_id where product_id = %L', t, pg_temp.product('01'))), 0::bigint, 'others'' ' || t || ' are not changed')
from unnest(array['customer_profiles', 'bugs', 'features', 'tasks', 'flow_pages', 'flow_connections', 'prds', 'product_prompts', 'notes']) t;
select is(pg_temp.touched(format('delete from public.%I where product_id = %L', t, pg_temp.product('01'))), 0::bigint, 'nor ' || t || ' deleted')
from unnest(array['customer_profiles', 'bugs', 'features', 'tasks', 'flow_pages', 'flow_connections', 'prds', 'product_prompts', 'notes']) t;
select pg_temp.refused(format('update public.%I set product_id = %L', t, pg_temp.product('01')), 'own ' || t || ' are not moved into others'' products')
from unnest(array['customer_profiles', 'bugs', 'features', 'tasks', 'flow_pages', 'prds', 'product_prompts', 'notes']) t;
select pg_temp.refused($$insert into products (id, user_id, name) values (gen_random_uuid(), pg_temp.who('02'), 'x')$$, 'no product in another name');
select pg_temp.refused($$update products set user_id = pg_temp.who('02')$$, 'nor given away');
select is(pg_temp.touched($$update products set name = 'x' where id = pg_temp.product('01')$$), 0::bigint, 'nor others'' renamed');
select is(pg_temp.touched($$delete from products where id = pg_temp.product('01')$$), 0::bigint, 'nor deleted');
select is(delete_product(pg_temp.product('01')), false, 'not by the function either');
select pg_temp.refused($$insert into notes (id, user_id, product_id, content) values (gen_random_uuid(), pg_temp.who('02'), pg_temp.product('03'), 'forged')$$, 'no note in another name, in an own product either');
select pg_temp.refused($$insert into notes (id, user_id, content) values (gen_random_uuid(), pg_temp.who('02'), 'forged')$$, 'nor without a product');
select is((select count(*) from notes where user_id = pg_temp.who('02')), 0::bigint, 'others'' notes are not read');
-- Flows stay inside one product.
select throws_ok($$insert into flow_connections (source_id, target_id, product_id) values (md5('page:' || pg_temp.product('03') || '1')::uuid, md5('page:' || pg_temp.product('01') || '1')::uuid, pg_temp.product('03'))$$, '23503', null, 'a connection across products is refused');
select lives_ok($$insert into flow_connections (source_id, target_id, product_id) values (md5('page:' || pg_temp.product('03') || '1')::uuid, md5('page:' || pg_temp.product('03') || '3')::uuid, pg_temp.product('03'))$$, 'one inside is fine');
-- Logs in one's own name
select lives_ok($$insert into error_logs (id, user_id, error_type, error_message, severity) values (gen_random_uuid(), pg_temp.who('03'), 'x', 'x', 'x')$$, 'an error of one''s own');
select pg_temp.refused($$insert into error_logs (id, user_id, error_type, error_message, severity) values (gen_random_uuid(), pg_temp.who('02'), 'x', 'x', 'x')$$, 'not of another');
select pg_temp.refused($$insert into error_logs (id, user_id, error_type, error_message, severity) values (gen_random_uuid(), null, 'x', 'x', 'x')$$, 'nor of nobody');
select lives_ok($$insert into openai_logs (user_id, request_type, request_payload, input_tokens) values (pg_temp.who('03'), 'x', '{}', 10)$$, 'a model''s log of one''s own');
select pg_temp.refused($$insert into openai_logs (user_id, request_type, request_payload) values (pg_temp.who('02'), 'x', '{}')$$, 'not of another');
select is((select count(*) from error_logs where user_id <> pg_temp.who('03')) + (select count(*) from openai_logs where user_id <> pg_temp.who('03')), 0::bigint, 'others'' logs are not read');
select pg_temp.refused($$update openai_logs set output_tokens = 0$$, 'nor own ones rewritten');
-- Prompt templates
select is((select array_agg(name order by name) from prompt_templates), array['Interview questions', 'Pitch'], 'public templates are read');
select is(pg_temp.touched($$update prompt_templates set template = 'x'$$), 0::bigint, 'and not changed');
select pg_temp.refused($$insert into prompt_templates (id, user_id, name, is_public) values (gen_random_uuid(), pg_temp.who('01'), 'x', true)$$, 'nor made in another name');
select lives_ok($$insert into prompt_templates (id, user_id, name) values (gen_random_uuid(), pg_temp.who('03'), 'mine')$$, 'own ones are');
select pg_temp.refused($$update prompt_templates set user_id = pg_temp.who('01') where name = 'mine'$$, 'and not given away');
-- Money
select is((select count(*) from user_subscriptions), 1::bigint, 'a user reads the own subscription');
select is((select count(*) from payment_history where user_id <> pg_temp.who('03')), 0::bigint, 'and payments');
select pg_temp.refused($$update user_subscriptions set status = 'active', current_period_end = '2099-01-01'$$, 'and changes none');
select pg_temp.refused($$insert into user_subscriptions (id, user_id, status, payment_type) values (gen_random_uuid(), pg_temp.who('03'), 'active', 'gift')$$, 'nor makes one');
select pg_temp.refused($$insert into payment_history (id, user_id, amount, status) values (gen_random_uuid(), pg_temp.who('03'), 0, 'succeeded')$$, 'nor pays by hand');
-- Plans
select is((select count(*) from subscription_plans), 3::bigint, 'a user sees active plans');
select pg_temp.refused($$insert into subscription_plans (id, name, price, "interval") values (gen_random_uuid(), 'x', 0, 'month')$$, 'and makes none');
select is(pg_temp.touched($$update subscription_plans set price = 0$$), 0::bigint, 'nor prices them');
select is(pg_temp.touched($$delete from subscription_plans$$), 0::bigint, 'nor deletes them');
select pg_temp.act('97');
select is(pg_temp.touched($$update subscription_plans set price = 0$$), 0::bigint, 'an unconfirmed staff address is no staff');
select pg_temp.act('98');
select is(pg_temp.touched($$update subscription_plans set price = 0$$), 0::bigint, 'nor is one that only looks like it');
-- Somebody who does get his own row changed (by a bug elsewhere) is still no staff: the rule reads auth.users.
reset role;
update users set email = 'emeka@fluxr.ai' where id = pg_temp.who('03');
select pg_temp.act('03');
select is(pg_temp.touched($$update subscription_plans set price = 0$$), 0::bigint, 'users.email makes nobody staff');
select pg_temp.act('01');
select is((select count(*) from subscription_plans), 4::bigint, 'staff see all plans');
select is(pg_temp.touched($$update subscription_plans set price = 21 where name = 'Founder'$$), 1::bigint, 'and price them');
select lives_ok($$insert into subscription_plans (id, name, price, "interval") values (gen_random_uuid(), 'Team', 49, 'month')$$, 'and make them');

-- Deleting
select pg_temp.act('02');
select throws_ok($$delete from products where id = pg_temp.product('01')$$, '23503', null, 'the document''s keys protect what hangs on a product');
select is(delete_product(pg_temp.product('01')), true, 'delete_product() takes it along');
select is((select count(*) from tasks where product_id = pg_temp.product('01')), 0::bigint, 'all of it');
select lives_ok($$select delete_my_account()$$, 'an account is deleted');
reset role;
select is((select count(*) from users where id = pg_temp.who('02')) + (select count(*) from products where user_id = pg_temp.who('02'))
  + (select count(*) from notes where user_id = pg_temp.who('02')) + (select count(*) from error_logs where user_id = pg_temp.who('02')
  ) + (select count(*) from payment_history where user_id = pg_temp.who('02')), 0::bigint, 'with its data');
select cmp_ok((select count(*) from tasks), '>', 10::bigint, 'and nobody else''s');

-- Storage
create function pg_temp.put(path text) returns text language plpgsql as $$
begin
  insert into storage.objects (bucket_id, name) values ('screenshots', path);
  return 'stored';
exception when insufficient_privilege then
  return 'refused';
end $$;
select pg_temp.act('03');
select is(pg_temp.put(pg_temp.product('03') || '/bug.png'), 'stored', 'a screenshot of an own product');
select is(pg_temp.put(pg_temp.product('04') || '/bug.png'), 'refused', 'not of another''s');
select is(pg_temp.put('bug.png'), 'refused', 'nor of none');
select pg_temp.act('04');
select is((select count(*) from storage.objects), 0::bigint, 'which others do not see');

select * from finish();
rollback;
