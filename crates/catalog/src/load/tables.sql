-- Relations of the exposed schemas with their columns. $1: text[] of schema names.
with recursive underlying as (
  -- every type with the type it is built on: itself, unless it is a domain
  select oid, oid as base from pg_type where typtype <> 'd'
  union all
  select d.oid, u.base from pg_type d join underlying u on u.oid = d.typbasetype where d.typtype = 'd'
),
relation as (
  select c.oid, n.nspname, c.relname, c.relkind,
         case when c.relkind in ('v', 'f') then pg_relation_is_updatable(c.oid, true) else 0 end as events
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = any ($1::text[]) and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
),
col as (
  select a.attrelid, json_agg(json_build_object(
    'name', a.attname,
    'description', col_description(a.attrelid, a.attnum),
    'nullable', not (a.attnotnull or (t.typtype = 'd' and t.typnotnull)),
    'base_type', case when b.typnamespace = 'pg_catalog'::regnamespace then format_type(b.oid, null)
                      else format_type(a.atttypid, a.atttypmod) end,
    'nominal_type', format_type(a.atttypid, a.atttypmod),
    'max_length', information_schema._pg_char_max_length(
        information_schema._pg_truetypid(a, t), information_schema._pg_truetypmod(a, t)),
    'default', case
        when t.typtype = 'd' and def.adbin is null then pg_get_expr(t.typdefaultbin, 0)
        when a.attidentity <> '' then (
          select format('nextval(%L)', s.objid::regclass) from pg_depend s
          where s.classid = 'pg_class'::regclass and s.refclassid = 'pg_class'::regclass
            and s.refobjid = a.attrelid and s.refobjsubid = a.attnum and s.deptype = 'i' and a.attidentity = 'd' limit 1)
        when a.attgenerated <> '' then null
        else pg_get_expr(def.adbin, def.adrelid) end,
    'labels', array(select e.enumlabel from pg_enum e where e.enumtypid = b.oid order by e.enumsortorder),
    'plain', b.typtype in ('b', 'e', 'r', 'm') and b.typcategory <> 'A' and b.typelem = 0 and not exists (
        select from pg_cast k where k.castsource = b.oid and k.casttarget = 'json'::regtype and k.castmethod = 'f')
  ) order by a.attnum) as columns
  from pg_attribute a
  join relation on relation.oid = a.attrelid
  join pg_type t on t.oid = a.atttypid
  join underlying u on u.oid = t.oid
  join pg_type b on b.oid = u.base
  left join pg_attrdef def on def.adrelid = a.attrelid and def.adnum = a.attnum
  where a.attnum > 0 and not a.attisdropped
  group by a.attrelid
)
select coalesce(json_agg(json_build_object(
  'schema', r.nspname,
  'name', r.relname,
  'description', obj_description(r.oid, 'pg_class'),
  'is_view', r.relkind in ('v', 'm'),
  'insertable', r.relkind in ('r', 'p') or r.events & 8 = 8,
  'updatable', r.relkind in ('r', 'p') or r.events & 4 = 4,
  'deletable', r.relkind in ('r', 'p') or r.events & 16 = 16,
  -- Of a view also those of what it is made of: any will do.
  'has_rules', exists (select from pg_rewrite rule where rule.ev_type <> '1' and rule.ev_class >= 16384
                       and (rule.ev_class = r.oid or r.relkind = 'v')),
  'primary_key', array(
    select a.attname from pg_constraint k join pg_attribute a on a.attrelid = k.conrelid and a.attnum = any (k.conkey)
    where k.conrelid = r.oid and k.contype = 'p' order by a.attname),
  'unique_keys', coalesce((
    select json_agg(array(
      select a.attname from unnest(i.indkey[:i.indnkeyatts - 1]) as key (num)
      join pg_attribute a on a.attrelid = r.oid and a.attnum = key.num))
    from pg_index i where i.indrelid = r.oid and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
  ), '[]'),
  'columns', coalesce(col.columns, '[]')
)), '[]')::text
from relation r
left join col on col.attrelid = r.oid
