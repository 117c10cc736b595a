-- What decides how much a request must tell the database, and what must be cleaned up after it.
-- Sources are the user's functions and all relations, each with the code that runs when it is used; a name in that code leads on.
with own as (
  select p.oid, p.proname, l.lanname, concat_ws(' ', p.prosrc, pg_get_function_sqlbody(p.oid), pg_get_function_arguments(p.oid)) as body
  from pg_proc p
  join pg_language l on l.oid = p.prolang
  join pg_namespace n on n.oid = p.pronamespace
  where p.oid >= 16384 and l.lanname <> 'c' and p.prokind in ('f', 'p')
    and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
    -- The platform's own are known: what they set ends with the transaction.
    and not (n.nspname in ('auth', 'cron', 'extensions', 'graphql', 'graphql_public', 'net', 'pgbouncer', 'pgmq', 'pgsodium', 'realtime',
                           'storage', 'supabase_functions', 'supabase_migrations', 'vault', '_basalt', '_realtime')
             and pg_get_userbyid(p.proowner) in ('supabase_admin', 'supabase_auth_admin', 'supabase_functions_admin',
                                                 'supabase_realtime_admin', 'supabase_storage_admin'))
),
relation as (
  select c.relname,
    concat_ws(' ',
      case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end,
      (select string_agg(concat_ws(' ', pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)), ' ')
       from pg_policy where polrelid = c.oid),
      -- computed columns and relationships
      (select string_agg(p.proname, ' ') from pg_proc p where p.proargtypes[0] = c.reltype and c.reltype <> 0)) as reads,
    concat_ws(' ',
      (select string_agg(pg_get_expr(adbin, adrelid), ' ') from pg_attrdef where adrelid = c.oid),
      (select string_agg(p.proname, ' ') from pg_trigger t join pg_proc p on p.oid = t.tgfoid where t.tgrelid = c.oid and not t.tgisinternal),
      (select string_agg(pg_get_constraintdef(k.oid), ' ') from pg_constraint k where k.conrelid = c.oid and k.contype in ('c', 'x')),
      (select string_agg(f.relname, ' ') from pg_constraint k join pg_class f on f.oid = k.conrelid
       where k.confrelid = c.oid and k.contype = 'f' and k.confdeltype in ('c', 'n', 'd')),
      (select string_agg(f.relname, ' ') from pg_inherits i join pg_class f on f.oid = i.inhrelid where i.inhparent = c.oid)) as writes
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_toast'
),
-- without comments, which could stand between the words that are looked for, and without what ends with the transaction
code as (
  select oid, proname, lanname, body,
    regexp_replace(regexp_replace(body, '--[^\n]*|/\*.*?\*/', ' ', 'g'),
      'set_config\s*\(([^();]|\([^();]*\))*,\s*true\s*\)|\mpg_(try_)?advisory_xact_lock\w*|\mexecute\s+(on|function|procedure)\M', ' ', 'gi') as code
  from own
),
-- SET, set_config, locks, LISTEN, temporary tables, the last value of a sequence, or code that cannot be read
judged as (
  select proname, body, code,
    lanname not in ('sql', 'plpgsql')
    or code ~* '(set_config|advisory|\mlisten\M|\mtemp(orary)?\M|\mexecute\M|\mlastval\M|\mdiscard\M|with\s+hold|dblink)'
    or code ~* '(^|;|>|\m(begin|then|else|loop)\M)\s*(re)?set\s' as leaves,
    -- used without being named
    exists (select from pg_operator o where o.oprcode = code.oid) or exists (select from pg_cast c where c.castfunc = code.oid)
    or exists (select from pg_aggregate a where code.oid in (a.aggtransfn, a.aggfinalfn))
    or exists (select from pg_type t where code.oid in (t.typinput, t.typoutput))
    or exists (select from pg_constraint k where k.contypid <> 0 and position(code.proname in pg_get_constraintdef(k.oid)) > 0) as unnamed
  from code
)
select json_build_object(
  -- 'request.' that is not followed by jwt; a name put together at run time ends in a quote
  'reads_request', exists (select from judged where body ~ 'request\.(?!jwt\.)')
    or exists (select from relation where reads || writes ~ 'request\.(?!jwt\.)'),
  'writes_response', exists (select from judged where body ~ 'response\.') or exists (select from relation where reads || writes ~ 'response\.'),
  'sources', coalesce((select json_agg(s) from (
      select proname as name, code as reads, '' as writes, leaves, unnamed from judged
      union all
      select relname, reads, writes, reads ~* '(set_config|advisory_(?!xact)|dblink)', false from relation where reads || writes <> '') s), '[]'),
  'sets_datestyle', exists (select from judged where body ~* 'datestyle'),
  -- Not what PostgreSQL begins with: of this session, or of those to come.
  'other_isolation', current_setting('default_transaction_isolation') <> 'read committed' or exists (
      select from pg_db_role_setting d, unnest(d.setconfig) s where s like 'default_transaction_isolation=%'
        and d.setrole in (0, (select oid from pg_roles where rolname = session_user))
        and d.setdatabase in (0, (select oid from pg_database where datname = current_database()))),
  'begins_read_only', current_setting('default_transaction_read_only') <> 'off' or exists (
      select from pg_db_role_setting d, unnest(d.setconfig) s where s like 'default_transaction_read_only=%'
        and d.setrole in (0, (select oid from pg_roles where rolname = session_user))
        and d.setdatabase in (0, (select oid from pg_database where datname = current_database()))),
  'server_version', current_setting('server_version_num')::int / 10000
)::text
