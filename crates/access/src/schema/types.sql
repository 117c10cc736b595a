select json_build_object(
  'oid', t.oid::bigint, 'schema', n.nspname, 'name', t.typname,
  'kind', case t.typtype when 'e' then 'enum' when 'd' then 'domain' when 'r' then 'range' else 'composite' end,
  'labels', coalesce((select json_agg(e.enumlabel order by e.enumsortorder) from pg_catalog.pg_enum e where e.enumtypid = t.oid), '[]'),
  'base', case t.typtype when 'd' then pg_catalog.format_type(t.typbasetype, t.typtypmod)
            when 'r' then (select pg_catalog.format_type(r.rngsubtype, -1) from pg_catalog.pg_range r where r.rngtypid = t.oid) end,
  'attributes', coalesce((select json_agg(json_build_array(a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod)) order by a.attnum)
                          from pg_catalog.pg_attribute a where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped), '[]'),
  'checks', coalesce((select json_agg(pg_catalog.pg_get_expr(k.conbin, 0) order by k.conname) from pg_catalog.pg_constraint k
                      where k.contypid = t.oid and k.contype = 'c'), '[]'))::text
from pg_catalog.pg_type t
join pg_catalog.pg_namespace n on n.oid = t.typnamespace
left join pg_catalog.pg_class c on c.oid = t.typrelid
where (t.typtype in ('e', 'd', 'r') or (t.typtype = 'c' and c.relkind = 'c'))
  and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by n.nspname, t.typname
