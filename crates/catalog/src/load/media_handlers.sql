-- Domains named like media types, with the aggregates and functions of the exposed schemas ($1) that return them.
with media as (
  select t.oid, t.typname, n.nspname, lower(t.typname) as media_type,
         case t.typname when '*/*' then 'application/octet-stream' else t.typname end as resolved
  from pg_type t
  join pg_namespace n on n.oid = t.typnamespace
  where t.typtype = 'd' and (t.typname ~* '^[a-z0-9.-]+/[a-z0-9.+-]+$' or t.typname = '*/*')
),
handler as (
  select n.nspname as schema, p.proname as name, arg_schema.nspname as target_schema, arg.typname as target_name,
         media.media_type, media.resolved
  from media
  join pg_proc p on p.prorettype = media.oid and p.prokind = 'a' and p.pronargs = 1
  join pg_namespace n on n.oid = p.pronamespace
  join pg_type arg on arg.oid = p.proargtypes[0]
  join pg_namespace arg_schema on arg_schema.oid = arg.typnamespace
  where n.nspname = any ($1::text[])
    and (arg.oid = 'anyelement'::regtype or exists (
      select from pg_class c where c.reltype = arg.oid and c.relkind in ('r', 'v', 'm', 'f', 'p')))
  union
  select media.nspname, media.typname, n.nspname, p.proname, media.media_type, media.resolved
  from media
  join pg_proc p on p.prorettype = media.oid and p.prokind = 'f' and not p.proretset
  join pg_namespace n on n.oid = p.pronamespace
  where n.nspname = any ($1::text[])
)
select coalesce(json_agg(json_build_object(
  'handler', json_build_object('schema', schema, 'name', name),
  'target', json_build_object('schema', target_schema, 'name', target_name),
  'media_type', media_type,
  'resolved', resolved
)), '[]')::text
from handler
