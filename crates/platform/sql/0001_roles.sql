-- The roles that Supabase projects know, with the attributes and memberships of a hosted database.
-- Every statement is idempotent: roles are shared by all databases of a cluster.

--: as superuser
-- Roles belong to the cluster: an installer in another database must wait, or both create the same role.
lock table pg_catalog.pg_authid in share row exclusive mode;
do $$
declare
    -- role, attributes
    wanted constant text[][] := array[
        ['anon',                       'nologin inherit'],
        ['authenticated',              'nologin inherit'],
        ['service_role',               'nologin inherit bypassrls'],
        ['authenticator',              'login noinherit'],
        ['postgres',                   'login inherit createdb createrole replication bypassrls nosuperuser'],
        ['supabase_admin',             'login inherit'],
        ['supabase_auth_admin',        'login noinherit'],
        ['supabase_storage_admin',     'login noinherit'],
        ['supabase_realtime_admin',    'login noinherit'],
        ['supabase_functions_admin',   'login noinherit'],
        ['supabase_replication_admin', 'login replication'],
        ['supabase_read_only_user',    'login bypassrls'],
        ['supabase_etl_admin',         'login replication'],
        ['dashboard_user',             'nologin createdb createrole replication'],
        ['pgbouncer',                  'login'],
        ['pgsodium_keyholder',         'nologin'],
        ['pgsodium_keyiduser',         'nologin'],
        ['pgsodium_keymaker',          'nologin'],
        ['pgtle_admin',                'nologin']
    ];
    wish text[];
begin
    foreach wish slice 1 in array wanted loop
        if not exists (select from pg_catalog.pg_roles where rolname = wish[1]) then
            execute format('create role %I %s', wish[1], wish[2]);
        elsif wish[1] <> 'supabase_admin' then
            execute format('alter role %I %s', wish[1], wish[2]);
        end if;
    end loop;
end
$$;

--: as managed
-- Without superuser there is no REPLICATION to give, and BYPASSRLS only from PostgreSQL 16 on, by a role that has it itself.
do $$
declare
    wish text[];
    above_rls constant text := case
        when current_setting('server_version_num')::int >= 160000
             and (select rolbypassrls from pg_catalog.pg_roles where rolname = current_user)
        then 'nologin bypassrls' else 'nologin' end;
begin
    foreach wish slice 1 in array array[
        ['anon', 'nologin'], ['authenticated', 'nologin'], ['service_role', above_rls], ['authenticator', 'login noinherit'],
        ['supabase_auth_admin', 'nologin noinherit'], ['supabase_storage_admin', 'nologin noinherit'],
        ['supabase_realtime_admin', 'nologin noinherit'], ['supabase_functions_admin', 'nologin noinherit'],
        ['supabase_admin', 'nologin'], ['supabase_read_only_user', 'nologin'], ['dashboard_user', 'nologin']]
    loop
        if not exists (select from pg_catalog.pg_roles where rolname = wish[1]) then
            execute format('create role %I %s', wish[1], wish[2]);
            if wish[1] = 'authenticator' then
                -- Its password is ours to set, as it is not where the role was there before.
                insert into _basalt.settings (name, value) values ('authenticator_is_ours', 'true') on conflict do nothing;
            end if;
        end if;
    end loop;
    -- Migrations and dumps name `postgres`; where it is taken or forbidden, the URL's own role plays the part.
    if not exists (select from pg_catalog.pg_roles where rolname = 'postgres') then
        execute 'create role postgres nologin';
    end if;
end
$$;

--: memberships as superuser
grant anon, authenticated, service_role to authenticator;
-- ADMIN OPTION: from PostgreSQL 16 on CREATEROLE alone does not allow granting these to a project's own roles.
grant anon, authenticated, service_role, authenticator to postgres with admin option;
grant pg_monitor, pg_read_all_data, pg_signal_backend, pg_read_all_settings, pg_read_all_stats, pg_stat_scan_tables
    to postgres with admin option;
-- A trigger on auth.users, or a policy on storage.objects or realtime.messages, needs the owner's right: membership gives it.
grant supabase_auth_admin, supabase_storage_admin, supabase_realtime_admin, supabase_functions_admin to postgres;
grant pgsodium_keyiduser, pgsodium_keyholder, pgsodium_keymaker, pgtle_admin, dashboard_user to postgres with admin option;
grant pgsodium_keyiduser to pgsodium_keyholder;
grant pgsodium_keyholder, pgsodium_keyiduser to pgsodium_keymaker;
-- Storage and realtime try statements as the caller, then go on as themselves.
grant authenticator to supabase_storage_admin;
grant anon, authenticated, service_role to supabase_storage_admin, supabase_realtime_admin;
grant pg_read_all_data to supabase_read_only_user, supabase_etl_admin;
do $$
begin
    if current_setting('server_version_num')::int >= 160000 then
        execute 'grant pg_create_subscription to postgres';
    end if;
end
$$;
-- Settings that a hosted project may change for a role or its database: seeds turn triggers off, PostgREST is configured
-- by `alter role authenticator set pgrst.…`, applications keep values in app.settings.
grant set on parameter session_replication_role, log_statement, log_min_duration_statement, log_min_messages, log_lock_waits,
    log_temp_files, log_parameter_max_length, track_functions, track_io_timing, wal_compression to postgres;
do $$
declare
    setting text;
begin
    foreach setting in array array[
        'pgrst.db_schemas', 'pgrst.db_extra_search_path', 'pgrst.db_max_rows', 'pgrst.db_anon_role', 'pgrst.db_pre_request',
        'pgrst.db_plan_enabled', 'pgrst.db_tx_end', 'pgrst.db_root_spec', 'pgrst.db_aggregates_enabled', 'pgrst.db_pool',
        'pgrst.db_prepared_statements', 'pgrst.db_hoisted_tx_settings', 'pgrst.db_timezone_enabled', 'pgrst.jwt_aud',
        'pgrst.jwt_role_claim_key', 'pgrst.jwt_secret', 'pgrst.jwt_secret_is_base64', 'pgrst.jwt_cache_max_lifetime',
        'pgrst.openapi_mode', 'pgrst.openapi_security_active', 'pgrst.openapi_server_proxy_uri', 'pgrst.raw_media_types',
        'pgrst.server_timing_enabled', 'pgrst.server_trace_header', 'pgrst.server_cors_allowed_origins',
        'app.settings.jwt_secret', 'app.settings.jwt_exp', 'app.settings.service_role_key', 'app.settings.anon_key',
        'app.settings.supabase_url', 'app.settings.project_url', 'app.settings.functions_url', 'app.supabase_url',
        'app.service_role_key', 'app.settings.encryption_key', 'app.settings.site_url', 'app.settings.environment'] loop
        -- Each segment quoted by itself: %I of the whole would make one identifier with dots.
        execute format('grant set on parameter %s to postgres',
                       (select string_agg(quote_ident(part), '.') from unnest(string_to_array(setting, '.')) as part));
    end loop;
end
$$;

--: memberships as managed
-- From PostgreSQL 16 on the creator of a role may grant it, but is no member: it takes those that it acts as.
-- Not service_role and authenticator: service_role is to become a member of the tables' owner, and a circle is refused.
do $$
declare
    role_name text;
    -- A creator counts as a member with nothing but ADMIN; what is asked is whether it may switch.
    enough constant text := case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end;
begin
    foreach role_name in array array['anon', 'authenticated', 'supabase_auth_admin', 'supabase_storage_admin',
                                     'supabase_realtime_admin', 'postgres'] loop
        if role_name <> current_user and not pg_has_role(current_user, role_name, enough)
            -- On a plain PostgreSQL `postgres` is the superuser, whose memberships are not ours to give.
            and not exists (select from pg_roles where rolname = role_name and rolsuper) then
            execute format('grant %I to %I', role_name, current_user);
        end if;
    end loop;
    execute 'grant anon, authenticated, service_role to authenticator';
    if current_user <> 'postgres' and not exists (select from pg_roles where rolname = 'postgres' and rolsuper) then
        execute 'grant anon, authenticated to postgres';
    end if;
end
$$;

--: service_role above row security as managed
do $$
begin
    -- Without BYPASSRLS, membership of the tables' owner has the same effect, except where a table FORCEs row security.
    if not (select rolbypassrls from pg_catalog.pg_roles where rolname = 'service_role')
       and not pg_has_role('service_role', current_user, 'member') then
        execute format('grant %I to service_role', current_user);
    end if;
end
$$;

--: settings as superuser
alter role all set search_path to "$user", public, extensions;
alter role supabase_admin set search_path to "$user", public, auth, extensions;
alter role postgres set search_path to "$user", public, extensions;
alter role supabase_auth_admin set search_path to auth;
alter role supabase_auth_admin set idle_in_transaction_session_timeout to 60000;
alter role supabase_storage_admin set search_path to storage;
alter role supabase_realtime_admin set search_path to realtime;
alter role anon set statement_timeout to '3s';
alter role authenticated set statement_timeout to '8s';
alter role authenticator set statement_timeout to '8s';
alter role authenticator set lock_timeout to '8s';
alter role supabase_auth_admin set log_statement to 'none';
alter role supabase_storage_admin set log_statement to 'none';
alter role supabase_admin set log_statement to 'none';

--: settings as managed
do $$
declare
    wish text[];
begin
    foreach wish slice 1 in array array[['anon', 'statement_timeout', '3s'], ['authenticated', 'statement_timeout', '8s'],
        ['authenticator', 'statement_timeout', '8s'], ['authenticator', 'lock_timeout', '8s']] loop
        -- A role that was there keeps what it has.
        if not exists (select from pg_catalog.pg_roles r, unnest(r.rolconfig) c
                       where r.rolname = wish[1] and starts_with(c, wish[2] || '=')) then
            execute format('alter role %I set %I to %L', wish[1], wish[2], wish[3]);
        end if;
    end loop;
end
$$;

--: database as superuser
do $$
begin
    execute format('alter database %I owner to postgres', current_database());
    execute format('grant all on database %I to dashboard_user', current_database());
    grant execute on function pg_catalog.pg_reload_conf() to postgres with grant option;
    execute format('grant connect, create, temporary on database %I to supabase_auth_admin, supabase_storage_admin, '
                   'supabase_realtime_admin, supabase_functions_admin', current_database());
end
$$;
