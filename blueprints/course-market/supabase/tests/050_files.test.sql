-- Files in the buckets that policies speak of, and in one that none does; also by statements without WHERE, which are held back by nothing
-- but their own policy: what may not be read may still be written by them.
begin;
create extension if not exists pgtap with schema extensions;
set local search_path = public, extensions;
select no_plan();

create function pg_temp.who(n text) returns uuid language sql immutable as $$ select ('a0000000-0000-4000-8000-0000000000' || n)::uuid $$;
create function pg_temp.course(n text) returns uuid language sql immutable as $$ select ('c0000000-0000-4000-8000-0000000000' || n)::uuid $$;
-- A file in an open homework of course 01.
create function pg_temp.work(bucket text, n text) returns text language sql as $$
  select bucket || '/' || pg_temp.course('01') || '/' || md5('homework:c0000000-0000-4000-8000-0000000000012')::uuid || '/' || pg_temp.who(n) || '/work.pdf'
$$;
-- One in a homework of course 04, which is not theirs.
create function pg_temp.late(n text) returns text language sql as $$
  select 'homework/' || pg_temp.course('04') || '/' || md5('homework:c0000000-0000-4000-8000-0000000000042')::uuid || '/' || pg_temp.who(n) || '/work.pdf'
$$;
create function pg_temp.face(bucket text, n text) returns text language sql as $$ select bucket || '/' || pg_temp.who(n) || '/me.png' $$;
create function pg_temp.notes(bucket text, n text) returns text language sql as $$ select bucket || '/' || pg_temp.course(n) || '/notes.pdf' $$;
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
-- 05, 06 and 07 are students of course 01, which 02 teaches; course 06 is another's. 07 has homework alone, 08 a picture alone.
insert into storage.objects (bucket_id, name)
  select split_part(file, '/', 1), substr(file, position('/' in file) + 1) from (
    select pg_temp.work(bucket, n) from unnest(array['homework', 'elsewhere']) bucket, unnest(array['05', '06']) n
    union all select file from unnest(array[pg_temp.late('05'), pg_temp.work('homework', '07'), pg_temp.face('profiles', '08')]) file
    union all select pg_temp.face(bucket, n) from unnest(array['profiles', 'elsewhere']) bucket, unnest(array['05', '06']) n
    union all select pg_temp.notes(bucket, n) from unnest(array['courses', 'resources', 'elsewhere']) bucket, unnest(array['01', '06']) n
  ) files (file);
create temporary table before as select file from pg_temp.files() file;
grant select on before to authenticated;
-- What is not as it was.
create function pg_temp.changed() returns setof text language sql security definer set search_path = pg_catalog, pg_temp as $$
  select '-' || file from before where file not in (select rtrim(f, '*') from pg_temp.files() f)
  union all select f from pg_temp.files() f where f not in (select file from before)
$$;

select pg_temp.act('');
select is_empty($$select name from storage.objects$$, 'a visitor sees no file by the API');
select pg_temp.act('05');
select set_eq($$select bucket_id || '/' || name from storage.objects$$, array[pg_temp.work('homework', '05'), pg_temp.late('05'), pg_temp.face('profiles', '05'), pg_temp.notes('resources', '01')],
  'a student sees the own files, and the material of the own courses');
select pg_temp.refused(format('insert into storage.objects (bucket_id, name) values (''elsewhere'', %L)', path), 'a bucket without policies takes nothing')
  from unnest(array[pg_temp.who('05') || '/new.png', substr(pg_temp.work('', '05'), 2) || '.new']) path;
select lives_ok($$update storage.objects set user_metadata = '{"a": 1}'$$, 'the own files are described at once');
select set_eq('select pg_temp.changed()', array[pg_temp.work('homework', '05') || '*', pg_temp.face('profiles', '05') || '*'], 'and no other');
select pg_temp.refused($$update storage.objects set bucket_id = 'beyond'$$, 'nor taken elsewhere');
set local storage.allow_delete_query = 'true';
select lives_ok($$delete from storage.objects$$, 'the own files are removed at once');
select set_eq('select pg_temp.changed()', array['-' || pg_temp.work('homework', '05'), '-' || pg_temp.late('05'), '-' || pg_temp.face('profiles', '05')], 'and no other');
select pg_temp.act('07');
select pg_temp.refused($$update storage.objects set bucket_id = 'beyond'$$, 'homework is not taken elsewhere');
select pg_temp.refused(format('update storage.objects set name = %L', substr(pg_temp.work('', '06'), 2) || '.new'), 'nor handed in as another''s');
select pg_temp.refused(format('update storage.objects set name = %L', substr(pg_temp.late('07'), 10)), 'nor where there is none to do');
select pg_temp.act('08');
select pg_temp.refused($$update storage.objects set bucket_id = 'beyond'$$, 'a picture is not taken elsewhere');
select pg_temp.act('02');
select set_eq($$select bucket_id || '/' || name from storage.objects$$, array[pg_temp.work('homework', '06'), pg_temp.work('homework', '07'), pg_temp.notes('courses', '01'), pg_temp.notes('resources', '01')],
  'an instructor sees what belongs to the own courses');
select pg_temp.refused($$insert into storage.objects (bucket_id, name) values ('elsewhere', pg_temp.course('01') || '/new.pdf')$$, 'a bucket without policies takes nothing');
select lives_ok($$update storage.objects set user_metadata = '{"a": 1}'$$, 'thumbnail and material are described at once');
select pg_temp.refused($$update storage.objects set bucket_id = 'beyond'$$, 'and not taken elsewhere');
select lives_ok($$delete from storage.objects where bucket_id = 'resources'$$, 'material is removed');
select set_eq('select pg_temp.changed()', array['-' || pg_temp.work('homework', '05'), '-' || pg_temp.late('05'), '-' || pg_temp.face('profiles', '05'), pg_temp.notes('courses', '01') || '*',
  '-' || pg_temp.notes('resources', '01')], 'and nothing else is touched');
select lives_ok($$delete from storage.objects$$, 'so is the thumbnail');
select set_eq('select pg_temp.changed()', array['-' || pg_temp.work('homework', '05'), '-' || pg_temp.late('05'), '-' || pg_temp.face('profiles', '05'), '-' || pg_temp.notes('courses', '01'),
  '-' || pg_temp.notes('resources', '01')], 'and nothing else');

select * from finish();
rollback;
