//! Each blueprint is what its file says.

use access::matrix;

use super::{migrated, options, schema, spec, told};

async fn check(blueprint: &str) {
    let database = migrated(blueprint).await;
    let (schema, spec) = (schema(&database).await, spec(blueprint));
    assert_eq!(spec.check(&schema), Ok(()));
    let report = matrix::run(&database.admin, &schema, Some(&spec), &options(&database)).await.unwrap();
    assert!(report.agrees(), "{blueprint}:\n{}", told(&report));
}

#[tokio::test]
async fn course_market() {
    check("course-market").await;
}

#[tokio::test]
async fn saas_starter() {
    check("saas-starter").await;
}

#[tokio::test]
async fn product_planner() {
    check("product-planner").await;
}

#[tokio::test]
async fn portfolio() {
    check("portfolio").await;
}

#[tokio::test]
async fn print_studio() {
    check("print-studio").await;
}
