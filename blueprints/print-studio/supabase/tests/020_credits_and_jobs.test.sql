-- Credits: the functions' promises one by one. Then images, months that pass, and campaigns.
begin;
create extension if not exists pgtap with schema extensions;
set local search_path = public, extensions;
select no_plan();
create function pg_temp.who(n text) returns uuid language sql immutable as $$ select ('a1000000-0000-4000-8000-0000000000' || n)::uuid $$;
create function pg_temp.balance(n text) returns int language sql as $$ select credits_remaining from profiles where id = pg_temp.who(n) $$;
create function pg_temp.broken() returns bigint language sql as $$
  select count(*) from profiles p
  where p.credits_remaining <> (select coalesce(sum(balance_after - balance_before), 0) from credit_transactions where user_id = p.id)
     or p.credits_remaining <> (select coalesce(sum(remaining), 0) from credit_transactions where user_id = p.id) $$;
grant execute on function pg_temp.broken() to public;
set local role service_role;
select set_config('request.jwt.claims', '{"role": "service_role"}', true);

select is(pg_temp.broken(), 0::bigint, 'after seeding, every ledger sums to its balance');
-- Of two calls at once the second must wait before it reads the balance, else one deduction is lost: also a call that is refused
-- leaves the mark of its lock on the row.
select set_config('test.mark', (select xmax::text from profiles where id = pg_temp.who('05')), true);
select throws_ok($$select deduct_user_credits(pg_temp.who('05'), 1000000, 'usage')$$, 'P0001', null, 'an overdraft is refused');
select isnt((select xmax::text from profiles where id = pg_temp.who('05')), current_setting('test.mark'), 'and the balance was locked before it was read');
select is(add_user_credits(pg_temp.who('08'), 10, 'purchase', 'ten', '{"stripe_payment_intent_id": "pi_1"}', 'key-1'), 12, 'added');
select is(add_user_credits(pg_temp.who('08'), 10, 'purchase', 'ten', '{"stripe_payment_intent_id": "pi_1"}', 'key-1'), 12, 'the same key again: once');
select throws_ok($$select add_user_credits(pg_temp.who('08'), 11, 'purchase', null, null, 'key-1')$$, '22023', null, 'the same key with another amount is refused');
select throws_ok($$select add_user_credits(pg_temp.who('07'), 10, 'purchase', null, null, 'key-1')$$, '22023', null, 'or with another user');
select throws_ok($$select deduct_user_credits(pg_temp.who('08'), 10, 'usage', null, null, 'key-1')$$, '22023', null, 'or for another thing');
select throws_ok($$select add_user_credits(pg_temp.who('08'), 0, 'purchase')$$, '22023', null, 'nothing is not an amount');
select throws_ok($$select add_user_credits(pg_temp.who('08'), -5, 'purchase')$$, '22023', null, 'nor is less than nothing');
select throws_ok($$select add_user_credits(pg_temp.who('08'), null, 'purchase')$$, '22023', null, 'nor NULL');
select throws_ok($$select deduct_user_credits(pg_temp.who('08'), -5, 'usage')$$, '22023', null, 'taking less than nothing is giving');
select throws_ok($$select add_user_credits(pg_temp.who('08'), 5, 'usage')$$, '22023', null, 'usage gives nothing');
select throws_ok($$select deduct_user_credits(pg_temp.who('08'), 5, 'bonus')$$, '22023', null, 'a bonus takes nothing');
select throws_ok($$select add_user_credits(gen_random_uuid(), 5, 'bonus')$$, 'P0002', null, 'an unknown user is refused');
select throws_ok($$select deduct_user_credits(gen_random_uuid(), 5, 'usage')$$, 'P0002', null, 'in both directions');
select throws_ok($$select deduct_user_credits(null, 5, 'usage')$$, 'P0002', null, 'NULL is nobody');
select throws_ok($$select deduct_user_credits(pg_temp.who('08'), 13, 'usage')$$, 'P0001', 'Insufficient credits. Required: 13, Available: 12', 'no overdraft');
select is(deduct_user_credits(pg_temp.who('08'), 12, 'usage'), 0, 'down to nothing');
select throws_ok($$select deduct_user_credits(pg_temp.who('08'), 1, 'usage')$$, 'P0001', 'Insufficient credits. Required: 1, Available: 0', 'and not below');
select throws_ok($$select add_user_credits(pg_temp.who('08'), 2147483647, 'bonus'), add_user_credits(pg_temp.who('08'), 1, 'bonus')$$, '22003', null, 'and not past what fits');
select is(pg_temp.broken(), 0::bigint, 'ledger and balance agree');

-- An operation takes its credit at the beginning, and gives it back once when it fails.
select add_user_credits(pg_temp.who('08'), 5, 'bonus');
insert into images (id, user_id, original_filename) values ('ee000000-0000-4000-8000-000000000002', pg_temp.who('08'), 'a.png');
select is((select status from begin_image_operation('ee000000-0000-4000-8000-000000000002', 'upscale', 'local', 2, 'try-1')), 'processing', 'begun');
select is((select count(*) from (select begin_image_operation('ee000000-0000-4000-8000-000000000002', 'upscale', 'local', 2, 'try-1')) x), 1::bigint, 'begun again: the same');
select is(pg_temp.balance('08'), 3, 'paid once');
create temp table op as select id from image_operations where image_id = 'ee000000-0000-4000-8000-000000000002';
select is((select status from finish_image_operation((select id from op), null, 'timeout')), 'failed', 'failed');
select is((select status from finish_image_operation((select id from op), '{"final_url": "x"}')), 'failed', 'the first end counts');
select is(pg_temp.balance('08'), 5, 'given back once');
select is((select processing_status from images where id = 'ee000000-0000-4000-8000-000000000002'), 'failed', 'the image says so');
select is((select status from begin_image_operation('ee000000-0000-4000-8000-000000000002', 'upscale', 'local', 2, 'try-2')), 'processing', 'tried again');
select is((select status from finish_image_operation((select id from image_operations where image_id = 'ee000000-0000-4000-8000-000000000002' and status = 'processing'), '{"final_url": "f", "thumbnail_url": "t"}', null, 1.5, 0.04)), 'completed', 'and done');
select results_eq($$select processing_status, final_url, thumbnail_url from images where id = 'ee000000-0000-4000-8000-000000000002'$$, $$values ('completed', 'f', 't')$$, 'the image has its result');
select throws_ok($$select begin_image_operation('ee000000-0000-4000-8000-000000000002', 'upscale', 'local', 20, 'try-3')$$, 'P0001', null, 'without credits nothing begins');
select is((select count(*) from image_operations where image_id = 'ee000000-0000-4000-8000-000000000002'), 2::bigint, 'nothing at all');

-- Images expire with their files.
insert into storage.objects (bucket_id, name) values ('images', pg_temp.who('08') || '/ee000000-0000-4000-8000-000000000002/final.png');
update images set expires_at = now() + interval '1 day' where id = 'ee000000-0000-4000-8000-000000000002';
create temp table due as select count(*)::int as n from images where expires_at <= now() + interval '2 days' and processing_status <> 'processing';
select is(expire_images(now() + interval '2 days'), (select n from due), 'what is due expires');
select is((select count(*) from storage.objects where name like '%ee000000-0000-4000-8000-000000000002%'), 0::bigint, 'with its files');
select is((select count(*) from files_to_delete() where path like '%ee000000-0000-4000-8000-000000000002/final.png'), 1::bigint, 'whose bytes the server removes');

-- Months pass: credits come once a month, and go when they are old; those that go first are used first.
select is((run_credit_jobs() ->> 'granted')::int, 0, 'this month was granted by the seed');
create temp table was as select pg_temp.balance('02') as paula, pg_temp.balance('08') as nora;
select is((run_credit_jobs(now() + interval '1 month') ->> 'granted')::int, 3, 'next month brings credits to three');
select is((run_credit_jobs(now() + interval '1 month') ->> 'granted')::int, 0, 'once');
select is(pg_temp.balance('02'), (select paula from was) + 60, 'sixty for Paula');
select is(pg_temp.balance('08'), (select nora from was), 'none for Nora, who has no plan');
select deduct_user_credits(pg_temp.who('02'), 5, 'usage');
select is((select remaining from credit_transactions where user_id = pg_temp.who('02') and expires_at is not null order by expires_at desc limit 1), 60, 'what expires first is used first');
create temp table later as select run_credit_jobs(now() + interval '2 months 1 day') as r;
select cmp_ok((select (r ->> 'expired')::int from later), '>', 0, 'two months later the old ones expire');
select is((select count(*) from credit_transactions where remaining > 0 and expires_at <= now() + interval '2 months 1 day'), 0::bigint, 'all of them');
select is(pg_temp.broken(), 0::bigint, 'ledger and balance agree');

-- A campaign is resumed after a crash, and nobody gets it twice.
create temp table campaign as select 'f5000000-0000-4000-8000-000000000001'::uuid as id;
select cmp_ok(start_campaign((select id from campaign)), '>', 3, 'a campaign has its recipients');
create temp table first_claim as select * from claim_campaign_recipients((select id from campaign), 2);
select is((select count(*) from first_claim), 2::bigint, 'two are claimed');
select is(campaign_recipient_sent((select id from campaign), (select user_id from first_claim order by user_id limit 1), 'msg-1'), true, 'one is sent');
select is(campaign_recipient_sent((select id from campaign), (select user_id from first_claim order by user_id limit 1), 'msg-1b'), false, 'not twice');
select is((select count(*) from claim_campaign_recipients((select id from campaign), 100) c where c.user_id in (select user_id from first_claim)), 0::bigint, 'a claim is exclusive');
select is(start_campaign((select id from campaign)) > 0, true, 'begun again after a crash: the same list');
reset role;
update private.campaign_recipients set claimed_at = now() - interval '1 hour' where sent_at is null;
set local role service_role;
select bool_and(campaign_recipient_sent((select id from campaign), c.user_id, 'msg-' || c.user_id)) from claim_campaign_recipients((select id from campaign), 1000) c;
select is((select status from email_campaigns where id = (select id from campaign)), 'completed', 'done when all are sent');
select is((select count(*) from (select user_id from email_logs where campaign_id = (select id from campaign) group by user_id having count(*) > 1) x), 0::bigint, 'nobody twice');
select lives_ok($$select record_email_event('msg-1', 'opened'), record_email_event('msg-1', 'delivered')$$, 'events come in any order');
select is((select status from email_logs where sendgrid_message_id = 'msg-1'), 'opened', 'and do not go back');
update email_campaigns set status = 'cancelled' where id = 'f5000000-0000-4000-8000-000000000002';
select throws_ok($$select start_campaign('f5000000-0000-4000-8000-000000000002')$$, '22023', null, 'a cancelled campaign is not begun');

select * from finish();
rollback;
