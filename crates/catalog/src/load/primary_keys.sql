-- Primary keys of the whole database, for the views that show them.
select coalesce(json_agg(json_build_object('id', k.oid::bigint, 'table_id', k.conrelid::bigint, 'key', k.conkey)), '[]')::text
from pg_constraint k
where k.contype = 'p'
