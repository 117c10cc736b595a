//! The five blueprints, and their broken copies.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use testkit::Database;

use super::{findings, line};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn sql_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "sql"));
    files.sort();
    files
}

async fn migrated(blueprint: &str) -> Database {
    let database = testkit::database().await;
    let client = database.connect(&database.admin).await;
    let files =
        migrate::migrations(&root().join("blueprints").join(blueprint).join("supabase/migrations")).unwrap().files;
    let options = migrate::Options::development(migrate::RunAs::Postgres(database.postgres.clone()));
    migrate::up(&client, &files, &options, &|_| {}).await.unwrap();
    database
}

/// Faults that a linter cannot see: each is about what values mean, or what is no longer there.
const INVISIBLE: &[(&str, &str)] = &[
    ("course-market", "enrol_without_paying"),
    ("portfolio", "drafts_in_public"),
    ("portfolio", "script_links"),
    ("print-studio", "lost_update"),
    ("print-studio", "publish_others_images"),
    ("saas-starter", "audit_log_can_be_rewritten"),
    ("saas-starter", "details_in_the_clear"),
    ("saas-starter", "erasure_forgets_the_audit_log"),
    ("saas-starter", "status_of_everybody"),
];

async fn check(blueprint: &str) {
    let clean = migrated(blueprint).await;
    let found = findings(&clean).await;
    let shown: Vec<_> =
        found.iter().filter(|f| f.rule.name != "unused_index").map(|f| format!("{}: {}", line(f), f.detail)).collect();
    assert!(shown.is_empty(), "{blueprint}: {shown:#?}");
    let before: BTreeSet<_> = found.iter().map(|f| f.cache_key.clone()).collect();
    let mut unseen = Vec::new();
    for fault in sql_files(&root().join("tests/blueprints/faults").join(blueprint)) {
        let database = migrated(blueprint).await;
        let sql = std::fs::read_to_string(&fault).unwrap();
        database.run(&format!("set role postgres; {sql}")).await;
        let new: Vec<_> = findings(&database)
            .await
            .into_iter()
            .filter(|f| !before.contains(&f.cache_key))
            .map(|f| line(&f))
            .collect();
        let name = fault.file_stem().unwrap().to_str().unwrap().to_owned();
        if INVISIBLE.contains(&(blueprint, &name)) == new.is_empty() {
            continue;
        }
        unseen.push(format!("{name}: {new:?}"));
    }
    assert!(unseen.is_empty(), "{blueprint}: not as INVISIBLE says: {unseen:#?}");
}

#[tokio::test]
async fn course_market() {
    check("course-market").await;
}

#[tokio::test]
async fn portfolio() {
    check("portfolio").await;
}

#[tokio::test]
async fn print_studio() {
    check("print-studio").await;
}

#[tokio::test]
async fn product_planner() {
    check("product-planner").await;
}

#[tokio::test]
async fn saas_starter() {
    check("saas-starter").await;
}
