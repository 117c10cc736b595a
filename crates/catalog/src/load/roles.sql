-- Settings of the roles that the current role may become, as far as it may set them. As upstream, which reads `pg_roles`: not those for
-- one database only, and none that PostgreSQL does not know.
select coalesce(json_agg(json_build_object('role', r.rolname, 'name', s.name, 'value', s.value)), '[]')::text
from pg_roles r
join pg_auth_members m on m.roleid = r.oid
cross join lateral (
  select split_part(c, '=', 1) as name, substr(c, strpos(c, '=') + 1) as value from unnest(r.rolconfig) as c
) s
join pg_settings known on known.name = s.name
where m.member = (select oid from pg_roles where rolname = current_user)
  and (known.context = 'user' or has_parameter_privilege(s.name, 'set'))
