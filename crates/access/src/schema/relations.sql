-- Sub-selects are by relation; the catalogs are small, and one statement is one snapshot.
select json_build_object(
  'oid', c.oid::bigint, 'schema', n.nspname, 'name', c.relname,
  'kind', case c.relkind when 'r' then 'table' when 'p' then 'partitioned' when 'v' then 'view' when 'm' then 'materialized_view' else 'foreign' end,
  'owner', pg_catalog.pg_get_userbyid(c.relowner),
  'extension', (select e.extname from pg_catalog.pg_depend d join pg_catalog.pg_extension e on e.oid = d.refobjid
                where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
                  and d.refclassid = 'pg_catalog.pg_extension'::regclass),
  'rls', c.relrowsecurity, 'force_rls', c.relforcerowsecurity,
  'security_invoker', exists (select from pg_catalog.pg_options_to_table(c.reloptions) o
                              where o.option_name = 'security_invoker' and lower(o.option_value) in ('true', 'on', '1', 'yes')),
  'security_barrier', exists (select from pg_catalog.pg_options_to_table(c.reloptions) o
                              where o.option_name = 'security_barrier' and lower(o.option_value) in ('true', 'on', '1', 'yes')),
  'definition', case when c.relkind in ('v', 'm') then pg_catalog.pg_get_viewdef(c.oid) end,
  'reads', case when c.relkind in ('v', 'm') then coalesce((
      select json_agg(distinct d.refobjid::bigint) from pg_catalog.pg_rewrite w
      join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = w.oid
                                 and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid <> c.oid
      where w.ev_class = c.oid), '[]') else '[]' end,
  'partition_of', case when c.relispartition then
      (select i.inhparent::bigint from pg_catalog.pg_inherits i where i.inhrelid = c.oid limit 1) end,
  'partition_constraint', pg_catalog.pg_get_partition_constraintdef(c.oid),
  'estimated_rows', c.reltuples,
  'columns', coalesce((
      select json_agg(json_build_object(
        'number', a.attnum, 'name', a.attname, 'type_sql', pg_catalog.format_type(a.atttypid, a.atttypmod), 'type_oid', a.atttypid::bigint,
        'base_type', b.typname, 'category', b.typcategory,
        'type_modifier', case when t.typtype = 'd' then t.typtypmod else a.atttypmod end,
        'not_null', a.attnotnull or t.typnotnull,
        'default', case when a.attgenerated = '' then pg_catalog.pg_get_expr(f.adbin, f.adrelid) end,
        'identity', nullif(a.attidentity, ''),
        'generated', case when a.attgenerated <> '' then pg_catalog.pg_get_expr(f.adbin, f.adrelid) end,
        'grants', coalesce((select json_agg(json_build_object('grantee', case x.grantee when 0 then 'public'
                              else pg_catalog.pg_get_userbyid(x.grantee) end, 'privilege', x.privilege_type)
                              order by x.grantee, x.privilege_type) from pg_catalog.aclexplode(a.attacl) x), '[]'),
        'comment', pg_catalog.col_description(c.oid, a.attnum)) order by a.attnum)
      from pg_catalog.pg_attribute a
      join pg_catalog.pg_type t on t.oid = a.atttypid
      join lateral (
        with recursive inner_type(oid, typname, typcategory, typtype, typbasetype) as (
          select t.oid, t.typname, t.typcategory, t.typtype, t.typbasetype
          union all
          select n.oid, n.typname, n.typcategory, n.typtype, n.typbasetype
          from inner_type i join pg_catalog.pg_type n on n.oid = i.typbasetype where i.typtype = 'd')
        select typname, typcategory from inner_type where typtype <> 'd') b on true
      left join pg_catalog.pg_attrdef f on f.adrelid = a.attrelid and f.adnum = a.attnum
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), '[]'),
  'indexes', coalesce((
      select json_agg(json_build_object(
        'name', k.relname,
        'columns', (select json_agg(coalesce(a.attname, '') order by p.place)
                    from unnest(i.indkey::int2[]) with ordinality p(number, place)
                    left join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = p.number and p.number > 0
                    where p.place <= i.indnkeyatts),
        'definition', pg_catalog.pg_get_indexdef(i.indexrelid), 'method', m.amname,
        'unique', i.indisunique, 'nulls_not_distinct', i.indnullsnotdistinct, 'primary', i.indisprimary,
        'constraint', (select q.conname from pg_catalog.pg_constraint q
                       where q.conindid = i.indexrelid and q.conrelid = c.oid and q.contype in ('p', 'u', 'x') limit 1),
        'predicate', pg_catalog.pg_get_expr(i.indpred, i.indrelid), 'valid', i.indisvalid,
        'scans', coalesce(pg_catalog.pg_stat_get_numscans(i.indexrelid), 0)) order by k.relname)
      from pg_catalog.pg_index i
      join pg_catalog.pg_class k on k.oid = i.indexrelid join pg_catalog.pg_am m on m.oid = k.relam
      where i.indrelid = c.oid), '[]'),
  'foreign_keys', coalesce((
      select json_agg(json_build_object(
        'name', k.conname,
        'columns', (select json_agg(a.attname order by p.place) from unnest(k.conkey) with ordinality p(number, place)
                    join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = p.number),
        'target_schema', tn.nspname, 'target_table', tc.relname, 'target', k.confrelid::bigint,
        'target_columns', (select json_agg(a.attname order by p.place) from unnest(k.confkey) with ordinality p(number, place)
                    join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = p.number),
        'target_index', (select i.relname from pg_catalog.pg_class i where i.oid = k.conindid),
        'on_delete', case k.confdeltype when 'a' then 'NO ACTION' when 'r' then 'RESTRICT' when 'c' then 'CASCADE'
                       when 'n' then 'SET NULL' else 'SET DEFAULT' end,
        'on_update', case k.confupdtype when 'a' then 'NO ACTION' when 'r' then 'RESTRICT' when 'c' then 'CASCADE'
                       when 'n' then 'SET NULL' else 'SET DEFAULT' end,
        'deferrable', k.condeferrable) order by k.conname)
      from pg_catalog.pg_constraint k join pg_catalog.pg_class tc on tc.oid = k.confrelid
      join pg_catalog.pg_namespace tn on tn.oid = tc.relnamespace
      where k.conrelid = c.oid and k.contype = 'f' and k.conparentid = 0 or k.conrelid = c.oid and k.contype = 'f' and c.relispartition), '[]'),
  'checks', coalesce((
      select json_agg(json_build_object(
        'name', k.conname, 'expression', pg_catalog.pg_get_expr(k.conbin, k.conrelid), 'validated', k.convalidated,
        'columns', coalesce((select json_agg(a.attname order by a.attnum) from pg_catalog.pg_attribute a
                    where a.attrelid = k.conrelid and a.attnum = any (k.conkey)), '[]')) order by k.conname)
      from pg_catalog.pg_constraint k where k.conrelid = c.oid and k.contype = 'c'), '[]'),
  'exclusions', coalesce((
      select json_agg(json_build_object(
        'name', k.conname, 'definition', pg_catalog.pg_get_constraintdef(k.oid),
        'columns', coalesce((select json_agg(a.attname order by a.attnum) from pg_catalog.pg_attribute a
                    where a.attrelid = k.conrelid and a.attnum = any (k.conkey)), '[]')) order by k.conname)
      from pg_catalog.pg_constraint k where k.conrelid = c.oid and k.contype = 'x'), '[]'),
  'policies', coalesce((
      select json_agg(json_build_object(
        'name', p.polname, 'permissive', p.polpermissive,
        'command', case p.polcmd when '*' then 'all' when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' else 'delete' end,
        'roles', (select json_agg(case r when 0 then 'public' else pg_catalog.pg_get_userbyid(r)::text end) from unnest(p.polroles) r),
        'using', pg_catalog.pg_get_expr(p.polqual, p.polrelid), 'check', pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid),
        'reads', coalesce((select json_agg(distinct d.refobjid::bigint) from pg_catalog.pg_depend d
                  where d.classid = 'pg_catalog.pg_policy'::regclass and d.objid = p.oid and d.deptype = 'n'
                    and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid <> c.oid), '[]'),
        'calls', coalesce((select json_agg(distinct d.refobjid::bigint) from pg_catalog.pg_depend d
                  where d.classid = 'pg_catalog.pg_policy'::regclass and d.objid = p.oid
                    and d.refclassid = 'pg_catalog.pg_proc'::regclass), '[]'),
        'columns', coalesce((select json_agg(distinct a.attname) from pg_catalog.pg_depend d
                  join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid
                  where d.classid = 'pg_catalog.pg_policy'::regclass and d.objid = p.oid and d.refobjid = c.oid
                    and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjsubid > 0), '[]')) order by p.polname)
      from pg_catalog.pg_policy p where p.polrelid = c.oid), '[]'),
  'triggers', coalesce((
      select json_agg(json_build_object('name', t.tgname, 'definition', pg_catalog.pg_get_triggerdef(t.oid),
        'function', t.tgfoid::bigint, 'enabled', t.tgenabled <> 'D') order by t.tgname)
      from pg_catalog.pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal), '[]'),
  'grants', coalesce((
      select json_agg(json_build_object('grantee', case x.grantee when 0 then 'public'
                        else pg_catalog.pg_get_userbyid(x.grantee) end, 'privilege', x.privilege_type) order by x.grantee, x.privilege_type)
      from pg_catalog.aclexplode(coalesce(c.relacl, pg_catalog.acldefault('r', c.relowner))) x), '[]'))::text
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by n.nspname, c.relname
