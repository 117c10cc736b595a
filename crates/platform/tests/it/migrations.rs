//! What the migrations and seeds of real folders do, done as `postgres`.

use std::time::Duration;

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::cluster::{Cluster, refusal, value, works};

#[tokio::test]
async fn a_sign_up_trigger_makes_a_profile() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let client = cluster.connect(&database.name, "postgres").await;
    works(
        &client,
        "create table public.profiles (id uuid primary key references auth.users (id) on delete cascade, name text);
         alter table public.profiles enable row level security;
         create policy own on public.profiles for select using ((select auth.uid()) = id);
         create function public.handle_new_user() returns trigger language plpgsql security definer set search_path = '' as $$
         begin
             insert into public.profiles (id, name) values (new.id, new.raw_user_meta_data ->> 'full_name');
             return new;
         end $$;
         create trigger on_auth_user_created after insert on auth.users
             for each row execute procedure public.handle_new_user();
         insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data,
                                 raw_user_meta_data, created_at, updated_at, confirmation_token, recovery_token)
         values ('00000000-0000-0000-0000-000000000000', '11111111-1111-1111-1111-111111111111', 'authenticated', 'authenticated',
                 'ada@example.com', crypt('password123', gen_salt('bf')), now(), '{\"provider\":\"email\",\"providers\":[\"email\"]}',
                 '{\"full_name\":\"Ada\"}', now(), now(), null, '');
         insert into auth.identities (id, user_id, provider_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
         select gen_random_uuid(), id, id, jsonb_build_object('sub', id, 'email', email), 'email', now(), now(), now() from auth.users",
    )
    .await;
    assert_eq!(value::<String>(&client, "select name from public.profiles").await, "Ada");
    assert!(
        value::<bool>(
            &client,
            "select encrypted_password = extensions.crypt('password123', encrypted_password) from auth.users"
        )
        .await
    );
    assert_eq!(value::<String>(&client, "select email from auth.identities").await, "ada@example.com");
    // The auth service inserts as its own role: the trigger must do for it, too.
    let auth = cluster.connect(&database.name, "supabase_auth_admin").await;
    works(&auth, "insert into users (id, email, raw_user_meta_data) values (gen_random_uuid(), 'b@example.com', '{\"full_name\":\"Bob\"}')").await;
    assert_eq!(value::<i64>(&client, "select count(*) from public.profiles").await, 2);
    // And the policy sees the caller.
    let caller = cluster.connect(&database.name, "authenticator").await;
    works(&caller, "begin; set local role authenticated; set local request.jwt.claims = '{\"sub\":\"11111111-1111-1111-1111-111111111111\",\"role\":\"authenticated\",\"email\":\"ada@example.com\"}'").await;
    assert_eq!(value::<String>(&caller, "select string_agg(name, ',') from public.profiles").await, "Ada");
    assert_eq!(
        value::<String>(&caller, "select auth.role() || ' ' || auth.email() || ' ' || (auth.jwt() ->> 'role')").await,
        "authenticated ada@example.com authenticated"
    );
    works(&caller, "set local request.jwt.claim.sub = '22222222-2222-2222-2222-222222222222'").await;
    assert_eq!(value::<String>(&caller, "select auth.uid()::text").await, "22222222-2222-2222-2222-222222222222");
    works(&caller, "set local request.jwt.claims = ''; set local request.jwt.claim.sub = ''").await;
    assert!(value::<bool>(&caller, "select auth.uid() is null and auth.jwt() is null").await);
}

#[tokio::test]
async fn what_hosted_projects_do_as_postgres_works() {
    let cluster = Cluster::get();
    for statement in [
        "create policy a on storage.objects for select to public using (bucket_id = 'a' and auth.uid()::text = (storage.foldername(name))[1])",
        "create policy a on storage.buckets for select using (true)",
        "create policy a on realtime.messages for insert to authenticated with check (realtime.topic() = 'x' and extension in ('broadcast', 'presence'))",
        "create policy a on auth.users for select using (auth.uid() = id)",
        "create trigger a after insert on storage.objects for each row execute function storage.update_updated_at_column()",
        "insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values ('a', 'a', true, 1048576, array['image/*']) on conflict (id) do nothing",
        "create table public.t (id int); alter publication supabase_realtime add table public.t; alter publication supabase_realtime set table public.t; alter publication supabase_realtime drop table public.t",
        "begin; drop publication if exists supabase_realtime; create publication supabase_realtime; commit",
        "set session_replication_role = replica; set session_replication_role = default",
        "create role app_admin nologin; grant app_admin to authenticator; grant anon to app_admin; grant authenticated, service_role to app_admin; drop role app_admin",
        "create role app_login login password 'x' createdb; drop role app_login",
        "alter role authenticator set pgrst.db_schemas = 'public, api'; alter role authenticator reset pgrst.db_schemas",
        "alter role anon set statement_timeout = '3s'; alter role postgres set timezone = 'UTC'",
        "alter default privileges in schema public grant all on tables to anon, authenticated, service_role",
        "alter default privileges for role postgres in schema public revoke execute on functions from public",
        "alter default privileges for role supabase_auth_admin in schema auth grant select on tables to service_role",
        "create function public.h(event jsonb) returns jsonb language sql as 'select event'; grant execute on function public.h to supabase_auth_admin; revoke execute on function public.h from authenticated, anon, public",
        "grant usage on schema public to supabase_auth_admin, dashboard_user, service_role",
        "grant usage on schema auth to service_role; grant select on auth.users to service_role; grant select on all tables in schema auth to service_role",
        "grant usage on schema storage to service_role; grant all on storage.objects to service_role",
        "grant usage on schema vault to service_role; grant select on vault.decrypted_secrets to service_role",
        "grant usage on schema net to service_role; grant execute on all functions in schema net to service_role",
        "grant usage on schema realtime to service_role; grant select on realtime.messages to service_role",
        "grant usage on schema extensions to service_role; grant execute on all functions in schema extensions to service_role",
        "grant usage on schema graphql_public to service_role",
        "grant pgsodium_keyiduser to service_role; revoke pgsodium_keyiduser from service_role",
        "create extension pg_cron with schema pg_catalog; grant usage on schema cron to postgres; grant all privileges on all tables in schema cron to postgres",
        "create extension citext; create extension pg_trgm with schema extensions; create extension hstore; create extension unaccent; create extension btree_gist; create extension ltree; create extension tablefunc; create extension fuzzystrmatch",
        "do $$ begin if exists (select from pg_available_extensions where name = 'pgtap') then create extension pgtap with schema extensions; end if; end $$",
        "drop extension if exists \"uuid-ossp\"; create extension \"uuid-ossp\" with schema extensions; select extensions.uuid_generate_v4(), uuid_generate_v4()",
        "select encode(extensions.digest('x', 'sha256'), 'hex'), extensions.hmac('x', 'y', 'sha256'), gen_random_bytes(4), pgp_sym_encrypt('a', 'b')",
        "select count(*) from extensions.pg_stat_statements",
        "select count(*) from pg_stat_activity where query is not null",
        "create schema private; revoke all on schema private from public; grant usage on schema private to authenticated",
        "create view public.v with (security_invoker = on) as select 1 as a; create materialized view public.m as select 1 as a; refresh materialized view public.m",
        "create index concurrently users_created_idx on auth.users (created_at)",
        "alter table auth.users add column note text; alter table auth.users drop column note",
        "comment on table auth.users is 'people'; comment on schema public is 'ours'; comment on extension pgcrypto is 'ours'",
        "create or replace function auth.uid() returns uuid language sql stable as 'select null::uuid'",
        "alter table storage.objects enable row level security",
        "create domain public.email as text; create type public.mood as enum ('ok'); create sequence public.s; create collation public.c (provider = icu, locale = 'de')",
        "vacuum auth.users",
        "analyze",
        "truncate auth.audit_log_entries; truncate auth.users cascade",
        "select pg_reload_conf()",
        "select pg_advisory_xact_lock(1); notify pgrst, 'reload schema'; listen x",
        "drop schema public cascade; create schema public; grant usage on schema public to postgres, anon, authenticated, service_role; grant all on schema public to postgres",
        "create database scratch_of_a_tool",
        "drop database scratch_of_a_tool",
        "create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text)",
        "do $$ begin execute format('alter database %I set timezone to %L', current_database(), 'UTC'); end $$",
    ] {
        // A database for each would be slow, one transaction for all would hide what needs its own: drop what it made.
        let database = cluster.shared_scratch().await;
        let client = cluster.connect(database, "postgres").await;
        if statement.contains("concurrently")
            || statement.contains(" database ")
            || statement.starts_with("vacuum")
            || statement.contains("commit")
        {
            works(&client, statement).await;
        } else {
            in_a_transaction(&client, statement).await;
        }
    }
}

/// Runs and takes back. Roles belong to the cluster, and other tests alter them, too: PostgreSQL refuses the second of two.
async fn in_a_transaction(client: &Client, statement: &str) {
    for _ in 0..600 {
        let result = client.batch_execute(&format!("begin; {statement}")).await;
        works(client, "rollback").await;
        match result {
            Ok(()) => return,
            Err(error) if error.code() == Some(&SqlState::INTERNAL_ERROR) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => panic!("{statement}\n{error:?}"),
        }
    }
    panic!("{statement}: still in conflict");
}

/// What PostgreSQL gives to superusers only: folders that write it need the runner to elevate the statement.
#[tokio::test]
async fn what_needs_elevation_is_known() {
    let cluster = Cluster::get();
    let database = cluster.shared_scratch().await;
    let client = cluster.connect(database, "postgres").await;
    let admin = cluster.connect(database, "supabase_admin").await;
    let old: bool = value(&client, "select current_setting('server_version_num')::int < 160000").await;
    for (statement, only_before_16) in [
        ("create publication everything for all tables", false),
        (
            "create function public.e() returns event_trigger language plpgsql as 'begin end'; create event trigger e on ddl_command_end execute function public.e()",
            false,
        ),
        ("alter default privileges for role supabase_admin in schema public grant all on tables to postgres", false),
        ("alter role postgres set my.setting = 'x'", false),
        ("alter extension pgcrypto set schema public", false),
        ("create role r bypassrls", true),
        ("create role r replication", true),
        ("checkpoint", false),
    ] {
        if !only_before_16 || old {
            let state = refusal(&client, &format!("begin; {statement}")).await;
            assert_eq!(state, "42501", "{statement}");
            works(&client, "rollback").await;
        }
        if statement != "checkpoint" {
            works(&admin, &format!("begin; {statement}")).await;
            works(&admin, "rollback").await;
        }
    }
}

#[tokio::test]
async fn tables_of_every_creator_are_open_to_the_api() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    for creator in ["postgres", "supabase_admin"] {
        let client = cluster.connect(&database.name, creator).await;
        works(
            &client,
            &format!(
                "create table public.by_{creator} (id bigserial primary key, a int);
                                 create function public.f_{creator}() returns int language sql as 'select 1'"
            ),
        )
        .await;
        let caller = cluster.connect(&database.name, "authenticator").await;
        works(
            &caller,
            &format!(
                "set role authenticated; insert into public.by_{creator} (a) values (1); select public.f_{creator}();
                                 update public.by_{creator} set a = 2; delete from public.by_{creator}"
            ),
        )
        .await;
    }
}

#[tokio::test]
async fn new_tables_are_hidden_where_the_project_asks_for_it() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let admin = cluster.connect(&database.name, "supabase_admin").await;
    let client = cluster.connect(&database.name, "postgres").await;
    for (expose, table) in [(false, "hidden"), (true, "open")] {
        platform::expose_new_tables(&admin, expose).await.expect("default privileges");
        works(&client, &format!("create table public.{table} (id bigserial primary key)")).await;
        for role in ["anon", "authenticated", "service_role"] {
            let question = format!("select has_table_privilege('{role}', 'public.{table}', 'select')");
            assert_eq!(value::<bool>(&client, &question).await, expose, "{role} {table}");
        }
    }
}

#[tokio::test]
async fn ddl_tells_the_schema_cache_and_plain_writes_do_not() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let client = cluster.connect(&database.name, "postgres").await;
    works(&client, "create table public.t (id int)").await;
    // pg_notification_queue_usage is not precise enough; the transaction's own view of pending notices is in the WAL only.
    // So listen in the same session: notices come with the answer of the statement that follows.
    let heard = |statement: &'static str| {
        let cluster = Cluster::get();
        let name = database.name.clone();
        async move {
            let (client, mut notices) = cluster.listen(&name, "postgres").await;
            works(&client, "listen pgrst").await;
            works(&client, statement).await;
            works(&client, "select 1").await;
            let mut payloads = Vec::new();
            while let Ok(payload) = notices.try_recv() {
                payloads.push(payload);
            }
            payloads
        }
    };
    for statement in [
        "create table public.a (id int); create table public.b (id int)",
        "alter table public.a add column x int",
        "drop table public.a",
        "create function public.f() returns int language sql as 'select 1'",
        "create policy p on public.t using (true)",
        "grant select on public.t to anon",
        "comment on table public.t is 'x'",
        "create extension pgmq",
    ] {
        assert_eq!(heard(statement).await, ["reload schema"], "{statement}");
    }
    for statement in [
        "insert into public.t values (1)",
        "create temporary table x (id int)",
        "analyze public.t",
        "create role quiet_role",
    ] {
        assert_eq!(heard(statement).await, Vec::<String>::new(), "{statement}");
    }
}

#[tokio::test]
async fn a_private_channel_is_judged_by_policies_on_messages() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let client = cluster.connect(&database.name, "postgres").await;
    works(
        &client,
        "create policy read on realtime.messages for select to authenticated using (realtime.topic() = 'room:1');
         create table public.notes (id int primary key, body text);
         create function public.tell() returns trigger language plpgsql security definer as $$
         begin
             perform realtime.broadcast_changes('room:1', tg_op, tg_op, tg_table_name, tg_table_schema, new, old);
             return null;
         end $$;
         create trigger tell after insert or update or delete on public.notes for each row execute function public.tell();
         insert into public.notes values (1, 'x'); update public.notes set body = 'y'; delete from public.notes;
         select realtime.send('{\"a\": 1}', 'event', 'room:2', false);
         select realtime.send_binary('\\x0102', 'event', 'room:2')",
    )
    .await;
    let told = "select string_agg(event || ':' || coalesce(payload -> 'record' ->> 'body', '-'), ' ' order by inserted_at, event desc)
                from realtime.messages where topic = 'room:1' and payload ? 'id' and private and extension = 'broadcast'";
    assert_eq!(value::<String>(&client, told).await.split(' ').count(), 3);
    assert_eq!(value::<i64>(&client, "select count(*) from realtime.messages where topic = 'room:2'").await, 2);
    works(&client, "set role authenticated").await;
    assert_eq!(value::<i64>(&client, "select count(*) from realtime.messages").await, 0);
    works(&client, "set realtime.topic = 'room:1'").await;
    assert_eq!(
        value::<i64>(&client, "select count(*) from realtime.messages").await,
        5,
        "a policy on the topic opens all rows"
    );
}

#[tokio::test]
async fn foreign_tables_are_made_without_a_superuser() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let admin = cluster.connect(&database.name, "supabase_admin").await;
    works(&admin, "create extension postgres_fdw with schema extensions").await;
    let client = cluster.connect(&database.name, "postgres").await;
    works(
        &client,
        "create server elsewhere foreign data wrapper postgres_fdw options (host 'db.example', dbname 'd');
         create user mapping for postgres server elsewhere options (user 'u', password 'p');
         create foreign table public.far (id int) server elsewhere;
         grant usage on foreign server elsewhere to authenticated",
    )
    .await;
    assert!(value::<bool>(&client, "select has_server_privilege('authenticated', 'elsewhere', 'usage')").await);
}

#[tokio::test]
async fn a_publication_of_all_tables_forbids_nothing() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let admin = cluster.connect(&database.name, "supabase_admin").await;
    works(&admin, "create publication everything for all tables").await;
    let client = cluster.connect(&database.name, "postgres").await;
    works(&client, "create extension pgmq; create extension pg_cron").await;
    works(
        &client,
        "select pgmq.create('q'); select pgmq.send('q', '{}'); select pgmq.pop('q'); select pgmq.drop_queue('q')",
    )
    .await;
    works(&client, "select cron.schedule('j', '@daily', 'select 1'); select cron.unschedule('j')").await;
    works(&client, "select vault.create_secret('s', 'n'); delete from vault.secrets").await;
}
