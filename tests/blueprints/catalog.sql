-- What a schema says, one fact a line: columns, keys, checks, indexes, policies, triggers, views, functions of `public`.
-- auth.uid() reads the same with and without the (select …) that makes it run once.
select line from (
  select format('table %s', c.relname) from pg_class c where relnamespace = 'public'::regnamespace and relkind = 'r'
  union all
  select format('column %s.%s %s%s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
                coalesce(' default ' || replace(replace(pg_get_expr(d.adbin, d.adrelid), '::text', ''), '::jsonb', ''), ''), case when a.attnotnull then ' not null' else '' end)
  from pg_attribute a join pg_class c on c.oid = a.attrelid left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
  union all
  select format('constraint %s %s', c.relname, regexp_replace(pg_get_constraintdef(k.oid), '\s+', ' ', 'g')) from pg_constraint k join pg_class c on c.oid = k.conrelid
  where c.relnamespace = 'public'::regnamespace and k.contype in ('p', 'u', 'f', 'c')
  union all
  select format('index %s %s', c.relname, regexp_replace(pg_get_indexdef(i.indexrelid), '^CREATE (UNIQUE )?INDEX \S+ ON \S+ ', '\1'))
  from pg_index i join pg_class c on c.oid = i.indrelid
  where c.relnamespace = 'public'::regnamespace and not exists (select 1 from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u'))
  union all
  select format('policy %s "%s" %s to %s%s%s', p.tablename, p.policyname, lower(p.cmd), array_to_string(p.roles, ', '),
                coalesce(' using ' || q, ''), coalesce(' check ' || w, ''))
  from pg_policies p,
    lateral (select regexp_replace(regexp_replace(p.qual, '\( SELECT auth\.uid\(\) AS uid\)', 'auth.uid()', 'g'), '\s+', ' ', 'g') as q,
                    regexp_replace(regexp_replace(p.with_check, '\( SELECT auth\.uid\(\) AS uid\)', 'auth.uid()', 'g'), '\s+', ' ', 'g') as w) x
  where p.schemaname = 'public'
  union all
  select format('trigger %s', regexp_replace(regexp_replace(pg_get_triggerdef(t.oid), '^CREATE TRIGGER ', ''), '(public|private)\.', '', 'g'))
  from pg_trigger t join pg_class c on c.oid = t.tgrelid where c.relnamespace = 'public'::regnamespace and not t.tgisinternal
  union all
  select format('view %s column %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod))
  from pg_attribute a join pg_class c on c.oid = a.attrelid where c.relnamespace = 'public'::regnamespace and c.relkind = 'v' and a.attnum > 0
  union all
  select format('function %s(%s) returns %s', p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid))
  from pg_proc p where p.pronamespace = 'public'::regnamespace
) facts (line)
order by line;
