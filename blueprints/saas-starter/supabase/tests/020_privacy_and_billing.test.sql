-- GDPR: export, erase, retention. Billing: each event once, in whatever order.
begin;
create extension if not exists pgtap with schema extensions;
set local search_path = public, extensions;
select no_plan();
create function pg_temp.who(n text) returns uuid language sql immutable as $$ select ('b0000000-0000-4000-8000-0000000000' || n)::uuid $$;
create function pg_temp.act(who text) returns void language sql as $$
  select set_config('request.jwt.claims', json_build_object('sub', pg_temp.who(who), 'role', 'authenticated')::text, true),
         set_config('role', 'authenticated', true);
$$;
-- Rows of any table of ours in which the person's id or address is found.
create function pg_temp.traces(n text) returns bigint language plpgsql as $$
declare
  t regclass; found_ bigint; total bigint := 0;
begin
  for t in select c.oid::regclass from pg_class c join pg_namespace ns on ns.oid = c.relnamespace
           where c.relkind = 'r' and (ns.nspname in ('public', 'private') or c.oid in ('auth.users'::regclass, 'auth.identities'::regclass, 'auth.sessions'::regclass, 'storage.objects'::regclass))
             and c.oid <> 'private.files_to_delete'::regclass loop
    execute format('select count(*) from %s r where to_jsonb(r)::text ~ $1', t) into found_
      using pg_temp.who(n) || '|' || (array['ada', 'bruno', 'carla', 'david', 'elena', 'felix'])[n::int] || '@example\.com';
    total := total + found_;
  end loop;
  return total;
end $$;

select pg_temp.act('06');
select set_my_details('123', 'TAX-6', 'Street 6');
insert into storage.objects (bucket_id, name, owner_id) values ('avatars', pg_temp.who('06') || '/me.png', pg_temp.who('06')::text);
update profiles set bio = 'I was here.' where id = pg_temp.who('06');
create temp table exported as select export_my_data() as doc;
select is((select doc -> 'account' ->> 'email' from exported), 'felix@example.com', 'the export holds the account');
select is((select doc -> 'details' ->> 'tax_id' from exported), 'TAX-6', 'the details in the clear');
select cmp_ok((select jsonb_array_length(doc -> 'events') from exported), '>', 0, 'the events');
select cmp_ok((select jsonb_array_length(doc -> 'invoices') from exported), '>', 0, 'the invoices');
select is((select jsonb_array_length(doc -> 'files') from exported), 1, 'the files');
select cmp_ok((select jsonb_array_length(doc -> 'changes') from exported), '>', 0, 'the changes');
select is((select doc::text ~ 'encrypted_password' from exported), false, 'and no password');
select is((select doc::text ~ 'bruno' from exported), false, 'and nobody else');
reset role;
create temp table before as select pg_temp.traces('02') as bruno;
select cmp_ok(pg_temp.traces('06'), '>', 10::bigint, 'there is something to erase');
select pg_temp.act('06');
select is((select (delete_my_account() ->> 'files')::int), 1, 'the account is deleted');
reset role;
select is(pg_temp.traces('06'), 0::bigint, 'nothing of the one is left');
select is(pg_temp.traces('02'), (select bruno from before), 'all of the other is');
select is((select count(*) from private.files_to_delete where path = pg_temp.who('06') || '/me.png'), 1::bigint, 'the bytes are queued for storage to remove');
select is((select count(*) from invoices where stripe_invoice_id in (select value ->> 'stripe_invoice_id' from exported, jsonb_array_elements(doc -> 'invoices')) and user_id is null), (select jsonb_array_length(doc -> 'invoices')::bigint from exported), 'invoices stay, without a name');
-- The auth service deletes an account: the same happens.
delete from auth.users where id in (pg_temp.who('04'), pg_temp.who('05'));
select is(pg_temp.traces('04') + pg_temp.traces('05'), 0::bigint, 'deleted through auth, two at once: nothing is left either');
update profiles set bio = 'later' where id = pg_temp.who('02');
select is((select new_row ->> 'bio' from audit_logs order by id desc limit 1), 'later', 'and auditing goes on');
select pg_temp.act('02');
select throws_ok($$select admin_erase_user(pg_temp.who('03'))$$, '42501', null, 'a user erases nobody else');
select throws_ok($$select admin_export_user(pg_temp.who('03'))$$, '42501', null, 'nor exports');
select pg_temp.act('01');
select is((select admin_export_user(pg_temp.who('03')) -> 'account' ->> 'email'), 'carla@example.com', 'an admin exports for a person');
select lives_ok($$select admin_erase_user(pg_temp.who('03'))$$, 'and erases');
reset role;
insert into analytics_events (name, occurred_at) values ('old.event', now() - interval '3 years');
select is((select (private.apply_retention() ->> 'analytics_events')::int), 1, 'retention takes what is too old');
select cmp_ok((select count(*) from analytics_events), '>', 100::bigint, 'and only that');

-- Billing
set local role service_role;
select set_config('request.jwt.claims', '{"role": "service_role"}', true);
select is((select status from sync_subscription('evt_1', now() - interval '10 minutes', pg_temp.who('11'), 'cus_11', 'sub_11', 'price_test_starter_month', 'active', now(), now() + interval '30 days')), 'active', 'a subscription begins');
select is((select status from sync_subscription('evt_1', now(), pg_temp.who('11'), 'cus_11', 'sub_11', 'price_test_starter_month', 'canceled')), 'active', 'an event counts once');
select is((select status from sync_subscription('evt_2', now() - interval '1 minute', pg_temp.who('11'), 'cus_11', 'sub_11', 'price_test_team_month', 'past_due')), 'past_due', 'a later one changes it');
select is((select status from sync_subscription('evt_3', now() - interval '5 minutes', pg_temp.who('11'), 'cus_11', 'sub_11', 'price_test_starter_month', 'active')), 'past_due', 'an older one does not');
select throws_ok($$select sync_subscription('evt_4', now(), pg_temp.who('13'), 'cus_13', 'sub_11', 'price_test_team_month', 'active')$$, '22023', null, 'a subscription does not change hands');
select throws_ok($$select sync_subscription('evt_5', now(), pg_temp.who('13'), 'cus_13', 'sub_13', 'price_unknown', 'active')$$, 'P0002', null, 'an unknown price is refused');
select throws_ok($$select sync_subscription('evt_6', now(), pg_temp.who('11'), 'cus_11', 'sub_11_b', 'price_test_team_month', 'active')$$, '23505', null, 'one live subscription for each user');
select is((select status from record_invoice('evt_7', pg_temp.who('11'), 'in_11', 'sub_11', 1900, 'USD', 'paid')), 'paid', 'an invoice is paid');
select is((select status from record_invoice('evt_8', pg_temp.who('11'), 'in_11', 'sub_11', 1900, 'usd', 'open', 1, 'declined')), 'paid', 'a failure that arrives late changes nothing');
select pg_temp.act('11');
select is((select is_entitled from subscription_status), true, 'in the days of grace the plan still holds');

select * from finish();
rollback;
