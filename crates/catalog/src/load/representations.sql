-- Implicit casts by function between a domain and json or text.
select coalesce(json_agg(json_build_object(
  'source', k.castsource::regtype::text,
  'target', k.casttarget::regtype::text,
  'function', k.castfunc::regproc::text
)), '[]')::text
from pg_cast k
join pg_type source on source.oid = k.castsource
join pg_type target on target.oid = k.casttarget
where k.castcontext = 'i' and k.castmethod = 'f' and has_function_privilege(k.castfunc, 'execute')
  and ((source.typtype = 'd' and k.casttarget in ('json'::regtype, 'text'::regtype))
    or (target.typtype = 'd' and k.castsource in ('json'::regtype, 'text'::regtype)))
