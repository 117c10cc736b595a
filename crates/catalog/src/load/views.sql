-- Views of the exposed schemas ($1) and of the extra search path ($2) with their stored query trees.
select coalesce(json_agg(json_build_object(
  'id', c.oid::bigint,
  'name', json_build_object('schema', n.nspname, 'name', c.relname),
  'exposed', n.nspname = any ($1::text[]),
  'columns', (
    select json_agg(json_build_array(a.attnum, a.attname))
    from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
  'tree', r.ev_action::text
)), '[]')::text
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_rewrite r on r.ev_class = c.oid and r.ev_type = '1'
where c.relkind in ('v', 'm') and n.nspname = any ($1::text[] || $2::text[])
