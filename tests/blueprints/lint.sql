-- Catalog rules that every blueprint keeps; one line for each breach, nothing when all is well.
-- (`basalt db lint` knows more; this needs nothing but psql.)
with tables as (
  select c.oid, n.nspname, c.relname, c.relrowsecurity from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname in ('public', 'private') and c.relkind in ('r', 'p')
), policies as (
  select pol.*, t.relname from pg_policy pol join tables t on t.oid = pol.polrelid
), expressions as (
  select relname, polname, e from policies, lateral (values
    (pg_get_expr(polqual, polrelid)), (pg_get_expr(polwithcheck, polrelid))) v (e) where e is not null
), functions as (
  select p.oid, n.nspname, p.proname, p.prosecdef, p.proconfig, p.proacl from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where n.nspname in ('public', 'private')
), keys as (
  select con.conrelid, con.conname, con.conkey from pg_constraint con join tables t on t.oid = con.conrelid where con.contype = 'f'
)
select 'no row-level security: ' || nspname || '.' || relname from tables where not relrowsecurity
union all select 'no primary key: ' || nspname || '.' || relname from tables t
  where not exists (select 1 from pg_constraint where conrelid = t.oid and contype = 'p')
union all select 'row-level security without a policy: ' || nspname || '.' || relname from tables t
  where not exists (select 1 from pg_policy where polrelid = t.oid)
union all select 'policy for PUBLIC: ' || polname || ' on ' || relname from policies where polroles = '{0}'
union all select 'several permissive policies for one role and action: ' || relname || ' ' || r::regrole || ' ' || cmd
  from policies, unnest(polroles) r, unnest(case when polcmd = '*' then array['r', 'a', 'w', 'd'] else array[polcmd::text] end) cmd
  where polpermissive group by relname, r, cmd having count(*) > 1
union all select 'auth function for each row: ' || polname || ' on ' || relname from expressions
  where regexp_replace(e, '\( *SELECT (auth\.\w+\(\)|current_setting\([^)]*\))', '', 'g') ~ 'auth\.\w+\(\)|current_setting\('
union all select 'USING without WITH CHECK: ' || polname || ' on ' || relname from policies where polcmd in ('w', '*') and polwithcheck is null
union all select 'constant true on writes: ' || p.polname || ' on ' || p.relname from policies p
  where (pg_get_expr(polwithcheck, polrelid) = 'true' or (polcmd in ('w', 'd', '*') and pg_get_expr(polqual, polrelid) = 'true'))
    and exists (select 1 from unnest(polroles) r where r::regrole::text in ('anon', 'authenticated'))
union all select 'user metadata in a policy: ' || polname || ' on ' || relname from expressions where e ~ 'user_metadata'
union all select 'mutable search_path: ' || oid::regprocedure from functions
  where not exists (select 1 from unnest(proconfig) c where c like 'search_path=%')
union all select 'SECURITY DEFINER callable through the API: ' || oid::regprocedure from functions
  where prosecdef and nspname = 'public' and (has_function_privilege('anon', oid, 'execute') or has_function_privilege('authenticated', oid, 'execute'))
union all select 'callable by PUBLIC: ' || oid::regprocedure from functions
  where proacl is null or exists (select 1 from aclexplode(proacl) a where a.grantee = 0)
union all select 'view without security_invoker: ' || c.oid::regclass from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'public' and c.relkind = 'v' and not coalesce(c.reloptions @> array['security_invoker=true'] or c.reloptions @> array['security_invoker=on'], false)
union all select 'materialized view in the API: ' || c.oid::regclass from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'public' and c.relkind = 'm'
union all select 'foreign key without index: ' || conname || ' on ' || conrelid::regclass from keys k
  where not exists (select 1 from pg_index i where i.indrelid = k.conrelid and i.indpred is null
    and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] <@ k.conkey)
union all select 'duplicate index: ' || string_agg(i.indexrelid::regclass::text, ', ') from pg_index i join tables t on t.oid = i.indrelid
  group by i.indrelid, i.indkey, i.indisunique, i.indclass, i.indoption, pg_get_expr(i.indpred, i.indrelid), pg_get_expr(i.indexprs, i.indrelid),
    (select am.amname from pg_class ic join pg_am am on am.oid = ic.relam where ic.oid = i.indexrelid)
  having count(*) > 1
union all select 'column of privilege or money that a user may write: ' || t.relname || '.' || a.attname
  from tables t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
  where t.nspname = 'public' and a.attname ~ '^(role|is_admin|credits.*|total_credits.*|plan|plan_id|tier|verified|is_active|subscription_.*|balance.*|student_count|rating_.*|stripe_.*|download_count|points)$'
    -- A table whose rows belong to nobody is staff's: its policies do not compare the caller with a column.
    and exists (select 1 from pg_policy pol where pol.polrelid = t.oid and pol.polcmd in ('w', '*')
                and pg_get_expr(pol.polqual, pol.polrelid) ~ 'auth\.uid')
    and (has_column_privilege('authenticated', t.oid, a.attnum, 'update') or has_column_privilege('anon', t.oid, a.attnum, 'update'))
-- Events of visitors are the one thing that is written without signing in.
union all select 'anon may write: ' || t.relname from tables t where t.nspname = 'public' and t.relname <> 'analytics_events'
    and (has_any_column_privilege('anon', t.oid, 'insert, update') or has_table_privilege('anon', t.oid, 'delete, truncate'))
union all select 'truncate granted: ' || t.relname from tables t where has_table_privilege('authenticated', t.oid, 'truncate')
order by 1;
