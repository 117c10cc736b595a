-- Functions that take one row of a relation and return rows of a relation.
with row_type as (
  select c.reltype as oid, n.nspname, c.relname
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'v', 'm', 'f', 'p') and c.reltype <> 0
)
select coalesce(json_agg(json_build_object(
  'function', json_build_object('schema', n.nspname, 'name', p.proname),
  'table', json_build_object('schema', here.nspname, 'name', here.relname),
  'foreign_table', json_build_object('schema', there.nspname, 'name', there.relname),
  'to_one', not p.proretset or p.prorows = 1
)), '[]')::text
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join row_type here on p.pronargs = 1 and here.oid = p.proargtypes[0]
join row_type there on there.oid = p.prorettype
