-- Files in the buckets that policies speak of, and in one that none does; also by statements without WHERE, which are held back by nothing
-- but their own policy: what may not be read may still be written by them.
begin;
create extension if not exists pgtap with schema extensions;
set local search_path = public, extensions;
select no_plan();

create function pg_temp.who(n text) returns uuid language sql immutable as $$ select ('a3000000-0000-4000-8000-0000000000' || n)::uuid $$;
create function pg_temp.project(n text) returns uuid language sql immutable as $$ select ('b3000000-0000-4000-8000-0000000000' || n)::uuid $$;
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
-- Project 04 of user 02 is published.
insert into storage.objects (bucket_id, name)
  select bucket, path from unnest(array['images', 'ai-assets', 'qr-codes', 'elsewhere']) bucket,
    unnest(array[pg_temp.who('02') || '/' || pg_temp.project('04') || '/1.webp', pg_temp.who('01') || '/x/1.webp']) path;
create function pg_temp.mine(bucket text) returns text language sql as $$ select bucket || '/' || pg_temp.who('02') || '/' || pg_temp.project('04') || '/1.webp' $$;
create function pg_temp.others() returns text[] language sql as $$
  select array_agg(bucket || '/' || pg_temp.who('01') || '/x/1.webp') || array[pg_temp.mine('elsewhere'), pg_temp.mine('qr-codes')]
  from unnest(array['images', 'ai-assets', 'qr-codes', 'elsewhere']) bucket
$$;

select pg_temp.act('');
select set_eq($$select bucket_id || '/' || name from storage.objects$$, array[pg_temp.mine('images')], 'a visitor sees media of published projects');
select pg_temp.act('03');
select set_eq($$select bucket_id || '/' || name from storage.objects$$, array[pg_temp.mine('images')], 'so does a user');
select pg_temp.act('02');
select set_eq($$select bucket_id || '/' || name from storage.objects$$, array[pg_temp.mine('images'), pg_temp.mine('ai-assets'), pg_temp.mine('qr-codes')], 'own files are seen');
select pg_temp.refused($$insert into storage.objects (bucket_id, name) values ('elsewhere', pg_temp.who('02') || '/x/new.png')$$, 'a bucket without policies takes nothing');
select lives_ok($$update storage.objects set user_metadata = '{"a": 1}'$$, 'own media are described at once');
select pg_temp.refused($$update storage.objects set bucket_id = 'beyond'$$, 'and not taken elsewhere');
select set_eq('select pg_temp.files()', pg_temp.others() || array[pg_temp.mine('images') || '*', pg_temp.mine('ai-assets')], 'all other files are as they were');
set local storage.allow_delete_query = 'true';
select lives_ok($$delete from storage.objects$$, 'own media and assets are removed at once');
select set_eq('select pg_temp.files()', pg_temp.others(), 'and nothing else');

select * from finish();
rollback;
