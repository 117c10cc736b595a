-- What decides how much a request must tell the database: does anything of the user's read request.*, or set response.*?
with source as (
  select p.prosrc || coalesce(pg_get_function_sqlbody(p.oid), '') as body, l.lanname
  from pg_proc p
  join pg_language l on l.oid = p.prolang
  where p.oid >= 16384 and l.lanname <> 'c'
    and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
  union all
  select concat(pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)), 'sql' from pg_policy
  union all
  select pg_get_viewdef(c.oid), 'sql' from pg_class c
  where c.relkind in ('v', 'm') and c.oid >= 16384 and c.relnamespace <> 'information_schema'::regnamespace
  union all
  select pg_get_expr(adbin, adrelid), 'sql' from pg_attrdef
)
select json_build_object(
  -- 'request.' that is not followed by jwt; a name put together at run time ends in a quote
  'reads_request', coalesce(bool_or(body ~ 'request\.(?!jwt\.)'), false),
  'writes_response', coalesce(bool_or(body ~ 'response\.'), false),
  -- SET, set_config, locks, LISTEN, temporary tables, or code that cannot be read
  'leaves_state', coalesce(bool_or(body ~*
    '(set_config|advisory|\mlisten\M|\mtemp(orary)?\M|\mexecute\M|dblink|(^|;|\m(begin|then|else|loop)\M)\s*set\s)'), false)
    or coalesce(bool_or(lanname not in ('sql', 'plpgsql')), false),
  'server_version', current_setting('server_version_num')::int / 10000
)::text
from source
