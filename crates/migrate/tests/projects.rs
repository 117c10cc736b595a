//! The folders of `tests/projects` through the runner itself: roles.sql, migrations, seeds, as `basalt start` runs them.

use std::path::{Path, PathBuf};

use migrate::{Options, RunAs, migrations, roles, seed, up};
use tokio_postgres::NoTls;

async fn start(project: &str, seeds: &[&str], proof: &str, answer: &str) {
    let supabase = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/projects").join(project).join("supabase");
    let database = testkit::database().await;
    let (client, connection) = database.admin.to_config().connect(NoTls).await.expect("the database answers");
    tokio::spawn(connection);
    let run_as = RunAs::postgres(&database.admin);
    let failed = |what: &str, error: migrate::Error| panic!("{project}: {what}: {error}");
    if let Err(error) = roles(&client, &supabase, &run_as).await {
        failed("roles.sql", error);
    }
    let files = migrations(&supabase.join("migrations")).unwrap_or_else(|error| panic!("{project}: {error}"));
    if let Err(error) = up(&client, &files.files, &Options::development(run_as.clone()), &|_| {}).await {
        failed("migrations", error);
    }
    let patterns: Vec<String> = seeds.iter().map(|seed| supabase.join(seed).to_string_lossy().into_owned()).collect();
    let root: PathBuf = supabase.parent().expect("a project").to_owned();
    if let Err(error) = seed(&client, &root, &patterns, &run_as, &|_| {}).await {
        failed("seeds", error);
    }
    let row = client.query_one(&format!("select ({proof})::text"), &[]).await.expect(proof);
    assert_eq!(row.get::<_, String>(0), answer, "{project}: {proof}");
}

#[tokio::test]
async fn clinic_booking() {
    start("clinic-booking", &["seed.sql"], "select count(*) from public.appointments", "3").await;
}

#[tokio::test]
async fn recipe_share() {
    start(
        "recipe-share",
        &["seed.sql"],
        "select bio from public.profiles where username = 'nora'",
        "Bakes\tand\nwrites; \"quoted\", back\\slash",
    )
    .await;
}

#[tokio::test]
async fn team_chat() {
    start("team-chat", &["seed.sql"], "select count(*) from public.messages", "2").await;
}

#[tokio::test]
async fn sensor_hub() {
    start("sensor-hub", &["seeds/*.sql"], "select count(*) from public.readings", "3").await;
}

#[tokio::test]
async fn shop_platform() {
    start("shop-platform", &["seed.sql"], "select total_cents from public.orders", "2952").await;
}

#[tokio::test]
async fn task_tracker() {
    start("task-tracker", &["seeds/*.sql"], "select count(*) from public.tasks", "2").await;
}

#[tokio::test]
async fn club_portal() {
    start(
        "club-portal",
        &["seed.sql"],
        "select relrowsecurity and (select evtenabled = 'O' from pg_event_trigger where evtname = 'ensure_rls') \
           and has_table_privilege('authenticated', 'members', 'select') and not has_table_privilege('anon', 'members', 'select') \
           and (select rolbypassrls from pg_roles where rolname = 'club_exporter') \
           and (select count(*) = 1 from public.members) \
         from pg_class where oid = 'public.fees'::regclass",
        "true",
    )
    .await;
}
