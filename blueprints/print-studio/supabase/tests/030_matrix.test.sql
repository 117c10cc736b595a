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
            json_build_object('sub', 'a1000000-0000-4000-8000-0000000000' || who, 'role', 'authenticated')::text end, true),
          set_config('role', case who when 'anon' then 'anon' else 'authenticated' end, true);
  execute statement;
  get diagnostics n = row_count;
  raise exception using errcode = 'ZZ001', message = n::text;
exception
  when sqlstate 'ZZ001' then return sqlerrm;
  when insufficient_privilege then return 'refused';
end $$;

-- Dana 01 is the admin. Paula 02 owns the image I1 (in her public collection) and I2 (in her drafts), Kofi 03 the image I3 (nowhere).
insert into images (id, user_id, original_filename, processing_status) values
  ('e4000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000002', 'matrix-1', 'completed'), ('e4000000-0000-4000-8000-000000000002', 'a1000000-0000-4000-8000-000000000002', 'matrix-2', 'completed'),
  ('e4000000-0000-4000-8000-000000000003', 'a1000000-0000-4000-8000-000000000003', 'matrix-3', 'completed');
insert into image_operations (image_id, operation_type, api_provider) select id, 'upscale', 'matrix' from images where original_filename like 'matrix-%';
insert into image_collection_items (id, collection_id, image_id) values
  ('e5000000-0000-4000-8000-000000000001', 'f3000000-0000-4000-8000-000000000001', 'e4000000-0000-4000-8000-000000000001'), ('e5000000-0000-4000-8000-000000000002', 'f3000000-0000-4000-8000-000000000002', 'e4000000-0000-4000-8000-000000000002');
insert into subscription_plans (name, is_active) values ('matrix', false);
insert into pay_as_you_go_packages (name, credits, price, is_active) values ('matrix', 1, 1, false);
insert into api_usage_logs (user_id, api_provider, operation_type) values ('a1000000-0000-4000-8000-000000000002', 'matrix', 'x');
insert into admin_logs (admin_user_id, action) values ('a1000000-0000-4000-8000-000000000001', 'matrix');
insert into user_activity_logs (user_id, activity_type) values ('a1000000-0000-4000-8000-000000000002', 'matrix');
insert into subscription_history (user_id, status, started_at) values ('a1000000-0000-4000-8000-000000000002', 'unpaid', now());
insert into email_templates (name, subject, html_content) values ('unused', 'x', 'x');
select is(pg_temp.would(who, statement), expected, who || ': ' || statement) from (values
  -- images
  ('anon', $$select id from images where original_filename like 'matrix-%'$$, '1'),
  ('02', $$select from images where original_filename like 'matrix-%'$$, '2'),
  ('03', $$select from images where original_filename like 'matrix-%'$$, '2'),
  ('04', $$select from images where original_filename like 'matrix-%'$$, '1'),
  ('01', $$select from images where original_filename like 'matrix-%'$$, '3'),
  ('02', $$insert into images (user_id, original_filename) values ('a1000000-0000-4000-8000-000000000002', 'x')$$, '1'),
  ('02', $$insert into images (user_id, original_filename) values ('a1000000-0000-4000-8000-000000000003', 'x')$$, 'refused'),
  ('01', $$insert into images (user_id, original_filename) values ('a1000000-0000-4000-8000-000000000003', 'x')$$, '1'),
  ('02', $$update images set is_favorite = true where original_filename like 'matrix-%'$$, '2'),
  ('03', $$update images set is_favorite = true where original_filename like 'matrix-%'$$, '1'),
  ('01', $$update images set is_favorite = true where original_filename like 'matrix-%'$$, '3'),
  ('02', $$delete from images where original_filename like 'matrix-%'$$, '2'),
  ('03', $$delete from images where original_filename like 'matrix-%'$$, '1'),
  ('01', $$delete from images where original_filename like 'matrix-%'$$, '3'),
  -- operations, collections and items
  ('02', $$select from image_operations where api_provider = 'matrix'$$, '2'),
  ('03', $$select from image_operations where api_provider = 'matrix'$$, '1'),
  ('04', $$select from image_operations where api_provider = 'matrix'$$, '0'),
  ('01', $$select from image_operations where api_provider = 'matrix'$$, '3'),
  ('anon', $$select from image_collections$$, '2'),
  ('02', $$select from image_collections$$, '3'),
  ('03', $$select from image_collections$$, '2'),
  ('01', $$select from image_collections$$, '3'),
  ('02', $$insert into image_collections (user_id, name) values ('a1000000-0000-4000-8000-000000000002', 'x')$$, '1'),
  ('02', $$insert into image_collections (user_id, name) values ('a1000000-0000-4000-8000-000000000003', 'x')$$, 'refused'),
  ('02', $$update image_collections set name = 'x'$$, '2'),
  ('03', $$update image_collections set name = 'x'$$, '1'),
  ('01', $$update image_collections set name = 'x'$$, '3'),
  ('02', $$delete from image_collections$$, '2'),
  ('03', $$delete from image_collections$$, '1'),
  ('01', $$delete from image_collections$$, '3'),
  ('anon', $$select from image_collection_items where id::text like 'e5000000%'$$, '1'),
  ('02', $$select from image_collection_items where id::text like 'e5000000%'$$, '2'),
  ('03', $$select from image_collection_items where id::text like 'e5000000%'$$, '1'),
  ('01', $$select from image_collection_items where id::text like 'e5000000%'$$, '2'),
  ('02', $$insert into image_collection_items (collection_id, image_id) values ('f3000000-0000-4000-8000-000000000001', 'e4000000-0000-4000-8000-000000000002')$$, '1'),
  ('02', $$insert into image_collection_items (collection_id, image_id) values ('f3000000-0000-4000-8000-000000000001', 'e4000000-0000-4000-8000-000000000003')$$, 'refused'),
  ('02', $$insert into image_collection_items (collection_id, image_id) values ('f3000000-0000-4000-8000-000000000003', 'e4000000-0000-4000-8000-000000000002')$$, 'refused'),
  ('02', $$delete from image_collection_items where id::text like 'e5000000%'$$, '2'),
  ('03', $$delete from image_collection_items where id::text like 'e5000000%'$$, '0'),
  ('01', $$delete from image_collection_items where id::text like 'e5000000%'$$, '2'),
  -- people and money
  ('02', $$select from profiles$$, '1'),
  ('01', $$select from profiles$$, '8'),
  ('02', $$update profiles set company = 'x'$$, '1'),
  ('01', $$update profiles set company = 'x'$$, '8'),
  ('08', $$select from credit_transactions$$, '1'),
  ('01', $$select from credit_transactions where user_id = 'a1000000-0000-4000-8000-000000000008'$$, '1'),
  ('02', $$select from credit_transactions where user_id = 'a1000000-0000-4000-8000-000000000008'$$, '0'),
  ('02', $$select from subscription_history$$, '2'),
  ('08', $$select from subscription_history$$, '0'),
  ('01', $$select from subscription_history where status = 'unpaid'$$, '1'),
  ('02', $$select from user_activity_logs where activity_type = 'matrix'$$, '1'),
  ('03', $$select from user_activity_logs where activity_type = 'matrix'$$, '0'),
  ('01', $$select from user_activity_logs where activity_type = 'matrix'$$, '1'),
  ('anon', $$select from subscription_plans where name = 'matrix'$$, '0'),
  ('anon', $$select from subscription_plans$$, '3'),
  ('02', $$select from subscription_plans where name = 'matrix'$$, '0'),
  ('02', $$select from subscription_plans$$, '3'),
  ('01', $$select from subscription_plans where name = 'matrix'$$, '1'),
  ('01', $$insert into subscription_plans (name) values ('new')$$, '1'),
  ('02', $$insert into subscription_plans (name) values ('new')$$, 'refused'),
  ('01', $$update subscription_plans set description = 'x'$$, '4'),
  ('02', $$update subscription_plans set description = 'x'$$, '0'),
  ('01', $$delete from subscription_plans where name = 'matrix'$$, '1'),
  ('02', $$delete from subscription_plans where is_active$$, '0'),
  ('anon', $$select from pay_as_you_go_packages where name = 'matrix'$$, '0'),
  ('anon', $$select from pay_as_you_go_packages$$, '3'),
  ('02', $$select from pay_as_you_go_packages where name = 'matrix'$$, '0'),
  ('02', $$select from pay_as_you_go_packages$$, '3'),
  ('01', $$select from pay_as_you_go_packages where name = 'matrix'$$, '1'),
  ('01', $$insert into pay_as_you_go_packages (name, credits, price) values ('new', 1, 1)$$, '1'),
  ('02', $$insert into pay_as_you_go_packages (name, credits, price) values ('new', 1, 1)$$, 'refused'),
  ('01', $$update pay_as_you_go_packages set description = 'x'$$, '4'),
  ('02', $$update pay_as_you_go_packages set description = 'x'$$, '0'),
  ('01', $$delete from pay_as_you_go_packages where name = 'matrix'$$, '1'),
  ('02', $$delete from pay_as_you_go_packages where is_active$$, '0'),
  -- the house
  ('01', $$select from api_costs$$, '4'),
  ('02', $$select from api_costs$$, '0'),
  ('01', $$insert into api_costs (api_provider, operation_type, cost_per_operation, effective_date) values ('x', 'x', 1, '2026-01-01')$$, '1'),
  ('02', $$insert into api_costs (api_provider, operation_type, cost_per_operation, effective_date) values ('x', 'x', 1, '2026-01-01')$$, 'refused'),
  ('01', $$update api_costs set currency = 'EUR'$$, '4'),
  ('02', $$update api_costs set currency = 'EUR'$$, '0'),
  ('01', $$select from email_templates$$, '4'),
  ('02', $$select from email_templates$$, '0'),
  ('01', $$insert into email_templates (name, subject, html_content) values ('x', 'x', 'x')$$, '1'),
  ('02', $$insert into email_templates (name, subject, html_content) values ('x', 'x', 'x')$$, 'refused'),
  ('01', $$update email_templates set subject = 'x'$$, '4'),
  ('02', $$update email_templates set subject = 'x'$$, '0'),
  ('01', $$select from email_campaigns$$, '2'),
  ('02', $$select from email_campaigns$$, '0'),
  ('01', $$insert into email_campaigns (name) values ('x')$$, '1'),
  ('02', $$insert into email_campaigns (name) values ('x')$$, 'refused'),
  ('01', $$update email_campaigns set name = 'x'$$, '2'),
  ('02', $$update email_campaigns set name = 'x'$$, '0'),
  ('01', $$delete from api_costs$$, '4'),
  ('02', $$delete from api_costs$$, '0'),
  ('01', $$delete from email_templates where name = 'unused'$$, '1'),
  ('01', $$delete from email_campaigns$$, '2'),
  ('02', $$delete from email_campaigns$$, '0'),
  ('02', $$delete from email_templates$$, '0'),
  ('01', $$select from api_usage_logs where api_provider = 'matrix'$$, '1'),
  ('02', $$select from api_usage_logs where api_provider = 'matrix'$$, '0'),
  ('01', $$select from admin_logs where action = 'matrix'$$, '1'),
  ('02', $$select from admin_logs where action = 'matrix'$$, '0'),
  ('01', $$select from system_metrics$$, '30'),
  ('02', $$select from system_metrics$$, '0'),
  ('01', $$select from email_logs$$, '8'),
  ('02', $$select from email_logs$$, '0')
) x (who, statement, expected);
reset role;

-- What one may change is what one may keep: an UPDATE's check asks no less than its USING.
select is_empty($$select tablename, policyname from pg_policies where schemaname = 'public' and cmd = 'UPDATE'
  and (with_check is null or position(qual in with_check) = 0)$$, 'every UPDATE policy checks what it asked');

select * from finish();
rollback;
