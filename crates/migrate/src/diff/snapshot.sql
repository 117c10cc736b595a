-- The schema of a database as statements: (kind, key, parent, create, drop, extra). $1: only these schemas, empty: all of the project's.
-- Runs with an empty search_path, so that names come out qualified. Objects of extensions are theirs.
with ns as (
  select oid, nspname from pg_namespace
  where nspname !~ '^pg_' and nspname <> all ('{information_schema,_basalt,auth,storage,realtime,extensions,graphql,graphql_public,
    vault,cron,net,pgmq,pgtle,pgsodium,pgsodium_masks,pgbouncer,supabase_functions,supabase_migrations}'::text[])
    and (cardinality($1::text[]) = 0 or nspname = any ($1))
), of_extension as (
  select classid, objid from pg_depend where deptype = 'e'
), rel as (
  select c.*, format('%I.%I', ns.nspname, c.relname) as q
  from pg_class c join ns on ns.oid = c.relnamespace
  where not exists (select from of_extension e where e.classid = 'pg_class'::regclass and e.objid = c.oid)
), tab as (
  select * from rel where relkind in ('r', 'p')
), typ as (
  select t.*, format('%I.%I', ns.nspname, t.typname) as q
  from pg_type t join ns on ns.oid = t.typnamespace
  where not exists (select from of_extension e where e.classid = 'pg_type'::regclass and e.objid = t.oid)
), proc as (
  select p.*, format('%I.%I(%s)', ns.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as q
  from pg_proc p join ns on ns.oid = p.pronamespace
  where p.prokind in ('f', 'p')
    and not exists (select from of_extension e where e.classid = 'pg_proc'::regclass and e.objid = p.oid)
), col as (
  select a.*, tab.q, format_type(a.atttypid, a.atttypmod)
      || case when a.attcollation <> t.typcollation then ' collate ' || a.attcollation::regcollation::text else '' end as type,
    pg_get_expr(d.adbin, d.adrelid) as expression
  from tab join pg_attribute a on a.attrelid = tab.oid and a.attnum > 0 and not a.attisdropped
  join pg_type t on t.oid = a.atttypid
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where not tab.relispartition and a.attislocal
), granted as (
  -- Objects with their privileges by role; the roles of the API have a row even where they have none.
  select kind, q, parent, acl, owner, everything from (
    select 'table' as kind, q, q as parent, coalesce(relacl, acldefault('r', relowner)) as acl, relowner as owner,
      (select count(*) from aclexplode(acldefault('r', relowner)) x where x.grantee = relowner) as everything
    from rel where relkind in ('r', 'p', 'v', 'm', 'f')
    union all select 'sequence', q, q, coalesce(relacl, acldefault('s', relowner)), relowner, 3 from rel
      where relkind = 'S'
    union all select 'routine', q, q, coalesce(proacl, acldefault('f', proowner)), proowner, 1 from proc
    union all select 'schema', format('%I', nspname), format('%I', nspname), coalesce(nspacl, acldefault('n', nspowner)), nspowner, 2
      from pg_namespace where oid in (select oid from ns)
  ) o
), privileges as (
  select g.kind, g.q, g.parent, g.everything, r.name as role,
    array(select distinct x.privilege_type from aclexplode(g.acl) x where x.grantee = r.oid order by 1) as list
  from granted g cross join lateral (
    select oid, rolname::text as name from pg_roles where rolname in ('anon', 'authenticated', 'service_role')
    union select 0, 'public'
    union select x.grantee, x.grantee::regrole::text from aclexplode(g.acl) x where x.grantee not in (0, g.owner)
  ) r (oid, name)
  where r.oid <> g.owner
), objects (kind, key, parent, "create", "drop", extra, n) as (
  select 'schema', format('%I', nspname), '', format('create schema if not exists %I', nspname), format('drop schema %I', nspname),
    '{}'::jsonb, oid from ns where nspname <> 'public'
  union all
  select 'extension', format('%I', e.extname), '',
    format('create extension if not exists %I with schema %I', e.extname, n.nspname), format('drop extension %I', e.extname), '{}', e.oid
  from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname <> 'plpgsql' and cardinality($1::text[]) = 0
  union all
  select 'enum', q, '', format('create type %s as enum (%s)', q,
      (select string_agg(quote_literal(enumlabel), ', ' order by enumsortorder) from pg_enum where enumtypid = typ.oid)),
    'drop type ' || q,
    jsonb_build_object('labels', (select jsonb_agg(enumlabel order by enumsortorder) from pg_enum where enumtypid = typ.oid)), oid
  from typ where typtype = 'e'
  union all
  select 'domain', q, '', concat_ws(' ', format('create domain %s as %s', q, format_type(typbasetype, typtypmod)),
      'default ' || typdefault, case when typnotnull then 'not null' end,
      (select string_agg(format('constraint %I %s', conname, pg_get_constraintdef(oid)), ' ' order by conname)
       from pg_constraint where contypid = typ.oid and contype = 'c')),
    'drop domain ' || q,
    jsonb_build_object('type', format_type(typbasetype, typtypmod), 'default', typdefault, 'not_null', typnotnull, 'checks',
      (select coalesce(jsonb_object_agg(format('%I', conname), pg_get_constraintdef(oid)), '{}')
       from pg_constraint where contypid = typ.oid and contype = 'c')), oid
  from typ where typtype = 'd'
  union all
  select 'composite', typ.q, '', format('create type %s as (%s)', typ.q,
      (select string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' order by attnum)
       from pg_attribute where attrelid = typ.typrelid and attnum > 0 and not attisdropped)),
    'drop type ' || typ.q,
    jsonb_build_object('attributes', (select jsonb_object_agg(format('%I', attname), format_type(atttypid, atttypmod))
       from pg_attribute where attrelid = typ.typrelid and attnum > 0 and not attisdropped)), typ.oid
  from typ join pg_class c on c.oid = typ.typrelid and c.relkind = 'c'
  union all
  select 'sequence', rel.q, '', format('create sequence %s as %s increment by %s minvalue %s maxvalue %s start with %s%s', rel.q,
      s.seqtypid::regtype, s.seqincrement, s.seqmin, s.seqmax, s.seqstart, case when s.seqcycle then ' cycle' else '' end),
    'drop sequence ' || rel.q, '{}', rel.oid
  from rel join pg_sequence s on s.seqrelid = rel.oid
  where not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = rel.oid and d.deptype = 'i')
  union all
  select 'sequence_owner', rel.q, t.q, format('alter sequence %s owned by %s.%I', rel.q, t.q, a.attname), '', '{}', rel.oid
  from rel join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = rel.oid and d.deptype = 'a' and d.refobjsubid > 0
  join tab t on t.oid = d.refobjid join pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid
  where rel.relkind = 'S'
  union all
  select 'table', tab.q, coalesce(parent.q, ''),
    case when tab.relispartition then format('create table %s partition of %s %s', tab.q, parent.q, pg_get_expr(tab.relpartbound, tab.oid))
      else format('create %stable %s', case when tab.relpersistence = 'u' then 'unlogged ' else '' end, tab.q) end,
    'drop table ' || tab.q,
    jsonb_build_object('partition', tab.relispartition,
      'suffix', case when tab.relkind = 'p' then ' partition by ' || pg_get_partkeydef(tab.oid) else coalesce(
        (select ' inherits (' || string_agg(p.q, ', ' order by h.inhseqno) || ')'
         from pg_inherits h join rel p on p.oid = h.inhparent where h.inhrelid = tab.oid and not tab.relispartition), '') end), tab.oid
  from tab left join pg_inherits i on i.inhrelid = tab.oid and tab.relispartition left join rel parent on parent.oid = i.inhparent
  union all
  select 'column', format('%s.%I', q, attname), q, format('%I %s%s%s%s', attname, type,
      case when attgenerated <> '' then format(' generated always as (%s) stored', expression) else '' end,
      case attidentity when 'a' then ' generated always as identity' when 'd' then ' generated by default as identity' else '' end,
      case when attnotnull then ' not null' else '' end),
    format('alter table %s drop column %I', q, attname),
    jsonb_build_object('name', format('%I', attname), 'type', type, 'not_null', attnotnull, 'identity', attidentity,
      'generated', case when attgenerated <> '' then expression end), attnum
  from col
  union all
  select 'default', format('%s.%I', q, attname), q, format('alter table %s alter column %I set default %s', q, attname, expression),
    format('alter table %s alter column %I drop default', q, attname), jsonb_build_object('column', format('%s.%I', q, attname)), attnum
  from col where expression is not null and attgenerated = ''
  union all
  select case k.contype when 'f' then 'foreign_key' else 'constraint' end, format('%s.%I', tab.q, k.conname), tab.q,
    format('alter table %s add constraint %I %s', tab.q, k.conname, pg_get_constraintdef(k.oid)),
    format('alter table %s drop constraint %I', tab.q, k.conname), '{}', k.oid
  from pg_constraint k join tab on tab.oid = k.conrelid
  where k.contype in ('p', 'u', 'c', 'f', 'x') and k.conparentid = 0 and k.conislocal
  union all
  select 'index', i.indexrelid::regclass::text, t.q, pg_get_indexdef(i.indexrelid), 'drop index ' || i.indexrelid::regclass::text, '{}', i.indexrelid
  from pg_index i join rel t on t.oid = i.indrelid join pg_class c on c.oid = i.indexrelid
  where not c.relispartition and t.relkind in ('r', 'p', 'm') and not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x'))
  union all
  select case relkind when 'v' then 'view' else 'materialized_view' end, q, '',
    format('create %s %s%s as%s', case relkind when 'v' then 'or replace view' else 'materialized view' end, q,
      coalesce(' with (' || array_to_string(reloptions, ', ') || ')', ''), E'\n' || rtrim(pg_get_viewdef(oid), ';')),
    format('drop %s %s', case relkind when 'v' then 'view' else 'materialized view' end, q),
    jsonb_build_object('shape', (select jsonb_agg(format('%I %s', attname, format_type(atttypid, atttypmod)) order by attnum)
      from pg_attribute where attrelid = rel.oid and attnum > 0 and not attisdropped)), oid
  from rel where relkind in ('v', 'm')
  union all
  select 'routine', q, '', rtrim(pg_get_functiondef(oid), E'\n'), format('drop %s %s', case prokind when 'p' then 'procedure' else 'function' end, q),
    jsonb_build_object('shape', jsonb_build_array(pg_get_function_result(oid), to_jsonb(proargnames), prokind)), oid
  from proc
  union all
  select 'trigger', format('%s.%I', t.q, g.tgname), t.q, pg_get_triggerdef(g.oid)
      || case g.tgenabled when 'D' then format(E';\nalter table %s disable trigger %I', t.q, g.tgname) else '' end,
    format('drop trigger %I on %s', g.tgname, t.q), '{}', g.oid
  from pg_trigger g
  join lateral (select c.oid, format('%I.%I', n.nspname, c.relname) as q, n.oid in (select oid from ns) as own
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = g.tgrelid) t on true
  join pg_proc p on p.oid = g.tgfoid
  where not g.tgisinternal and g.tgparentid = 0 and (t.own or p.pronamespace in (select oid from ns))
  union all
  select 'rls', q, q, format('alter table %s enable row level security', q)
      || case when relforcerowsecurity then format(E';\nalter table %s force row level security', q) else '' end,
    format('alter table %s disable row level security', q), '{}', oid
  from tab where relrowsecurity
  union all
  select 'policy', format('%s.%I', t.q, l.polname), t.q,
    concat_ws(' ', format('create policy %I on %s', l.polname, t.q), case when not l.polpermissive then 'as restrictive' end,
      'for ' || case l.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
      'to ' || coalesce((select string_agg(quote_ident(rolname), ', ' order by rolname) from pg_roles where oid = any (l.polroles)), 'public'),
      'using (' || pg_get_expr(l.polqual, l.polrelid) || ')', 'with check (' || pg_get_expr(l.polwithcheck, l.polrelid) || ')'),
    format('drop policy %I on %s', l.polname, t.q), '{}', l.oid
  from pg_policy l
  join lateral (select format('%I.%I', n.nspname, c.relname) as q, n.nspname
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = l.polrelid) t on true
  where t.nspname in ('storage', 'realtime', 'auth') and cardinality($1::text[]) = 0 or t.nspname in (select nspname from ns)
  union all
  select 'publication', format('%I.%s', p.pubname, t.q), t.q, format('alter publication %I add table %s', p.pubname, t.q),
    format('alter publication %I drop table %s', p.pubname, t.q), '{}', r.oid
  from pg_publication_rel r join pg_publication p on p.oid = r.prpubid join tab t on t.oid = r.prrelid
  union all
  select 'grant', format('%s %s %s', kind, q, role), parent,
    case cardinality(list) when 0 then format('revoke all on %s %s from %s', kind, q, role)
      else format(E'revoke all on %s %s from %s;\ngrant %s on %s %s to %s', kind, q, role,
        case when cardinality(list) >= everything then 'all' else lower(array_to_string(list, ', ')) end, kind, q, role) end,
    format('revoke all on %s %s from %s', kind, q, role), jsonb_build_object('none', cardinality(list) = 0), 0
  from privileges
  union all
  select 'comment', format('%s %s', c.kind, c.q), c.parent, format('comment on %s %s is %L', c.kind, c.q, c.text),
    format('comment on %s %s is null', c.kind, c.q), '{}', 0
  from (
    select case relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence' else 'table' end as kind,
      q, q as parent, obj_description(oid, 'pg_class') as text from rel where relkind in ('r', 'p', 'v', 'm', 'S')
    union all select 'column', format('%s.%I', q, attname), q, col_description(attrelid, attnum) from col
    union all select case prokind when 'p' then 'procedure' else 'function' end, q, q, obj_description(oid, 'pg_proc') from proc
    union all select 'type', q, q, obj_description(oid, 'pg_type') from typ where typtype in ('e', 'd')
  ) c (kind, q, parent, text) where c.text is not null
)
select coalesce(json_agg(json_build_object('kind', kind, 'key', key, 'parent', parent, 'create', "create", 'drop', "drop", 'extra', extra)
  order by n::bigint, key), '[]')::text
from objects
