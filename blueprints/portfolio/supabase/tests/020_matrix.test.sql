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
            json_build_object('sub', 'a3000000-0000-4000-8000-0000000000' || who, 'role', 'authenticated')::text end, true),
          set_config('role', case who when 'anon' then 'anon' else 'authenticated' end, true);
  execute statement;
  get diagnostics n = row_count;
  raise exception using errcode = 'ZZ001', message = n::text;
exception
  when sqlstate 'ZZ001' then return sqlerrm;
  when insufficient_privilege then return 'refused';
end $$;

-- Mira 01 has the draft 03, Diego 02 the archived 05; 01 and 04 are published. All four have one tag, technology, video and number more.
insert into project_tags (project_id, tag) select id, 'matrix' from projects where id::text like 'b3000000-%';
insert into project_technologies (project_id, technology) select id, 'matrix' from projects where id::text like 'b3000000-%';
insert into project_videos (project_id, url) select id, 'matrix' from projects where id::text like 'b3000000-%';
insert into project_images (project_id, url) select id, 'matrix' from projects where id::text like 'b3000000-%';
insert into social_metrics (project_id, platform, recorded_at) select id, 'twitter', '2001-01-01' from projects where id::text like 'b3000000-%';
select is(pg_temp.would(who, statement), expected, who || ': ' || statement) from (values
  -- what belongs to a project is seen with it
  ('anon', $$select from project_tags where tag = 'matrix'$$, '6'),
  ('02', $$select from project_tags where tag = 'matrix'$$, '7'),
  ('01', $$select from project_tags where tag = 'matrix' and project_id = 'b3000000-0000-4000-8000-000000000003'$$, '1'),
  ('02', $$select from project_tags where tag = 'matrix' and project_id = 'b3000000-0000-4000-8000-000000000003'$$, '0'),
  ('anon', $$select from project_tags where tag = 'matrix' and project_id = 'b3000000-0000-4000-8000-000000000005'$$, '0'),
  ('01', $$delete from project_tags where tag = 'matrix' and project_id in ('b3000000-0000-4000-8000-000000000001', 'b3000000-0000-4000-8000-000000000003')$$, '2'),
  ('02', $$delete from project_tags where project_id in ('b3000000-0000-4000-8000-000000000001', 'b3000000-0000-4000-8000-000000000003')$$, '0'),
  ('anon', $$select from project_technologies where technology = 'matrix'$$, '6'),
  ('02', $$select from project_technologies where technology = 'matrix'$$, '7'),
  ('01', $$select from project_technologies where technology = 'matrix' and project_id = 'b3000000-0000-4000-8000-000000000003'$$, '1'),
  ('02', $$select from project_technologies where technology = 'matrix' and project_id = 'b3000000-0000-4000-8000-000000000003'$$, '0'),
  ('anon', $$select from project_technologies where technology = 'matrix' and project_id = 'b3000000-0000-4000-8000-000000000005'$$, '0'),
  ('01', $$delete from project_technologies where technology = 'matrix' and project_id in ('b3000000-0000-4000-8000-000000000001', 'b3000000-0000-4000-8000-000000000003')$$, '2'),
  ('02', $$delete from project_technologies where project_id in ('b3000000-0000-4000-8000-000000000001', 'b3000000-0000-4000-8000-000000000003')$$, '0'),
  ('anon', $$select from project_videos where url = 'matrix'$$, '6'),
  ('02', $$select from project_videos where url = 'matrix'$$, '7'),
  ('01', $$select from project_videos where url = 'matrix' and project_id = 'b3000000-0000-4000-8000-000000000003'$$, '1'),
  ('02', $$select from project_videos where url = 'matrix' and project_id = 'b3000000-0000-4000-8000-000000000003'$$, '0'),
  ('anon', $$select from project_videos where url = 'matrix' and project_id = 'b3000000-0000-4000-8000-000000000005'$$, '0'),
  ('01', $$delete from project_videos where url = 'matrix' and project_id in ('b3000000-0000-4000-8000-000000000001', 'b3000000-0000-4000-8000-000000000003')$$, '2'),
  ('02', $$delete from project_videos where project_id in ('b3000000-0000-4000-8000-000000000001', 'b3000000-0000-4000-8000-000000000003')$$, '0'),
  ('01', $$update project_videos set position = 9 where url = 'matrix' and project_id in ('b3000000-0000-4000-8000-000000000001', 'b3000000-0000-4000-8000-000000000003')$$, '2'),
  ('02', $$update project_videos set position = 9 where project_id in ('b3000000-0000-4000-8000-000000000001', 'b3000000-0000-4000-8000-000000000003')$$, '0'),
  ('anon', $$select from project_images where url = 'matrix'$$, '6'),
  ('02', $$select from project_images where url = 'matrix'$$, '7'),
  ('01', $$select from project_images where url = 'matrix' and project_id = 'b3000000-0000-4000-8000-000000000003'$$, '1'),
  ('02', $$select from project_images where url = 'matrix' and project_id = 'b3000000-0000-4000-8000-000000000003'$$, '0'),
  ('anon', $$select from project_images where url = 'matrix' and project_id = 'b3000000-0000-4000-8000-000000000005'$$, '0'),
  ('01', $$delete from project_images where url = 'matrix' and project_id in ('b3000000-0000-4000-8000-000000000001', 'b3000000-0000-4000-8000-000000000003')$$, '2'),
  ('02', $$delete from project_images where project_id in ('b3000000-0000-4000-8000-000000000001', 'b3000000-0000-4000-8000-000000000003')$$, '0'),
  ('01', $$update project_images set position = 9 where url = 'matrix' and project_id in ('b3000000-0000-4000-8000-000000000001', 'b3000000-0000-4000-8000-000000000003')$$, '2'),
  ('02', $$update project_images set position = 9 where project_id in ('b3000000-0000-4000-8000-000000000001', 'b3000000-0000-4000-8000-000000000003')$$, '0'),
  ('anon', $$select from social_metrics where recorded_at = '2001-01-01'$$, '6'),
  ('02', $$select from social_metrics where recorded_at = '2001-01-01'$$, '7'),
  ('01', $$select from social_metrics where recorded_at = '2001-01-01' and project_id = 'b3000000-0000-4000-8000-000000000003'$$, '1'),
  ('02', $$select from social_metrics where recorded_at = '2001-01-01' and project_id = 'b3000000-0000-4000-8000-000000000003'$$, '0'),
  ('anon', $$select from social_metrics where recorded_at = '2001-01-01' and project_id = 'b3000000-0000-4000-8000-000000000005'$$, '0'),
  -- the rest is one's own
  ('01', $$update projects set title = 'x' where id = 'b3000000-0000-4000-8000-000000000003'$$, '1'),
  ('02', $$update projects set title = 'x' where id = 'b3000000-0000-4000-8000-000000000001'$$, '0'),
  ('01', $$delete from projects where user_id = 'a3000000-0000-4000-8000-000000000001'$$, '3'),
  ('02', $$delete from projects where user_id = 'a3000000-0000-4000-8000-000000000001'$$, '0'),
  ('01', $$update users set username = 'mira-l' where id = 'a3000000-0000-4000-8000-000000000001'$$, '1'),
  ('02', $$update users set username = 'x' where id = 'a3000000-0000-4000-8000-000000000001'$$, '0'),
  ('01', $$select from subscriptions$$, '1'),
  ('02', $$select from subscriptions$$, '1'),
  ('06', $$select from subscriptions$$, '0'),
  ('01', $$select from notifications$$, '1'),
  ('01', $$select from notifications where user_id = 'a3000000-0000-4000-8000-000000000002'$$, '0'),
  ('01', $$select from ai_sessions$$, '2'),
  ('01', $$delete from ai_sessions$$, '2'),
  ('01', $$delete from ai_sessions where user_id = 'a3000000-0000-4000-8000-000000000002'$$, '0'),
  ('06', $$select from templates$$, '3'),
  ('anon', $$select from templates$$, '3'),
  ('01', $$select from layouts where user_id = 'a3000000-0000-4000-8000-000000000001'$$, '2'),
  ('02', $$select from layouts where user_id = 'a3000000-0000-4000-8000-000000000001'$$, '1'),
  ('anon', $$select from layouts where user_id = 'a3000000-0000-4000-8000-000000000001'$$, '1'),
  ('01', $$update layouts set name = 'x' where id = 'd3000000-0000-4000-8000-000000000003'$$, '1'),
  ('02', $$update layouts set name = 'x'$$, '0'),
  ('01', $$delete from layouts$$, '2'),
  ('02', $$delete from layouts$$, '0')
) x (who, statement, expected);
reset role;

-- What one may change is what one may keep: an UPDATE's check asks no less than its USING.
select is_empty($$select tablename, policyname from pg_policies where schemaname = 'public' and cmd = 'UPDATE'
  and (with_check is null or position(qual in with_check) = 0)$$, 'every UPDATE policy checks what it asked');

select * from finish();
rollback;
