-- Files in the buckets that policies speak of, and in one that none does; also by statements without WHERE, which are held back by nothing
-- but their own policy: what may not be read may still be written by them.
begin;
create extension if not exists pgtap with schema extensions;
set local search_path = public, extensions;
select no_plan();

create function pg_temp.who(n text) returns uuid language sql immutable as $$ select ('b0000000-0000-4000-8000-0000000000' || n)::uuid $$;
create function pg_temp.act(who text) returns void language sql as $$
  select set_config('request.jwt.claims', case who when '' then '' else
           json_build_object('sub', pg_temp.who(who), 'role', 'authenticated')::text end, true),
         set_config('role', case who when '' then 'anon' else 'authenticated' end, true);
$$;
create function pg_temp.refused(statement text, why text) returns text language plpgsql as $$
begin
  execute statement;
  return fail(why || ' (it was allowed)');
exception when insufficient_privilege then
  return pass(why);
end $$;
-- What lies where, and with a star what somebody has described; as nobody in particular sees it.
create function pg_temp.files() returns setof text language sql security definer as $$
  select bucket_id || '/' || name || case when user_metadata is null then '' else '*' end from storage.objects
$$;
insert into storage.buckets (id, name) values ('elsewhere', 'elsewhere'), ('beyond', 'beyond');
insert into storage.objects (bucket_id, name)
  select bucket, pg_temp.who(n) || '/me.png' from unnest(array['avatars', 'elsewhere']) bucket, unnest(array['02', '03']) n;

select pg_temp.act('');
select is_empty($$select name from storage.objects$$, 'a visitor sees no file');
select pg_temp.act('02');
select set_eq($$select bucket_id || '/' || name from storage.objects$$, array['avatars/' || pg_temp.who('02') || '/me.png'], 'the own avatar is seen');
select pg_temp.refused($$insert into storage.objects (bucket_id, name) values ('elsewhere', pg_temp.who('02') || '/new.png')$$, 'a bucket without policies takes nothing');
select lives_ok($$update storage.objects set user_metadata = '{"a": 1}'$$, 'whatever is one''s own is described at once');
select pg_temp.refused($$update storage.objects set bucket_id = 'beyond'$$, 'and not taken elsewhere');
select set_eq('select pg_temp.files()', array['avatars/' || pg_temp.who('02') || '/me.png*', 'avatars/' || pg_temp.who('03') || '/me.png',
  'elsewhere/' || pg_temp.who('02') || '/me.png', 'elsewhere/' || pg_temp.who('03') || '/me.png'], 'others'' files are as they were');
set local storage.allow_delete_query = 'true';
select lives_ok($$delete from storage.objects$$, 'whatever is one''s own is removed at once');
select set_eq('select pg_temp.files()', array['avatars/' || pg_temp.who('03') || '/me.png',
  'elsewhere/' || pg_temp.who('02') || '/me.png', 'elsewhere/' || pg_temp.who('03') || '/me.png'], 'and others'' stays');

select * from finish();
rollback;
