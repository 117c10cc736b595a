-- Who may do what, tried as the people of seed.sql: Mira (01), Diego (02), Omar (06, nothing published).
begin;
create extension if not exists pgtap with schema extensions;
set local search_path = public, extensions;
select no_plan();

create function pg_temp.who(n text) returns uuid language sql immutable as $$ select ('a3000000-0000-4000-8000-0000000000' || n)::uuid $$;
create function pg_temp.project(n text) returns uuid language sql immutable as $$ select ('b3000000-0000-4000-8000-0000000000' || n)::uuid $$;
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
insert into auth.users (id, email, raw_user_meta_data, raw_app_meta_data, aud, role) values
  (pg_temp.who('98'), 'mira@example.org', '{"tier": "paid", "provider_id": "somebody-else"}', '{"provider": "google"}', 'authenticated', 'authenticated'),
  (pg_temp.who('99'), 'Üñi.Cödé@example.org', '{}', '{"provider": "google"}', 'authenticated', 'authenticated');
insert into auth.identities (provider_id, user_id, identity_data, provider) values ('118000', pg_temp.who('98'), '{}', 'google');
select results_eq($$select username, tier, google_id from users where id = pg_temp.who('98')$$, $$values ('mira-2', 'free', '118000')$$, 'a sign-up has a free name, the free tier and the id that Google says');
select matches((select username from users where id = pg_temp.who('99')), '^[a-z0-9-]+$', 'names are plain');

-- Visitors
select pg_temp.act('');
select pg_temp.refused('select email from users', 'a visitor reads no address');
select pg_temp.refused('select google_id from users', 'nor Google id');
select pg_temp.refused('select tier from users', 'nor tier');
select pg_temp.refused('select * from users', 'not all at once either');
select is((select array_agg(username order by username) from users), array['aisha', 'diego', 'kenji', 'mira'], 'but people with a public portfolio');
select is((select array_agg(username order by username) from public_users), array['aisha', 'diego', 'kenji', 'mira'], 'in the view, too');
select is((select count(*) from projects where status <> 'published'), 0::bigint, 'a visitor sees published projects');
select is((select count(*) from projects), 6::bigint, 'all of them');
select is((select count(*) from project_images), 18::bigint, 'with their images');
select is((select count(*) from project_images i where not exists (select 1 from projects p where p.id = i.project_id)), 0::bigint, 'and no others');
select cmp_ok((select count(*) from social_metrics), '>', 300::bigint, 'and their metrics');
select is((select count(*) from templates), 3::bigint, 'and templates');
select is((select count(*) from layouts), 2::bigint, 'and public layouts');
select pg_temp.refused('select * from ' || t, 'a visitor reads no ' || t) from unnest(array['subscriptions', 'ai_sessions', 'notifications']) t;
select pg_temp.refused($$insert into projects (title) values ('x')$$, 'and writes nothing');
select pg_temp.refused($$select record_social_metrics(pg_temp.project('01'), 'github', '{}')$$, 'nor metrics');

-- Diego
select pg_temp.act('02');
select is((select count(*) from users), 1::bigint, 'a user reads his own row');
select is((select email from users), 'diego@example.com', 'whole');
select is(pg_temp.touched($$update users set username = 'diego-ramos'$$), 1::bigint, 'and renames himself');
select pg_temp.refused($$update users set tier = 'paid'$$, 'but pays for the tier');
select pg_temp.refused($$update users set google_id = '1'$$, 'and keeps his Google id');
select pg_temp.refused($$update users set email = 'x@example.com'$$, 'and address');
select pg_temp.refused($$insert into users (email, username, google_id, tier) values ('x@example.com', 'x', 'x', 'paid')$$, 'nobody makes users');
select pg_temp.refused($$delete from users$$, 'nor deletes them so');
select is((select count(*) from public_users), 4::bigint, 'others are seen in public_users');
select is((select count(*) from projects where user_id = pg_temp.who('01')), 2::bigint, 'and their published projects');
select is((select count(*) from projects where user_id = pg_temp.who('02')), 2::bigint, 'and all of the own');
select lives_ok($$insert into projects (id, user_id, title, status) values ('ee000000-0000-4000-8000-000000000001', pg_temp.who('02'), 'New', 'draft')$$, 'POST /projects');
select pg_temp.refused($$insert into projects (user_id, title) values (pg_temp.who('01'), 'x')$$, 'not in another name');
select pg_temp.refused($$insert into projects (title) values ('x')$$, 'nor in none');
select throws_ok($$update projects set live_link = 'javascript:alert(1)' where title = 'New'$$, '23514', null, 'a link is no script');
select is(pg_temp.touched($$update projects set title = 'Newer' where title = 'New'$$), 1::bigint, 'PATCH /projects');
select is(pg_temp.touched($$update projects set title = 'x' where user_id = pg_temp.who('01')$$), 0::bigint, 'not others''');
select pg_temp.refused($$update projects set user_id = pg_temp.who('01')$$, 'nor given away');
select is(pg_temp.touched($$delete from projects where user_id = pg_temp.who('01')$$), 0::bigint, 'nor others'' deleted');
select lives_ok(format('insert into %I (project_id, %I) values (%L, %L)', t, c, 'ee000000-0000-4000-8000-000000000001', 'x'), 'own ' || t)
from (values ('project_images', 'url'), ('project_videos', 'url'), ('project_tags', 'tag'), ('project_technologies', 'technology')) x (t, c);
select pg_temp.refused(format('insert into %I (project_id, %I) values (%L, %L)', t, c, pg_temp.project('01'), 'x'), 'not others'' ' || t)
from (values ('project_images', 'url'), ('project_videos', 'url'), ('project_tags', 'tag'), ('project_technologies', 'technology')) x (t, c);
select is(pg_temp.touched(format('delete from %I where project_id = %L', t, pg_temp.project('01'))), 0::bigint, 'nor removed: ' || t)
from unnest(array['project_images', 'project_videos', 'project_tags', 'project_technologies']) t;
select is(pg_temp.touched(format('update %I set url = %L where project_id = %L', t, 'x', pg_temp.project('01'))), 0::bigint, 'nor changed: ' || t)
from unnest(array['project_images', 'project_videos']) t;
select pg_temp.refused(format('update %I set project_id = %L', t, pg_temp.project('01')), 'nor moved there: ' || t)
from unnest(array['project_images', 'project_videos', 'project_tags', 'project_technologies']) t;
select pg_temp.refused($$insert into social_metrics (project_id, platform, stars) values ('ee000000-0000-4000-8000-000000000001', 'github', 1000000)$$, 'nobody stars himself');
select pg_temp.refused($$update social_metrics set stars = 1000000$$, 'nor afterwards');
select is((select count(*) from subscriptions where user_id <> pg_temp.who('02')) + (select count(*) from ai_sessions where user_id <> pg_temp.who('02')) + (select count(*) from notifications where user_id <> pg_temp.who('02')), 0::bigint, 'subscriptions, sessions and notices are one''s own');
select pg_temp.refused($$update subscriptions set status = 'active'$$, 'nobody subscribes by hand');
select pg_temp.refused($$insert into subscriptions (user_id, stripe_id, status, plan) values (pg_temp.who('02'), 'x', 'active', 'pro')$$, 'in no way');
select pg_temp.refused($$insert into notifications (user_id, type) values (pg_temp.who('01'), 'x')$$, 'nor notifies');
select pg_temp.refused($$insert into ai_sessions (user_id) values (pg_temp.who('02'))$$, 'nor invents sessions');
select pg_temp.refused($$insert into templates (name, blocks_json) values ('x', '[]')$$, 'nor templates');
select is((select count(*) from layouts where user_id = pg_temp.who('01') and not is_public), 0::bigint, 'others'' layouts are seen when public');
select pg_temp.refused($$insert into layouts (user_id, name) values (null, 'x')$$, 'the catalogue is not his to fill');
select lives_ok($$insert into layouts (user_id, name) values (pg_temp.who('02'), 'Mine')$$, 'own layouts are');
select is(pg_temp.touched($$delete from layouts where user_id is distinct from pg_temp.who('02')$$), 0::bigint, 'and only those');
select pg_temp.refused($$select due_social_refreshes()$$, 'jobs are the server''s');
select pg_temp.refused($$select qr_done(pg_temp.who('01'))$$, 'all of them');

-- The server
select pg_temp.act('service');
select is((select stars from record_social_metrics(pg_temp.project('01'), 'github', '{"stars": 500}')), 500, 'a snapshot');
select is((select stars from record_social_metrics(pg_temp.project('01'), 'github', '{"stars": 510}')), 510, 'the same day again');
select is((select count(*) from social_metrics where project_id = pg_temp.project('01') and platform = 'github' and recorded_at = current_date), 1::bigint, 'is one row');
select is((select count(*) from cached_social_metrics(pg_temp.project('01'))), 1::bigint, 'and cached for a day');
select is((select count(*) from due_social_refreshes(500) d where d.project_id = pg_temp.project('01') and d.platform = 'github'), 0::bigint, 'so it is not due');
select is((select count(*) from due_social_refreshes(500)), 0::bigint, 'and those that are due are given out once');
select cmp_ok(social_refresh_failed(pg_temp.project('01'), 'twitter', '429', 3600), '>=', now() + interval '1 hour', 'a platform that says when is believed');
select cmp_ok(social_refresh_failed(pg_temp.project('01'), 'linkedin', 'timeout'), '<=', now() + interval '2 minutes', 'a first failure waits shortly');
select is((select count(*) from qr_jobs()), 4::bigint, 'a QR code for each published portfolio');
select lives_ok($$select qr_done(pg_temp.who('01'))$$, 'made');
select is((select count(*) from qr_jobs()), 3::bigint, 'once');
update subscriptions set status = 'canceled' where user_id = pg_temp.who('01');
select is((select tier from users where id = pg_temp.who('01')), 'free', 'the tier follows the subscription');
insert into subscriptions (user_id, stripe_id, status, plan) values (pg_temp.who('01'), 'sub_new', 'active', 'pro');
select is((select tier from users where id = pg_temp.who('01')), 'paid', 'in both directions');

-- Storage, and leaving
create function pg_temp.put(bucket text, path text) returns text language plpgsql as $$
begin
  insert into storage.objects (bucket_id, name) values (bucket, path);
  return 'stored';
exception when insufficient_privilege then
  return 'refused';
end $$;
select pg_temp.act('02');
select is(pg_temp.put('images', pg_temp.who('02') || '/' || pg_temp.project('04') || '/1.webp'), 'stored', 'an image of an own project');
select is(pg_temp.put('images', pg_temp.who('02') || '/ee000000-0000-4000-8000-000000000001/1.webp'), 'stored', 'of a draft');
select is(pg_temp.put('videos', pg_temp.who('01') || '/x/1.mp4'), 'refused', 'not another''s');
select is(pg_temp.put('qr-codes', pg_temp.who('02') || '/portfolio.png'), 'refused', 'codes are the server''s');
select is(pg_temp.put('ai-assets', pg_temp.who('02') || '/x.png'), 'refused', 'so are generated assets');
select pg_temp.act('');
select is((select count(*) from storage.objects), 1::bigint, 'visitors see the media of published projects only');
select pg_temp.act('03');
select is((select count(*) from storage.objects), 1::bigint, 'so do others');
select pg_temp.act('02');
select is((select count(*) from storage.objects), 2::bigint, 'the owner sees all of his');
select lives_ok($$select delete_my_account()$$, 'an account is deleted');
reset role;
select is((select count(*) from users where id = pg_temp.who('02')) + (select count(*) from projects where user_id = pg_temp.who('02'))
  + (select count(*) from subscriptions where user_id = pg_temp.who('02')) + (select count(*) from storage.objects where name like pg_temp.who('02') || '/%'), 0::bigint, 'with all that was its');
select is((select count(*) from private.files_to_delete), 2::bigint, 'and its files are queued for storage to remove');

select * from finish();
rollback;
