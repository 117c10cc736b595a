-- Functions of the exposed schemas ($1) that can be called by name: all parameters named, or a single one of a type that a
-- body can be. With 'caller' as $2 only those that the current role may execute.
with recursive underlying as (
  select oid, oid as base from pg_type where typtype <> 'd'
  union all
  select d.oid, u.base from pg_type d join underlying u on u.oid = d.typbasetype where d.typtype = 'd'
),
parameter as (
  select p.oid,
    json_agg(json_build_object(
      'name', coalesce(arg.name, ''),
      'type', arg.type::regtype::text,
      'type_any_length', case arg.type
          when 'bit'::regtype then 'bit varying'
          when 'bit[]'::regtype then 'bit varying[]'
          when 'character'::regtype then 'character varying'
          when 'character[]'::regtype then 'character varying[]'
          else arg.type::regtype::text end,
      'required', arg.nth <= p.pronargs - p.pronargdefaults,
      'variadic', coalesce(arg.mode = 'v', false)
    ) order by arg.nth) as list,
    count(*) filter (where arg.name is null) as unnamed,
    min(arg.type::oid) filter (where arg.name is null) as unnamed_type
  from pg_proc p
  cross join lateral unnest(p.proargnames, p.proargtypes::oid[], p.proargmodes) with ordinality as arg (name, type, mode, nth)
  where arg.type is not null
  group by p.oid
)
select coalesce(json_agg(json_build_object(
  'schema', n.nspname,
  'name', p.proname,
  'description', obj_description(p.oid, 'pg_proc'),
  'parameters', coalesce(parameter.list, '[]'),
  'returns', json_build_object(
    'set', p.proretset,
    'composite', t.typtype = 'c' or coalesce(p.proargmodes && '{t,b,o}'::"char"[], false),
    'schema', type_schema.nspname,
    'name', coalesce(c.relname, t.typname)),
  'volatility', p.provolatile,
  'opaque', l.lanname not in ('sql', 'plpgsql')
    or exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'),
  'variadic', p.provariadic <> 0,
  'isolation', (
    select lower(split_part(s, '=', 2)) from unnest(p.proconfig) as s where s like 'default\_transaction\_isolation=%' limit 1),
  'settings', coalesce((
    select json_agg(json_build_array(split_part(s, '=', 1), substr(s, strpos(s, '=') + 1))) from unnest(p.proconfig) as s), '[]')
)), '[]')::text
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang
join underlying u on u.oid = p.prorettype
join pg_type t on t.oid = u.base
join pg_namespace type_schema on type_schema.oid = t.typnamespace
left join pg_class c on c.oid = t.typrelid
left join parameter on parameter.oid = p.oid
where n.nspname = any ($1::text[])
  and p.prokind = 'f'
  and t.oid <> 'trigger'::regtype
  and (coalesce(parameter.unnamed, 0) = 0
    or (parameter.unnamed = 1 and parameter.unnamed_type in (
      'bytea'::regtype, 'json'::regtype, 'jsonb'::regtype, 'text'::regtype, 'xml'::regtype)))
  and ($2 <> 'caller' or has_function_privilege(p.oid, 'execute'))
