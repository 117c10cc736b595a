-- Relations and functions of which PostgreSQL's own records show that using them runs no code that could change the session: only built-in
-- functions, those in C, the platform's own, SQL functions made of a handful of known words, and SQL functions whose body PostgreSQL keeps
-- as it understood it (`BEGIN ATOMIC`, `RETURN`): of these it records what they use, as it does of views. What is not understood is not
-- in it.
with recursive
-- SQL functions whose text holds nothing but known words, numbers, plain operators and the names of parameters, none of which is a word of
-- SQL, is called, or stands before a literal as a type does. Whatever such a text says, it names no function.
plain_function as (
  select p.oid from pg_proc p join pg_language l on l.oid = p.prolang
  where l.lanname = 'sql' and p.prosqlbody is null and p.proconfig is null and p.prosrc !~* '(statement_timeout|/\*|--)'
    and regexp_replace(p.prosrc, concat_ws('|',
        '\s+', '''[a-z0-9_., ]*''', '::\s*(uuid|jsonb|json|text)\M', '\mpg_catalog\.', '[-+*/%<>=(),;]', '\|\|',
        '(?<![\w$"])\d+(?![\w$"])', '\$\d+(?!\s*[\w(.''"])',
        '\m(select|coalesce|nullif|current_setting|true|false|null|is|not|and|or|case|when|then|else|end)\M',
        (select string_agg('\m' || name || '\M(?!\s*[(.''"])', '|') from unnest(p.proargnames) name
          where name ~ '^[a-z_][a-z0-9_]*$' and name not in (select word from pg_get_keywords()))
      ), '', 'gi') = ''
),
harmless_function as (
  select p.oid from pg_proc p join pg_language l on l.oid = p.prolang join pg_namespace n on n.oid = p.pronamespace
  where l.lanname in ('internal', 'c')
    or (n.nspname in ('auth', 'storage') and n.nspname || '.' || p.proname in ('auth.uid', 'auth.role', 'auth.email', 'auth.jwt',
          'storage.foldername', 'storage.filename', 'storage.extension')
        and pg_get_userbyid(p.proowner) in ('supabase_admin', 'supabase_auth_admin', 'supabase_storage_admin'))
    or p.oid in (select oid from plain_function)
),
-- They cannot write: PostgreSQL refuses that to what is declared stable. What they read is asked of them as of relations, below; the
-- settings of their own (`set search_path`) end with them.
atomic_function as (
  select oid from pg_proc where prosqlbody is not null and provolatile in ('i', 's') and prokind = 'f' and oid >= 16384
),
-- Types whose functions only a superuser can have made; enums have none of their own.
harmless_type as (
  select t.oid from pg_type t left join pg_type e on e.oid = t.typelem and t.typelem <> 0 and t.typcategory = 'A'
  where (t.typtype in ('b', 'e') or t.typnamespace = 'pg_catalog'::regnamespace)
    and (e.oid is null or e.typtype in ('b', 'e') or e.typnamespace = 'pg_catalog'::regnamespace)
),
relation as (
  select c.oid, c.relkind, c.relname, n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.oid >= 16384
),
-- What PostgreSQL may look into for a statement on a relation, or to run a function, whose number is written below zero.
part as (
  select 'pg_policy'::regclass as classid, oid as objid, polrelid::bigint as node, false as writes,
    concat(pg_get_expr(polqual, polrelid), ' ', pg_get_expr(polwithcheck, polrelid)) as code from pg_policy
  union all select 'pg_rewrite'::regclass, oid, ev_class::bigint, false, pg_get_ruledef(oid) from pg_rewrite where ev_class >= 16384
  union all select 'pg_constraint'::regclass, oid, conrelid::bigint, false, pg_get_constraintdef(oid) from pg_constraint where conrelid >= 16384
  union all select 'pg_class'::regclass, indexrelid, indrelid::bigint, false, pg_get_indexdef(indexrelid) from pg_index where indrelid >= 16384
  union all select 'pg_attrdef'::regclass, oid, adrelid::bigint, true, pg_get_expr(adbin, adrelid) from pg_attrdef
  union all select 'pg_proc'::regclass, oid, -oid::bigint, false, pg_get_functiondef(oid) from atomic_function
),
needs as (
  select part.node, part.writes, d.refclassid, d.refobjid,
    case d.refclassid when 'pg_class'::regclass then d.refobjid::bigint when 'pg_proc'::regclass then -d.refobjid::bigint end as used
  from part
  join pg_depend d on d.classid = part.classid and d.objid = part.objid and d.deptype in ('n', 'a', 'i')
  union all select inhparent::bigint, false, 'pg_class'::regclass, inhrelid, inhrelid::bigint from pg_inherits
),
-- Harmful by itself: (node, only when written to).
harmful as (
  select oid::bigint as node, false as writes from relation where relkind = 'f'
  -- Built-in functions that change the session or run what they are given leave no record. And on the short lane one would see its timeout.
  union select node, writes from part
    where code ~* '(set_config|_to_xml|ts_stat|ts_rewrite|advisory|pg_settings|pg_input_|statement_timeout)'
  union select attrelid::bigint, false from pg_attribute where attnum > 0 and not attisdropped and attrelid >= 16384
    and atttypid not in (select oid from harmless_type)
  union select node, writes from needs where case refclassid
      when 'pg_proc'::regclass then
        refobjid not in (select oid from harmless_function) and refobjid not in (select oid from atomic_function)
      when 'pg_type'::regclass then refobjid not in (select oid from harmless_type)
      else refclassid not in ('pg_class'::regclass, 'pg_constraint'::regclass, 'pg_namespace'::regclass, 'pg_opclass'::regclass,
                              'pg_opfamily'::regclass, 'pg_collation'::regclass, 'pg_policy'::regclass, 'pg_rewrite'::regclass)
    end
  union select tgrelid::bigint, true from pg_trigger where not tgisinternal
  union select ev_class::bigint, true from pg_rewrite where ev_class >= 16384
),
spread as (
  select node, writes from harmful
  union select needs.node, spread.writes or needs.writes from spread
    join needs on needs.used = spread.node and needs.node <> spread.node
),
-- Operators, casts and aggregates run without being named, and another `current_setting` by the name of the known one.
unnamed as (
  select 1 from pg_operator where oprcode::oid >= 16384 and oprcode::oid not in (select oid from harmless_function)
  union all select 1 from pg_cast where castfunc >= 16384 and castfunc not in (select oid from harmless_function)
  union all select 1 from pg_proc where proname = 'current_setting' and oid >= 16384
),
-- What can be called by name, and only reads: all functions of a name, since PostgreSQL chooses between them.
harmless_call as (
  select p.pronamespace, p.proname from pg_proc p
  where p.oid >= 16384
  group by p.pronamespace, p.proname
  having bool_and(
    p.prokind = 'f' and p.provolatile in ('i', 's') and p.prorettype in (select oid from harmless_type)
    and not exists (select from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) type where type not in (select oid from harmless_type))
    and not exists (select from unnest(p.proconfig) setting where setting not like 'search\_path=%')
    and (p.oid in (select oid from plain_function) and p.pronargdefaults = 0
      or p.oid in (select oid from atomic_function) and -p.oid::bigint not in (select node from spread)))
)
select json_build_object(
  'relations', coalesce((
    select json_agg(json_build_array(nspname, relname,
      not exists (select from spread where spread.node = relation.oid::bigint and spread.writes)))
    from relation
    where not exists (select from unnamed)
      and not exists (select from spread where spread.node = relation.oid::bigint and not spread.writes)), '[]'),
  'functions', coalesce((
    select json_agg(json_build_array(n.nspname, proname)) from harmless_call join pg_namespace n on n.oid = pronamespace
    where not exists (select from unnamed)), '[]'))::text
