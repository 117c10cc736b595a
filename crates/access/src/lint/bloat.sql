-- Tables whose pages hold much more than their rows need, by the planner's own statistics: at least 50 MB and half of the table.
-- A row takes 24 bytes of header and 4 of line pointer, and a page 24; a nullable column's width counts for the rows that have it.
select t.oid, t.wasted
from (
  select c.oid,
    (pg_catalog.pg_relation_size(c.oid)
     - c.reltuples::numeric * (28 + coalesce(s.width, 0)) * 8192 / 8168)::bigint as wasted,
    pg_catalog.pg_relation_size(c.oid) as size
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join lateral (select sum((1 - s.null_frac) * s.avg_width)::numeric as width from pg_catalog.pg_stats s
                where s.schemaname = n.nspname and s.tablename = c.relname) s on true
  where c.relkind = 'r' and c.reltuples > 0 and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and pg_catalog.pg_relation_size(c.oid) > 50 * 1024 * 1024
) t
where t.wasted > 50 * 1024 * 1024 and t.wasted * 2 > t.size
