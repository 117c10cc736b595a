-- Who may do what, tried as the people of seed.sql. Dana (01) is the admin, Paula (02) and Kofi (03) customers.
begin;
create extension if not exists pgtap with schema extensions;
set local search_path = public, extensions;
select no_plan();

create function pg_temp.who(n text) returns uuid language sql immutable as $$ select ('a1000000-0000-4000-8000-0000000000' || n)::uuid $$;
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

-- Sign-up
insert into auth.users (id, email, raw_user_meta_data, raw_app_meta_data, aud, role)
values (pg_temp.who('99'), 'new@example.com', '{"first_name": "New", "is_admin": true, "credits_remaining": 1000}', '{}', 'authenticated', 'authenticated');
select results_eq($$select first_name, is_admin, credits_remaining from profiles where id = pg_temp.who('99')$$, $$values ('New', false, 2)$$, 'a sign-up has its profile, two credits, and no rights of its choice');
select results_eq($$select transaction_type, amount, balance_before, balance_after from credit_transactions where user_id = pg_temp.who('99')$$, $$values ('bonus', 2, 0, 2)$$, 'the two credits are a bonus in the ledger');

-- Anon
select pg_temp.act('');
select pg_temp.refused('select * from profiles', 'anon reads no profile');
select pg_temp.refused('select * from credit_transactions', 'anon reads no ledger');
select pg_temp.refused('select * from user_analytics', 'anon reads no report');
select pg_temp.refused('select * from revenue_analytics', 'nor the other');
select pg_temp.refused('select * from image_operations', 'anon reads no operation');
select pg_temp.refused('select original_url from images', 'anon learns no original');
select pg_temp.refused('select user_id from images', 'nor whose an image is');
select is((select count(*) from image_collections), 2::bigint, 'anon sees public collections');
select cmp_ok((select count(id) from images), '>', 3::bigint, 'and their images');
select is((select count(id) from images i where not exists (select 1 from image_collection_items x where x.image_id = i.id)), 0::bigint, 'and no others');
select is((select count(*) from subscription_plans), 3::bigint, 'anon sees the plans');
select pg_temp.refused($$insert into images (original_filename) values ('x')$$, 'anon adds no image');
select pg_temp.refused($$select add_user_credits(pg_temp.who('02'), 100, 'bonus')$$, 'anon adds no credits');
select pg_temp.refused($$select run_credit_jobs()$$, 'nor runs jobs');
select is((select record_download(id) > 0 from images order by id limit 1), true, 'a visitor''s download is counted');

-- Paula
select pg_temp.act('02');
select lives_ok($$select * from profiles$$, 'the policies do not recurse');
select is((select count(*) from profiles), 1::bigint, 'a user sees the own profile');
select is(pg_temp.touched($$update profiles set company = 'Nyman AB', phone = '1'$$), 1::bigint, 'and edits it');
select is(pg_temp.touched($$update profiles set company = 'x' where id = pg_temp.who('03')$$), 0::bigint, 'and no other');
select pg_temp.refused($$update profiles set credits_remaining = 1000000$$, 'a user sets no credits');
select pg_temp.refused($$update profiles set total_credits_used = 0$$, 'nor their history');
select pg_temp.refused($$update profiles set is_admin = true$$, 'nor the admin flag');
select pg_temp.refused($$update profiles set is_active = true$$, 'nor being active');
select pg_temp.refused($$update profiles set subscription_status = 'starter'$$, 'nor the subscription');
select pg_temp.refused($$update profiles set subscription_plan = 'starter'$$, 'nor the plan');
select pg_temp.refused($$update profiles set stripe_customer_id = 'cus_other'$$, 'nor the Stripe customer');
select pg_temp.refused($$update profiles set email = 'kofi@example.com'$$, 'nor the address, which follows the account');
select pg_temp.refused($$insert into profiles (id, email, is_admin) values (gen_random_uuid(), 'x@example.com', true)$$, 'nor makes profiles');
select pg_temp.refused($$delete from profiles$$, 'nor deletes them');
select pg_temp.refused($$insert into credit_transactions (user_id, transaction_type, amount, balance_before, balance_after) values (pg_temp.who('02'), 'bonus', 100, 0, 100)$$, 'nobody writes the ledger');
select pg_temp.refused($$update credit_transactions set amount = 1$$, 'nor rewrites it');
select pg_temp.refused($$delete from credit_transactions$$, 'nor deletes from it');
select pg_temp.refused($$select add_user_credits(pg_temp.who('02'), 100, 'bonus')$$, 'credits are added by the server');
select pg_temp.refused($$select deduct_user_credits(pg_temp.who('03'), 1, 'usage')$$, 'and taken by the server');
select pg_temp.refused($$select admin_add_credits(pg_temp.who('02'), 100, 'please')$$, 'or by an admin');
select pg_temp.refused($$select admin_update_user(pg_temp.who('03'), true)$$, 'who gives the rights, too');
select pg_temp.refused($$select begin_image_operation(gen_random_uuid(), 'upscale', 'local', 0, 'k')$$, 'operations are begun by the server');
select pg_temp.refused($$select private.grant_monthly_credits()$$, 'helpers are out of reach');
select is((select count(*) from credit_transactions where user_id <> pg_temp.who('02')), 0::bigint, 'a user reads the own ledger only');
select cmp_ok((select count(*) from credit_transactions), '>', 3::bigint, 'and does read it');
select lives_ok($$insert into images (id, user_id, original_filename) values ('ee000000-0000-4000-8000-000000000001', pg_temp.who('02'), 'mine.png')$$, 'a user adds an image');
select pg_temp.refused($$insert into images (user_id, original_filename) values (pg_temp.who('03'), 'x.png')$$, 'not in another name');
select pg_temp.refused($$insert into images (user_id, original_filename, processing_status) values (pg_temp.who('02'), 'x.png', 'completed')$$, 'and not as done');
select is(pg_temp.touched($$update images set is_favorite = true where original_filename = 'mine.png'$$), 1::bigint, 'and marks it');
select pg_temp.refused($$update images set download_count = 1000$$, 'downloads are not written by hand');
select pg_temp.refused($$update images set expires_at = null$$, 'nor expiry');
select pg_temp.refused($$update images set processing_status = 'completed'$$, 'nor the state');
select pg_temp.refused($$update images set user_id = pg_temp.who('03') where original_filename = 'mine.png'$$, 'an image keeps its owner');
select is(pg_temp.touched($$update images set is_favorite = true where user_id = pg_temp.who('03')$$), 0::bigint, 'others'' images stay');
select is(pg_temp.touched($$delete from images where user_id = pg_temp.who('03')$$), 0::bigint, 'and are not deleted');
select is((select count(*) from images i where i.user_id <> pg_temp.who('02') and not exists (select 1 from image_collection_items x join image_collections c on c.id = x.collection_id where x.image_id = i.id and c.is_public)), 0::bigint, 'others'' images are seen when they are published only');
select pg_temp.refused($$insert into image_operations (image_id, operation_type, api_provider) values ('ee000000-0000-4000-8000-000000000001', 'upscale', 'local')$$, 'operations are the server''s');
select is((select count(*) from image_operations o join images i on i.id = o.image_id where i.user_id <> pg_temp.who('02')), 0::bigint, 'and seen by the image''s owner only');
-- An image of somebody else, put into one's own public collection, would be published.
select pg_temp.refused($$insert into image_collection_items (collection_id, image_id) values ('f3000000-0000-4000-8000-000000000001', md5('image:2')::uuid)$$, 'nobody publishes others'' images');
select pg_temp.refused($$insert into image_collection_items (collection_id, image_id) values ('f3000000-0000-4000-8000-000000000003', 'ee000000-0000-4000-8000-000000000001')$$, 'nor adds to others'' collections');
select lives_ok($$insert into image_collection_items (collection_id, image_id) values ('f3000000-0000-4000-8000-000000000001', 'ee000000-0000-4000-8000-000000000001')$$, 'own into own is fine');
select is(pg_temp.touched($$update image_collections set is_public = true where user_id <> pg_temp.who('02')$$), 0::bigint, 'others'' collections stay as they are');
select pg_temp.refused($$update image_collections set user_id = pg_temp.who('03')$$, 'and are not given away');
select is((select count(*) from user_analytics), 0::bigint, 'reports are not a user''s');
select is((select count(*) from revenue_analytics), 0::bigint, 'neither one');
select is((select count(*) from email_campaigns), 0::bigint, 'nor campaigns');
select pg_temp.refused($$insert into email_campaigns (name) values ('x')$$, 'nor making them');
select is((select count(*) from admin_logs) + (select count(*) from system_metrics) + (select count(*) from api_costs) + (select count(*) from api_usage_logs) + (select count(*) from email_logs), 0::bigint, 'nor any log of the house');
select lives_ok($$select log_activity('image.viewed', '{"image": 1}')$$, 'activity is logged in the own name');
select pg_temp.refused($$insert into user_activity_logs (user_id, activity_type) values (pg_temp.who('03'), 'x')$$, 'and in no other');
select pg_temp.refused($$select record_metric('x', 1)$$, 'metrics are the server''s');
select is((select record_download(md5('image:2')::uuid)), null, 'what one may not see is not counted')
  where not exists (select 1 from images where id = md5('image:2')::uuid);

-- Dana, the admin
select pg_temp.act('01');
select lives_ok($$select * from profiles$$, 'the admin''s policy does not recurse');
select is((select count(*) from profiles), 9::bigint, 'an admin sees every profile');
select is((select count(*) from user_analytics), 9::bigint, 'and the report of users');
select is((select sum(total_credits) from revenue_analytics), 170::numeric, 'and of revenue');
select is((select bool_and(paid_transactions = transaction_count) from revenue_analytics), true, 'in which purchases are paid');
select pg_temp.refused($$update profiles set credits_remaining = 5$$, 'balances have no back door for admins either');
select is((select admin_add_credits(pg_temp.who('99'), 5, 'sorry for the trouble')), 7, 'an admin gives credits');
select is((select is_admin from admin_update_user(pg_temp.who('03'), true)), true, 'and rights');
select throws_ok($$select admin_update_user(pg_temp.who('01'), false)$$, '22023', null, 'but does not step down alone');
select is(pg_temp.touched($$update subscription_plans set monthly_price = 10.99 where name = 'basic'$$), 1::bigint, 'and prices plans');
select is((select count(*) from admin_logs), 3::bigint, 'all of which is logged');
select pg_temp.refused($$delete from admin_logs$$, 'and stays logged');
select lives_ok($$update email_campaigns set name = 'Spring!' where name = 'Spring'$$, 'and keeps campaigns');

-- The server
select pg_temp.act('service');
select pg_temp.refused($$update profiles set credits_remaining = 5$$, 'the server writes no balance past the functions');
select pg_temp.refused($$insert into credit_transactions (user_id, transaction_type, amount, balance_before, balance_after) values (pg_temp.who('02'), 'bonus', 100, 0, 100)$$, 'nor the ledger');
select lives_ok($$update profiles set subscription_status = 'basic' where id = pg_temp.who('06')$$, 'but does set subscriptions');
select is((select count(*) from user_analytics), 9::bigint, 'and reads reports');
select lives_ok($$select record_metric('queue.length', 3)$$, 'and records metrics');

-- Storage
create function pg_temp.put(bucket text, path text) returns text language plpgsql as $$
begin
  insert into storage.objects (bucket_id, name, owner_id) values (bucket, path, auth.uid()::text);
  return 'stored';
exception when insufficient_privilege then
  return 'refused';
end $$;
select pg_temp.act('02');
select is(pg_temp.put('images', pg_temp.who('02') || '/ee000000-0000-4000-8000-000000000001/original.png'), 'stored', 'an own image');
select is(pg_temp.put('images', pg_temp.who('02') || '/ee000000-0000-4000-8000-000000000001/final.png'), 'stored', 'and its final');
select is(pg_temp.put('images', pg_temp.who('03') || '/x/original.png'), 'refused', 'not in another''s folder');
select is(pg_temp.put('avatars', pg_temp.who('03') || '/me.png'), 'refused', 'nor as another''s face');
select pg_temp.act('');
select is((select array_agg(storage.filename(name)) from storage.objects where bucket_id = 'images'), array['final.png'], 'a visitor sees the final of a published image, not the original');
select is(pg_temp.put('images', 'x/y.png'), 'refused', 'and stores nothing');
select pg_temp.act('03');
select is((select count(*) from storage.objects where bucket_id = 'images' and storage.filename(name) = 'original.png'), 0::bigint, 'originals are their owner''s');

select * from finish();
rollback;
