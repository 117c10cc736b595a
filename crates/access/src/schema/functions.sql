-- The default of `proacl`, execute for everybody, is spelled out by acldefault.
select json_build_object(
  'oid', p.oid::bigint, 'schema', n.nspname, 'name', p.proname,
  'arguments', pg_catalog.pg_get_function_identity_arguments(p.oid),
  'argument_types', coalesce((select json_agg(pg_catalog.format_type(a.type, null) order by a.place)
                              from unnest(p.proargtypes) with ordinality a(type, place)), '[]'),
  'argument_names', coalesce((select json_agg(coalesce(a.name, '') order by a.place)
                              from unnest(p.proargnames, p.proargmodes) with ordinality a(name, mode, place)
                              where coalesce(a.mode, 'i') in ('i', 'b', 'v')), '[]'),
  'defaults', p.pronargdefaults,
  'result', coalesce(pg_catalog.pg_get_function_result(p.oid), ''),
  'kind', case when p.prorettype in ('pg_catalog.trigger'::regtype, 'pg_catalog.event_trigger'::regtype) then 'trigger'
               when p.prokind = 'p' then 'procedure' when p.prokind = 'a' then 'aggregate' when p.prokind = 'w' then 'window'
               else 'function' end,
  'language', l.lanname, 'security_definer', p.prosecdef,
  'volatility', case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
  'leakproof', p.proleakproof, 'settings', coalesce(p.proconfig, '{}'),
  'owner', pg_catalog.pg_get_userbyid(p.proowner),
  'extension', (select e.extname from pg_catalog.pg_depend d join pg_catalog.pg_extension e on e.oid = d.refobjid
                where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
                  and d.refclassid = 'pg_catalog.pg_extension'::regclass),
  'body', coalesce(case when p.prokind in ('f', 'p') then pg_catalog.pg_get_function_sqlbody(p.oid) end, p.prosrc),
  'grants', coalesce((select json_agg(json_build_object('grantee', case a.grantee when 0 then 'public'
                                                          else pg_catalog.pg_get_userbyid(a.grantee) end, 'privilege', a.privilege_type)
                                      order by a.grantee, a.privilege_type)
                      from pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) a), '[]'))::text
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join pg_catalog.pg_language l on l.oid = p.prolang
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)
