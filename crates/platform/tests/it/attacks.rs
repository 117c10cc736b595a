use crate::cluster::{Cluster, refusal, value, works};

/// What SQLSTATE says for "not allowed".
const FORBIDDEN: &str = "42501";

#[tokio::test]
async fn callers_of_the_api_reach_no_secrets() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let admin = cluster.connect(&database.name, "postgres").await;
    works(&admin, "create extension pg_cron; select cron.schedule('j', '* * * * *', 'select 1')").await;
    works(&admin, "create extension pgmq; select pgmq.create('q'); select vault.create_secret('s', 'n')").await;
    works(&admin, "insert into auth.users (id, email) values (gen_random_uuid(), 'a@example.com')").await;
    for role in ["anon", "authenticated"] {
        works(&admin, &format!("set role {role}")).await;
        for attack in [
            "select * from auth.users",
            "select * from auth.refresh_tokens",
            "insert into auth.users (id) values (gen_random_uuid())",
            "select * from auth.schema_migrations",
            "select * from storage.migrations",
            "select * from vault.secrets",
            "select * from vault.decrypted_secrets",
            "select vault.create_secret('x')",
            "select vault._key('encryption')",
            "select vault._decrypt('x', gen_random_uuid(), '\\x00')",
            "select * from _basalt.settings",
            "select * from cron.job",
            "select cron.schedule('* * * * *', 'select 1')",
            "select * from net._http_response",
            "select * from net.http_request_queue",
            "select pgmq.send('q', '{}')",
            "select * from pgmq.q_q",
            "select * from pgbouncer.get_auth('x')",
            "select pg_read_file('/etc/passwd')",
            "select * from supabase_functions.hooks",
            "create table public.mine (id int)",
            "create function public.mine() returns int language sql as 'select 1'",
            "create schema mine",
            "create extension http",
            "alter publication supabase_realtime add table auth.users",
            "set session_replication_role = replica",
            "truncate storage.objects",
            "select realtime.to_regrole('supabase_admin'), * from realtime.schema_migrations",
        ] {
            let state = refusal(&admin, attack).await;
            assert!([FORBIDDEN, "42883", "3F000"].contains(&state.as_str()), "{role}: {attack}: {state}");
        }
        works(&admin, "reset role").await;
    }
}

#[tokio::test]
async fn a_caller_cannot_become_more_than_it_is() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let authenticator = cluster.connect(&database.name, "authenticator").await;
    for role in ["postgres", "supabase_admin", "supabase_auth_admin", "supabase_storage_admin", "dashboard_user"] {
        assert_eq!(refusal(&authenticator, &format!("set role {role}")).await, FORBIDDEN, "{role}");
    }
    // NOINHERIT: before it has switched, it may do nothing of what callers may.
    assert_eq!(refusal(&authenticator, "select * from storage.buckets").await, FORBIDDEN);
    works(&authenticator, "set role service_role; select * from storage.buckets").await;
}

#[tokio::test]
async fn postgres_is_no_superuser_and_does_not_become_one() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let client = cluster.connect(&database.name, "postgres").await;
    assert!(!value::<bool>(&client, "select rolsuper from pg_roles where rolname = current_user").await);
    works(&client, "create extension pg_cron").await;
    for attack in [
        "alter role postgres superuser",
        "set role supabase_admin",
        "alter role supabase_admin password 'x'",
        "grant supabase_admin to postgres",
        "create function public.f() returns text language c as '$libdir/pgcrypto', 'pg_digest'",
        "copy (select 1) to program 'true'",
        "select pg_read_file('/etc/passwd')",
        "select vault._key('encryption')",
        "create or replace function vault._key(purpose text) returns bytea language sql as 'select null::bytea'",
        "create function vault.mine() returns int language sql as 'select 1'",
        "alter function vault._key(text) owner to postgres",
        "drop event trigger pgrst_ddl_watch",
        "insert into cron.job (schedule, command, username) values ('* * * * *', 'alter role postgres superuser', 'supabase_admin')",
        "select cron.schedule_in_database('x', '* * * * *', 'select 1', current_database(), 'supabase_admin')",
        "insert into _basalt.settings values ('vault_key_file', '/etc/passwd')",
        "alter system set log_statement = 'all'",
        "drop schema vault cascade",
        "drop schema auth cascade",
        "drop schema extensions cascade",
    ] {
        assert_eq!(refusal(&client, attack).await, FORBIDDEN, "{attack}");
    }
    // Triggers that only guard are skipped in this mode; the one that keeps jobs honest is not.
    works(&client, "set session_replication_role = replica").await;
    let forged =
        "insert into cron.job (schedule, command, username) values ('* * * * *', 'select 1', 'supabase_admin')";
    assert_eq!(refusal(&client, forged).await, FORBIDDEN);
}

#[tokio::test]
async fn a_role_sees_and_touches_its_own_jobs_only() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let client = cluster.connect(&database.name, "postgres").await;
    works(&client, "create extension pg_cron; select cron.schedule('mine', '0 3 * * *', 'select 1')").await;
    works(&client, "grant usage on schema cron to service_role; grant usage on schema cron to authenticated").await;
    works(&client, "set role authenticated; select cron.schedule('theirs', '0 4 * * *', 'select 2')").await;
    assert_eq!(
        value::<String>(&client, "select string_agg(jobname || ' ' || username, ',') from cron.job").await,
        "theirs authenticated"
    );
    assert_eq!(refusal(&client, "select cron.unschedule('mine')").await, "P0001");
    assert_eq!(refusal(&client, "select cron.alter_job(1, command := 'drop table x')").await, "P0001");
    works(&client, "reset role").await;
    // BYPASSRLS sees all, and still may not rewrite what runs as another.
    let theirs = "update cron.job set command = 'select 3' where jobname = 'theirs'";
    assert_eq!(refusal(&client, theirs).await, FORBIDDEN);
}

#[tokio::test]
async fn a_security_definer_function_schedules_as_its_owner() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let client = cluster.connect(&database.name, "postgres").await;
    works(
        &client,
        "create extension pg_cron;
         create function public.plan() returns bigint language sql security definer
             as $$ select cron.schedule('planned', '0 3 * * *', 'select 1') $$;
         set role authenticated; select public.plan(); reset role",
    )
    .await;
    assert_eq!(value::<String>(&client, "select username from cron.job").await, "postgres");
}

/// Functions of a project that would be better matches than PostgreSQL's own, were they on the path of what runs as superuser.
#[tokio::test]
async fn a_projects_functions_do_not_stand_in_for_postgresqls() {
    let cluster = Cluster::get();
    let database = cluster.database_from_scratch().await;
    let client = cluster.connect(&database.name, "postgres").await;
    works(
        &client,
        "create table public.caught (who text);
         create function public.nextval(text) returns bigint language plpgsql as
             $$ begin insert into public.caught values (current_user); return 1; end $$;
         create function public.format(text, text) returns text language plpgsql as
             $$ begin insert into public.caught values (current_user); return pg_catalog.format($1, $2); end $$;
         create function public.to_regrole(varchar) returns regrole language plpgsql as
             $$ begin insert into public.caught values (current_user); return null; end $$",
    )
    .await;
    works(&client, "drop extension pg_net; create extension pg_net; create extension pg_cron; create extension pgmq; create extension http").await;
    works(&client, "select net.http_get('https://example.com'); select cron.schedule('* * * * *', 'select 1'); select pgmq.create('q'); select pgmq.send('q', '{}')").await;
    let mut admin = cluster.connect(&database.name, "supabase_admin").await;
    works(
        &admin,
        "delete from _basalt.platform_migrations where name in ('0050_our_extensions.sql', '0060_event_triggers.sql')",
    )
    .await;
    cluster.install(&mut admin, platform::Rights::Superuser).await.expect("an upgrade");
    works(&admin, "select vault.create_secret('x', 'y'); select * from vault.decrypted_secrets").await;
    let caught: Option<String> = value(&admin, "select string_agg(who, ',') from public.caught").await;
    assert_eq!(caught, None);
    assert_eq!(
        value::<String>(&admin, "select current_setting('search_path')").await,
        "\"$user\", public, auth, extensions"
    );
}
