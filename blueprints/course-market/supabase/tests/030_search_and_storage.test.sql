-- The catalogue's search, and who may use which path in the buckets.
begin;
create extension if not exists pgtap with schema extensions;
set local search_path = public, extensions;
select no_plan();

create function pg_temp.act(who text) returns void language sql as $$
  select set_config('request.jwt.claims', case who when '' then '' else
           json_build_object('sub', 'a0000000-0000-4000-8000-0000000000' || who, 'role', 'authenticated')::text end, true),
         set_config('role', case who when '' then 'anon' else 'authenticated' end, true);
$$;
create function pg_temp.put(bucket text, path text) returns text language plpgsql as $$
begin
  insert into storage.objects (bucket_id, name) values (bucket, path);
  return 'stored';
exception when insufficient_privilege then
  return 'refused';
end $$;

select pg_temp.act('');
select results_eq($$select slug from search_courses('window functions') limit 1$$, array['sql-from-the-first-query'], 'words find their course');
select is((select count(*) from search_courses('distributed')), 0::bigint, 'drafts are not found');
select is((select count(*) from search_courses(category => 'photography')), 2::bigint, 'by category');
select is((select count(*) from search_courses(max_price_cents => 0)), 3::bigint, 'by price');
select is((select count(*) from search_courses(min_price_cents => 5000, max_price_cents => 9000)), 2::bigint, 'by price range');
select is((select count(*) from search_courses(instructor => 'a0000000-0000-4000-8000-000000000004')), 3::bigint, 'by instructor');
select is((select count(*) from search_courses(min_rating => 4) where rating_average < 4), 0::bigint, 'by rating');
select is((select count(*) from search_courses(page_size => 5, page => 1)), 5::bigint, 'first page');
select is((select count(*) from search_courses(page_size => 5, page => 3)), 2::bigint, 'last page');
select is((select count(distinct id) from (select id from search_courses(page_size => 5, page => 1) union all
  select id from search_courses(page_size => 5, page => 2) union all select id from search_courses(page_size => 5, page => 3)) p), 12::bigint, 'pages do not overlap');
select lives_ok($$select * from search_courses('"unbalanced and (not | valid')$$, 'any text is a valid query');
select lives_ok($$select * from search_courses('x', sort => '; drop table courses')$$, 'an unknown order is the usual one');
select is((select array_agg(price_cents) from search_courses(sort => 'price')),
          (select array_agg(price_cents order by price_cents) from courses where published), 'by price, cheapest first');

select is(pg_temp.put('profiles', 'a0000000-0000-4000-8000-000000000005/me.png'), 'refused', 'anon stores nothing');
select pg_temp.act('05');
select is(pg_temp.put('profiles', 'a0000000-0000-4000-8000-000000000005/me.png'), 'stored', 'an own picture');
select is(pg_temp.put('profiles', 'a0000000-0000-4000-8000-000000000006/me.png'), 'refused', 'not in another''s folder');
select is(pg_temp.put('profiles', 'me.png'), 'refused', 'not outside of folders');
select is(pg_temp.put('courses', 'c0000000-0000-4000-8000-000000000001/thumbnail.webp'), 'refused', 'a student sets no thumbnail');
select is(pg_temp.put('resources', 'c0000000-0000-4000-8000-000000000001/notes.pdf'), 'refused', 'nor adds material');
select is(pg_temp.put('homework', 'c0000000-0000-4000-8000-000000000001/' || md5('homework:c0000000-0000-4000-8000-0000000000012')::uuid || '/a0000000-0000-4000-8000-000000000005/work.pdf'), 'stored', 'own homework');
select is(pg_temp.put('homework', 'c0000000-0000-4000-8000-000000000001/' || md5('homework:c0000000-0000-4000-8000-0000000000012')::uuid || '/a0000000-0000-4000-8000-000000000006/work.pdf'), 'refused', 'not for another');
select is(pg_temp.put('homework', 'c0000000-0000-4000-8000-000000000004/' || md5('homework:c0000000-0000-4000-8000-0000000000042')::uuid || '/a0000000-0000-4000-8000-000000000005/work.pdf'), 'refused', 'not in a course not attended');
select is(pg_temp.put('homework', 'a/b/a0000000-0000-4000-8000-000000000005/work.pdf'), 'refused', 'not under invented folders');
select pg_temp.act('06');
select is((select count(*) from storage.objects where bucket_id = 'homework'), 0::bigint, 'others'' homework is not seen');
with u as (update storage.objects set name = 'a0000000-0000-4000-8000-000000000006/stolen.png' where bucket_id = 'profiles' returning 1)
  select is((select count(*) from u), 0::bigint, 'others'' pictures are not moved');
select pg_temp.act('02');
select is(pg_temp.put('courses', 'c0000000-0000-4000-8000-000000000001/thumbnail.webp'), 'stored', 'an instructor sets the thumbnail');
select is(pg_temp.put('courses', 'c0000000-0000-4000-8000-000000000006/thumbnail.webp'), 'refused', 'of own courses only');
select is(pg_temp.put('resources', 'c0000000-0000-4000-8000-000000000001/notes.pdf'), 'stored', 'and adds material');
select is((select count(*) from storage.objects where bucket_id = 'homework'), 1::bigint, 'and reads what was handed in');
select pg_temp.act('07');
select is((select count(*) from storage.objects where bucket_id = 'resources'), 1::bigint, 'a participant reads the material');
select pg_temp.act('04');
select is((select count(*) from storage.objects where bucket_id = 'resources'), 0::bigint, 'others do not');

select * from finish();
rollback;
