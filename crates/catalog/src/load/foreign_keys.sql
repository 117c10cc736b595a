-- Foreign keys of the whole database (a view of an exposed schema may show any table), not those that partitions inherit.
select coalesce(json_agg(json_build_object(
  'id', k.oid::bigint,
  'name', k.conname,
  'table_id', k.conrelid::bigint,
  'foreign_table_id', k.confrelid::bigint,
  'key', k.conkey,
  'foreign_key', k.confkey,
  'table', json_build_object('schema', here_schema.nspname, 'name', here.relname),
  'foreign_table', json_build_object('schema', there_schema.nspname, 'name', there.relname),
  'columns', (
    select json_agg(json_build_array(a.attname, f.attname) order by pair.nth)
    from unnest(k.conkey, k.confkey) with ordinality as pair (a, f, nth)
    join pg_attribute a on a.attrelid = k.conrelid and a.attnum = pair.a
    join pg_attribute f on f.attrelid = k.confrelid and f.attnum = pair.f),
  'unique', exists (
    select from pg_constraint u
    where u.conrelid = k.conrelid and u.contype in ('p', 'u')
      and array(select unnest(u.conkey) order by 1) = array(select unnest(k.conkey) order by 1)),
  'inherited', k.conparentid <> 0
) order by k.conrelid, k.conname), '[]')::text
from pg_constraint k
join pg_class here on here.oid = k.conrelid
join pg_namespace here_schema on here_schema.oid = here.relnamespace
join pg_class there on there.oid = k.confrelid
join pg_namespace there_schema on there_schema.oid = there.relnamespace
where k.contype = 'f'
