select json_build_object(
  'name', n.nspname, 'owner', pg_catalog.pg_get_userbyid(n.nspowner),
  'grants', coalesce((select json_agg(json_build_object('grantee', case x.grantee when 0 then 'public'
                        else pg_catalog.pg_get_userbyid(x.grantee) end, 'privilege', x.privilege_type) order by x.grantee, x.privilege_type)
                      from pg_catalog.aclexplode(coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))) x), '[]'))::text
from pg_catalog.pg_namespace n where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by n.nspname
