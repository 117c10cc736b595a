-- Settings of the roles that the current role may become, as far as it may set them.
with granted as (
  select r.oid, r.rolname from pg_roles r
  join pg_auth_members m on m.roleid = r.oid
  where m.member = (select oid from pg_roles where rolname = current_user)
),
setting as (
  select g.rolname, lower(split_part(s, '=', 1)) as name, substr(s, strpos(s, '=') + 1) as value
  from granted g
  join pg_db_role_setting d on d.setrole = g.oid
    and d.setdatabase in (0, (select oid from pg_database where datname = current_database()))
  cross join lateral unnest(d.setconfig) as s
  order by d.setdatabase
)
select coalesce(json_agg(json_build_object('role', s.rolname, 'name', s.name, 'value', s.value)), '[]')::text
from setting s
left join pg_settings known on known.name = s.name
where s.name <> 'role' and (known.name is null or known.context = 'user' or has_parameter_privilege(s.name, 'set'))
