//! Real schemas: every table of every blueprint gets rows, and nothing is refused.

use std::path::Path;

use access::rows::{Plan, Rows};

use super::{fill, reasons};

async fn with_migrations(blueprint: &str) -> testkit::Database {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../blueprints").join(blueprint).join("supabase/migrations");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let database = testkit::database().await;
    let client = database.connect(&database.postgres).await;
    for file in files {
        let sql = std::fs::read_to_string(&file).unwrap();
        if let Err(error) = client.batch_execute(&sql).await {
            panic!("{}: {}", file.display(), pg::Error::from(error));
        }
    }
    database
}

async fn check(blueprint: &str) {
    let database = with_migrations(blueprint).await;
    let filled = fill(&database, 1, &Plan::new(Rows::Total(3000))).await;
    let lacks = |table: &&access::rows::FilledTable| table.rows == 0 && table.full.is_none();
    let empty: Vec<_> = filled.tables.iter().filter(lacks).map(ToString::to_string).collect();
    assert!(empty.is_empty(), "{blueprint}: {empty:#?}");
    assert_eq!(reasons(&filled), Vec::<String>::new(), "{blueprint}");
    assert!(filled.rows() >= 2900, "{blueprint}: {} rows", filled.rows());
}

#[tokio::test]
async fn course_market_is_filled() {
    check("course-market").await;
}

#[tokio::test]
async fn saas_starter_is_filled() {
    check("saas-starter").await;
}

#[tokio::test]
async fn product_planner_is_filled() {
    check("product-planner").await;
}

#[tokio::test]
async fn portfolio_is_filled() {
    check("portfolio").await;
}

#[tokio::test]
async fn print_studio_is_filled() {
    check("print-studio").await;
}
