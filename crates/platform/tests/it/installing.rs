use platform::{Error, Rights};

use crate::cluster::{Cluster, refusal, value, works};

#[tokio::test]
async fn a_second_run_finds_nothing_to_do() {
    let cluster = Cluster::get();
    let database = cluster.database_from_scratch().await;
    assert!(database.report.applied.contains(&"0010_auth_tables.sql"));
    assert_eq!(database.report.notes, Vec::<String>::new());
    let mut client = cluster.connect(&database.name, "supabase_admin").await;
    let before: i64 = value(&client, "select count(*) from pg_class").await;
    let again = cluster.install(&mut client, Rights::Superuser).await.expect("again");
    assert_eq!(again, platform::Report::default());
    assert_eq!(before, value::<i64>(&client, "select count(*) from pg_class").await);
}

#[tokio::test]
async fn two_at_once_do_not_trip_over_each_other() {
    let cluster = Cluster::get();
    let name = cluster.empty_database().await;
    let mut one = cluster.connect(&name, "supabase_admin").await;
    let mut two = cluster.connect(&name, "supabase_admin").await;
    let (first, second) =
        tokio::join!(cluster.install(&mut one, Rights::Superuser), cluster.install(&mut two, Rights::Superuser));
    let applied = [first.expect("one").applied.len(), second.expect("two").applied.len()];
    assert!(applied.contains(&0), "one of them did all, the other nothing: {applied:?}");
}

#[tokio::test]
async fn a_plain_role_is_refused_before_anything_is_touched() {
    let cluster = Cluster::get();
    cluster.database_from_scratch().await;
    let name = cluster.empty_database().await;
    let mut client = cluster.connect(&name, "postgres").await;
    let error = cluster.install(&mut client, Rights::Superuser).await.expect_err("no superuser");
    assert!(matches!(&error, Error::NotSuperuser { role } if role == "postgres"), "{error}");
    assert!(value::<bool>(&client, "select to_regnamespace('_basalt') is null").await);
}

#[tokio::test]
async fn an_edited_file_and_a_newer_database_are_named() {
    let cluster = Cluster::get();
    let database = cluster.database_from_scratch().await;
    let mut client = cluster.connect(&database.name, "supabase_admin").await;
    works(&client, "update _basalt.platform_migrations set checksum = 'x' where name = '0002_schemas.sql'").await;
    let error = cluster.install(&mut client, Rights::Superuser).await.expect_err("edited");
    assert!(error.to_string().starts_with("0002_schemas.sql differs"), "{error}");
    works(&client, "insert into _basalt.platform_migrations values ('0001_a_future.sql', 'x')").await;
    let error = cluster.install(&mut client, Rights::Superuser).await.expect_err("newer");
    assert!(error.to_string().contains("newer Basalt (it has 0001_a_future.sql)"), "{error}");
}

#[tokio::test]
async fn the_passwords_of_postgres_and_authenticator_are_set_and_the_settings_published() {
    let cluster = Cluster::get();
    let database = cluster.database_from_scratch().await;
    let client = cluster.connect(&database.name, "authenticator").await;
    assert_eq!(value::<String>(&client, "select current_setting('app.settings.jwt_exp')").await, "3600");
    let admin = cluster.connect(&database.name, "supabase_admin").await;
    let scram: i64 = value(
        &admin,
        "select count(*) from pg_authid where rolname in ('postgres', 'authenticator') and rolpassword like 'SCRAM-SHA-256$%'",
    )
    .await;
    assert_eq!(scram, 2);
    assert_eq!(refusal(&client, "select rolpassword from pg_authid").await, "42501");
}

#[tokio::test]
async fn a_projects_event_trigger_does_not_stop_an_upgrade() {
    let cluster = Cluster::get();
    let database = cluster.database_from_scratch().await;
    let mut client = cluster.connect(&database.name, "supabase_admin").await;
    works(
        &client,
        "create function public.broken() returns event_trigger language plpgsql as $$ begin raise 'broken'; end $$;
         create event trigger broken on ddl_command_end execute function public.broken()",
    )
    .await;
    // As if the last file were new in this build.
    works(&client, "delete from _basalt.platform_migrations where name = '0060_event_triggers.sql'").await;
    let report = cluster.install(&mut client, Rights::Superuser).await.expect("the upgrade");
    assert_eq!(report.applied, ["0060_event_triggers.sql"]);
}
