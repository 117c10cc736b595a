select json_build_object(
  'name', e.extname, 'schema', n.nspname, 'version', e.extversion,
  'default_version', (select a.default_version from pg_catalog.pg_available_extensions a where a.name = e.extname))::text
from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace order by e.extname
