select json_build_object(
  'name', r.rolname, 'superuser', r.rolsuper, 'login', r.rolcanlogin, 'bypass_rls', r.rolbypassrls, 'inherit', r.rolinherit,
  'member_of', coalesce((select json_agg(g.rolname order by g.rolname) from pg_catalog.pg_auth_members m
                         join pg_catalog.pg_roles g on g.oid = m.roleid where m.member = r.oid), '[]'))::text
from pg_catalog.pg_roles r where r.rolname !~ '^pg_' order by r.rolname
