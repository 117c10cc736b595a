//! A database by URL, with the rights that providers give: CREATEROLE and CREATEDB, no superuser.

use platform::Rights;

use crate::cluster::{Cluster, refusal, value, works};

/// A cluster of its own, since roles of other tests would be found and used.
async fn managed() -> Cluster {
    let cluster = Cluster::fresh();
    let admin = cluster.connect("postgres", "supabase_admin").await;
    works(&admin, "create role app_owner login createrole createdb").await;
    works(&admin, "create database app owner app_owner").await;
    cluster
}

#[tokio::test]
async fn without_superuser_the_rest_is_there_and_the_notes_say_what_is_not() {
    let cluster = managed().await;
    let mut client = cluster.connect("app", "app_owner").await;
    let report = cluster.install(&mut client, Rights::Managed).await.unwrap_or_else(|error| panic!("{error}"));
    assert!(report.applied.contains(&"0010_auth_tables.sql"));
    assert!(report.notes.iter().any(|note| note.contains("supabase_vault was left out")), "{:?}", report.notes);
    works(
        &client,
        "insert into auth.users (id, email) values (gen_random_uuid(), 'a@example.com');
         create table public.t (id int); alter table public.t enable row level security; insert into public.t values (1);
         create policy p on storage.objects for select using (storage.filename(name) = 'x');
         select net.http_get('https://example.com')",
    )
    .await;
    // Up to 15 CREATEROLE may grant any role, also itself. From 16 on service_role obeys row security, and a note says so.
    let above: bool = value(&client, "select current_setting('server_version_num')::int < 160000").await;
    assert_ne!(
        above,
        report.notes.iter().any(|note| note.contains("service_role above row security")),
        "{:?}",
        report.notes
    );
    // As authenticator: the owner cannot be a member of service_role, which is a member of the owner.
    let caller = cluster.connect("app", "authenticator").await;
    for (role, sees) in [("anon", 0_i64), ("service_role", i64::from(above))] {
        works(&caller, &format!("begin; set local role {role}")).await;
        assert_eq!(value::<i64>(&caller, "select count(*) from public.t").await, sees, "{role}");
        works(&caller, "rollback").await;
    }
    works(&client, "begin; set local role anon").await;
    assert_eq!(refusal(&client, "select * from auth.users").await, "42501");
    works(&client, "rollback").await;
    let again = cluster.install(&mut client, Rights::Managed).await.expect("again");
    assert_eq!(again.applied, Vec::<&str>::new());
}

/// Where no `create extension` is possible, the scripts run as they are.
#[tokio::test]
async fn our_extensions_run_as_scripts_of_a_plain_owner() {
    let cluster = managed().await;
    let mut client = cluster.connect("app", "app_owner").await;
    cluster.install(&mut client, Rights::Managed).await.unwrap_or_else(|error| panic!("{error}"));
    for (name, schema, proof) in [
        ("pg_cron", "extensions", "select cron.schedule('n', '0 3 * * *', 'select 1')"),
        ("pgmq", "pgmq", "select pgmq.create('q'); select pgmq.send('q', '{}')"),
        ("pgjwt", "extensions", "select extensions.sign('{}', 's')"),
        ("http", "extensions", "select extensions.urlencode('a b')"),
        ("pgsodium", "pgsodium", "select 'valid'::pgsodium.key_status"),
        ("pg_tle", "pgtle", "select pgtle.uninstall_extension_if_exists('x')"),
        ("pg_graphql", "graphql", "select graphql.resolve(query := '{ a }')"),
    ] {
        let script = platform::extension_script(name, schema).expect("ours");
        works(&client, &format!("begin; {script}; commit")).await;
        works(&client, proof).await;
    }
    let forged =
        "insert into cron.job (schedule, command, username) values ('* * * * *', 'select 1', 'supabase_admin')";
    assert_eq!(refusal(&client, forged).await, "42501");
}

#[tokio::test]
async fn an_owner_that_bypasses_row_security_passes_it_on() {
    let cluster = Cluster::fresh();
    let admin = cluster.connect("postgres", "supabase_admin").await;
    works(&admin, "create role app_owner login createrole bypassrls").await;
    works(&admin, "create database app owner app_owner").await;
    if value::<bool>(&admin, "select current_setting('server_version_num')::int < 160000").await {
        return;
    }
    let mut client = cluster.connect("app", "app_owner").await;
    let report = cluster.install(&mut client, Rights::Managed).await.unwrap_or_else(|error| panic!("{error}"));
    assert!(!report.notes.iter().any(|note| note.contains("service_role")), "{:?}", report.notes);
    assert!(value::<bool>(&client, "select rolbypassrls from pg_roles where rolname = 'service_role'").await);
}

#[tokio::test]
async fn a_supabase_database_is_adopted() {
    let cluster = managed().await;
    let mut client = cluster.connect("app", "app_owner").await;
    works(
        &client,
        "create schema auth; create table auth.schema_migrations (version text primary key);
         insert into auth.schema_migrations values ('20990101000000'), ('20230101000000');
         create table auth.users (id uuid primary key, mine text); insert into auth.users values (gen_random_uuid(), 'kept');
         create schema storage; create table storage.objects (id uuid);
         create table storage.migrations (id int, name text); insert into storage.migrations values (41, 'then')",
    )
    .await;
    let report = cluster.install(&mut client, Rights::Managed).await.unwrap_or_else(|error| panic!("{error}"));
    let notes = &report.notes;
    assert!(
        notes.contains(&"schema auth was there already (at 20990101000000) and is used as it is".to_owned()),
        "{notes:?}"
    );
    assert!(
        notes
            .iter()
            .any(|note| note.starts_with("schema storage was there already, at 41 then, which is older than 62")),
        "{notes:?}"
    );
    assert!(
        !report.applied.iter().any(|file| file.contains("auth") || file.contains("storage")),
        "{:?}",
        report.applied
    );
    assert_eq!(value::<String>(&client, "select mine from auth.users").await, "kept");
    assert!(
        value::<bool>(&client, "select to_regclass('realtime.messages') is not null").await,
        "what was missing is made"
    );
    let again = cluster.install(&mut client, Rights::Managed).await.expect("again");
    assert_eq!(again.applied, Vec::<&str>::new());
}

#[tokio::test]
async fn what_the_owner_of_a_supabase_database_changed_stays() {
    let cluster = managed().await;
    let admin = cluster.connect("postgres", "supabase_admin").await;
    works(
        &admin,
        "create role anon; create role authenticated; create role service_role bypassrls; create role supabase_auth_admin;
         create role authenticator login noinherit password 'theirs'; alter role anon set statement_timeout = '99s'",
    )
    .await;
    let before: String = value(&admin, "select rolpassword from pg_authid where rolname = 'authenticator'").await;
    let mut client = cluster.connect("app", "app_owner").await;
    works(&client, "create schema auth; create table auth.users (id uuid); create schema storage; create table storage.objects (id uuid)").await;
    let report = cluster.install(&mut client, Rights::Managed).await.unwrap_or_else(|error| panic!("{error}"));
    assert!(
        report.notes.iter().any(|note| note.starts_with("roles, grants and settings were there already")),
        "{:?}",
        report.notes
    );
    works(&client, "create table public.t (id int)").await;
    assert!(
        !value::<bool>(&client, "select has_table_privilege('anon', 'public.t', 'select')").await,
        "no default privilege was added"
    );
    assert_eq!(
        value::<String>(&admin, "select rolconfig::text from pg_roles where rolname = 'anon'").await,
        "{statement_timeout=99s}"
    );
    assert_eq!(
        value::<String>(&admin, "select rolpassword from pg_authid where rolname = 'authenticator'").await,
        before
    );
}
