-- Everything that a description of the schemas $1 may refer to, as one JSON object. Relations and types of all schemas are in it:
-- a function may return a row of a table elsewhere.
select json_build_object(
  'relations', (
    select coalesce(json_agg(json_build_object(
      'id', c.oid::bigint, 'schema', n.nspname, 'name', c.relname, 'row_type', c.reltype::bigint,
      'is_view', c.relkind in ('v', 'm'),
      'writable', c.relkind in ('r', 'p', 'f') or (c.relkind = 'v' and pg_relation_is_updatable(c.oid, true) & 12 <> 0),
      'columns', (
        select coalesce(json_agg(json_build_object(
          'name', a.attname, 'type', a.atttypid::bigint, 'not_null', a.attnotnull or (t.typtype = 'd' and t.typnotnull),
          'has_default', a.atthasdef, 'identity', a.attidentity, 'generated', a.attgenerated <> ''
        ) order by a.attname collate "C"), '[]')
        from pg_attribute a join pg_type t on t.oid = a.atttypid
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)
    ) order by n.nspname collate "C", c.relname collate "C"), '[]')
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'f', 'v', 'm') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
      and n.nspname !~ '^pg_temp'),
  'types', (
    select json_agg(json_build_object(
      'id', t.oid::bigint, 'schema', n.nspname, 'name', t.typname, 'kind', t.typtype,
      'element', case when t.typcategory = 'A' then t.typelem::bigint else 0 end, 'base', t.typbasetype::bigint,
      'labels', (select coalesce(json_agg(e.enumlabel order by e.enumsortorder), '[]') from pg_enum e where e.enumtypid = t.oid),
      'composite', c.relkind is not distinct from 'c',
      'attributes', (
        select coalesce(json_agg(json_build_object('name', a.attname, 'type', a.atttypid::bigint) order by a.attnum), '[]')
        from pg_attribute a where c.relkind = 'c' and a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)
    ) order by n.nspname collate "C", t.typname collate "C")
    from pg_type t join pg_namespace n on n.oid = t.typnamespace left join pg_class c on c.oid = t.typrelid),
  'functions', (
    select coalesce(json_agg(json_build_object(
      'schema', n.nspname, 'name', p.proname, 'returns', p.prorettype::bigint, 'is_set', p.proretset, 'one_row', p.prorows = 1,
      'defaults', p.pronargdefaults,
      'arguments', (
        select coalesce(json_agg(json_build_object(
          'name', coalesce(p.proargnames[x.n], ''), 'type', x.type::bigint,
          'mode', coalesce(p.proargmodes[x.n]::text, 'i')) order by x.n), '[]')
        from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality x (type, n))
    ) order by n.nspname collate "C", p.proname collate "C", p.oid), '[]')
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = any ($1) and p.prokind = 'f'
      and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype))
)::text
