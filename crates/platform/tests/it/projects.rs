//! The folders of `tests/projects`, applied with psql as `postgres`: what a hosted project takes, the platform takes.
//! (That `basalt start` takes them, with its own runner, is tested where the binary is.)

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cluster::{Cluster, Database, value};

/// Files with statements that PostgreSQL gives to superusers only; Basalt's runner elevates them.
const ELEVATED: &[&str] = &["20240611101500_ddl_log.sql"];

fn folder(project: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/projects").join(project).join("supabase")
}

fn sql_files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    files.sort();
    files
}

/// roles.sql, migrations in order, seeds: each file in one transaction where its statements allow that.
async fn start(project: &str) -> Database {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let dir = folder(project);
    let mut files: Vec<PathBuf> = [dir.join("roles.sql")].into_iter().filter(|path| path.exists()).collect();
    files.extend(sql_files(&dir.join("migrations")));
    files.extend([dir.join("seed.sql")].into_iter().filter(|path| path.exists()));
    files.extend(sql_files(&dir.join("seeds")));
    assert!(files.len() > 2, "{project} has files");
    for file in files {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).expect("readable");
        let mut psql: Command = cluster.program("psql", &database.name);
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1"]);
        if !ELEVATED.contains(&name.as_str()) {
            psql.args(["-U", "postgres"]);
        }
        let lower = text.to_lowercase();
        if !(lower.contains("concurrently if") || lower.contains("\ncommit;")) {
            psql.arg("-1");
        }
        let output = psql.arg("-f").arg(&file).output().expect("psql runs");
        assert!(output.status.success(), "{project}/{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
    database
}

async fn answers(database: &Database, questions: &[(&str, &str)]) {
    let client = Cluster::get().connect(&database.name, "postgres").await;
    for (question, answer) in questions {
        assert_eq!(
            value::<Option<String>>(&client, &format!("select ({question})::text")).await.as_deref(),
            Some(*answer),
            "{question}"
        );
    }
}

#[tokio::test]
async fn clinic_booking() {
    let database = start("clinic-booking").await;
    answers(
        &database,
        &[
            ("select count(*) from public.profiles", "4"),
            ("select count(*) from public.appointments", "3"),
            ("select string_agg(jobname, ',' order by jobid) from cron.job", "send-reminders,cancel-stale"),
            (
                "select decrypted_secret from vault.decrypted_secrets where name = 'project_url'",
                "http://127.0.0.1:54321",
            ),
            ("select confirmation_token is null from auth.users where email = 'doctor@example.com'", "true"),
            ("select bool_and(encrypted_password = crypt('password123', encrypted_password)) from auth.users", "true"),
        ],
    )
    .await;
    let client = Cluster::get().connect(&database.name, "postgres").await;
    client.batch_execute("select public.send_reminders()").await.expect("reminders");
    answers(
        &database,
        &[(
            "select string_agg(distinct url, ',') from net.http_request_queue",
            "http://127.0.0.1:54321/functions/v1/send-reminder",
        )],
    )
    .await;
}

#[tokio::test]
async fn recipe_share() {
    let database = start("recipe-share").await;
    answers(
        &database,
        &[
            ("select string_agg(username, ',' order by username) from public.profiles", "nora,omar"),
            ("select bio from public.profiles where username = 'nora'", "Bakes\tand\nwrites; \"quoted\", back\\slash"),
            ("select likes from public.popular_recipes limit 1", "1"),
            ("select tablename from pg_publication_tables where pubname = 'supabase_realtime'", "likes"),
            ("select count(*) from pg_policies where schemaname = 'storage'", "3"),
            ("select nextval('public.likes_id_seq')", "2"),
        ],
    )
    .await;
}

#[tokio::test]
async fn team_chat() {
    let database = start("team-chat").await;
    answers(
        &database,
        &[
            ("select count(*) from public.messages", "2"),
            ("select role from public.user_roles", "admin"),
            ("select count(*) from realtime.messages where topic like 'channel:%' and event = 'INSERT'", "2"),
            ("select string_agg(tablename, ',' order by tablename) from pg_publication_tables where pubname = 'supabase_realtime'", "channels,users"),
            ("select public.custom_access_token_hook(jsonb_build_object('user_id', user_id, 'claims', '{}'::jsonb)) -> 'claims' ->> 'user_role' from public.user_roles", "admin"),
        ],
    )
    .await;
}

#[tokio::test]
async fn sensor_hub() {
    let database = start("sensor-hub").await;
    answers(
        &database,
        &[
            ("select count(*) from readings", "3"),
            ("select count(*) from hourly", "3"),
            ("select count(*) from cron.job", "4"),
            ("select count(*) from cron.job where active", "3"),
            ("select message ->> 'stored' from pgmq.read('alarms', 0, 1)", "1"),
            ("select drain_alarms()", "1"),
            ("select count(*) from pgmq.a_alarms", "1"),
            ("select count(*) from supabase_functions.hooks where hook_name = 'device_seen'", "2"),
            ("select indisvalid from pg_index where indexrelid = 'readings_2025_by_time'::regclass", "true"),
        ],
    )
    .await;
}

#[tokio::test]
async fn shop_platform() {
    let database = start("shop-platform").await;
    answers(
        &database,
        &[
            ("select total_cents from public.orders", "2952"),
            ("select search from public.products limit 1", "gruner tee no. 1"),
            ("select (storefront.order_by_link(storefront.order_link(id))).state from public.orders", "paid"),
            ("select count(*) > 0 from audit.ddl_log", "true"),
            ("select puballtables from pg_publication where pubname = 'warehouse'", "true"),
            ("select has_table_privilege('shop_reader', 'public.orders', 'select')", "true"),
            ("select has_table_privilege('anon', 'public.orders', 'select')", "false"),
            ("select has_function_privilege('anon', 'public.price_of(public.line[], text[])', 'execute')", "true"),
        ],
    )
    .await;
}

#[tokio::test]
async fn task_tracker() {
    let database = start("task-tracker").await;
    answers(
        &database,
        &[
            ("select count(*) from public.tasks", "2"),
            ("select name from public.projects", "Inbox"),
            ("select net.http_get('https://example.com') > 0", "true"),
        ],
    )
    .await;
}

/// A declarative folder is applied as it is to an empty project, too.
#[tokio::test]
async fn the_declared_schemas_of_task_tracker_stand_alone() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    for file in sql_files(&folder("task-tracker").join("schemas")) {
        let mut psql = cluster.program("psql", &database.name);
        let output =
            psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-f"]).arg(&file).output().expect("psql");
        assert!(output.status.success(), "{}: {}", file.display(), String::from_utf8_lossy(&output.stderr));
    }
}
