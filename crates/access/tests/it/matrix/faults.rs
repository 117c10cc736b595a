//! Each fault of `tests/blueprints/faults` that concerns rights is found, and its counterexample shows it.

use access::Schema;
use access::matrix::{self, Difference, Verdict};
use access::spec::Operation;
use pg::tokio_postgres::SimpleQueryMessage;
use testkit::Database;

use super::{folder, migrated, options, schema, spec, told};

/// A fault, and what it opens: object, identity, operation, column.
struct Fault(&'static str, Verdict, &'static str, &'static str, Operation, Option<&'static str>);

use Operation::{Execute, Insert, Select, Update};
use Verdict::{Broken, Leak};

async fn check(blueprint: &str, faults: &[Fault]) {
    let sound = migrated(blueprint).await;
    let spec = spec(blueprint);
    let before = schema(&sound).await;
    let prepared = matrix::prepare(&sound.admin, &before, Some(&spec), &options(&sound)).await.unwrap();
    for Fault(name, verdict, object, identity, operation, column) in faults {
        let broken = copy(&sound, name).await;
        let file = folder(blueprint).join("../../tests/blueprints/faults").join(blueprint).join(format!("{name}.sql"));
        if let Ok(fixtures) = std::fs::read_to_string(fixtures(blueprint)) {
            broken.run(&fixtures).await;
        }
        broken.run(&std::fs::read_to_string(file).unwrap()).await;
        let now = Schema::read(&broken.connect(&broken.admin).await).await.unwrap();
        let report = matrix::probe(&broken.admin, &now, &prepared, None).await.unwrap();
        let found = report.differences.iter().find(|difference| {
            difference.verdict == *verdict
                && difference.object == *object
                && difference.identity == *identity
                && difference.operation == *operation
                && column.is_none_or(|column| difference.column.as_deref() == Some(column))
        });
        let found = found.unwrap_or_else(|| panic!("{blueprint}, {name} is not found:\n{}", told(&report)));
        assert!(!found.because.is_empty(), "{name}: {found:#?}");
        shows(&broken, name, found).await;
    }
}

/// Rows that make a fault show itself whatever rows were made up.
fn fixtures(blueprint: &str) -> std::path::PathBuf {
    folder(blueprint).join("../../tests/blueprints/fixtures").join(blueprint).with_extension("sql")
}

/// A copy that nobody else works on.
async fn copy(of: &Database, name: &str) -> Database {
    let database = format!("{}_{name}", of.admin.database);
    let client = of.admin.with_database("postgres").connect().await.unwrap();
    let template = pg::ident(&of.admin.database);
    let create = format!("create database {} template {template} strategy file_copy", pg::ident(&database));
    // The connections of the preparation end a moment after they are dropped.
    for patience in (0..600).rev() {
        match client.batch_execute(&create).await {
            Ok(()) => break,
            Err(error) => assert!(patience > 0, "{}", pg::Error::from(error)),
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Database {
        admin: of.admin.with_database(&database),
        postgres: of.postgres.with_database(&database),
        authenticator: of.authenticator.with_database(&database),
    }
}

/// The SQL is run as it stands: it touches a row, or calls the function, or fails as it says.
async fn shows(database: &Database, name: &str, difference: &Difference) {
    let example = difference.counterexample.as_ref().unwrap();
    assert!(example.curl.contains("/rest/v1/") && example.js.contains("supabase"), "{name}: {example:?}");
    let client = database.connect(&database.authenticator).await;
    let answer = client.simple_query(&example.sql).await;
    match difference.verdict {
        Broken => {
            let error = pg::Error::from(answer.expect_err(name));
            assert!(difference.seen.contains(error.code().unwrap()), "{name}: {error}");
        }
        _ if difference.operation == Execute => {
            // A call with nothing in it may fail for that; what must not come is a refusal of the call.
            let refused = answer.err().map(|error| pg::Error::from(error).to_string());
            assert!(!refused.is_some_and(|text| text.contains("permission denied for function")), "{name}");
        }
        _ => {
            let touched =
                |message: &SimpleQueryMessage| matches!(message, SimpleQueryMessage::CommandComplete(n) if *n > 0);
            let messages = answer.unwrap_or_else(|error| panic!("{name}: {}\n{}", pg::Error::from(error), example.sql));
            // The first row is the one of set_config.
            assert!(
                messages.iter().filter(|message| touched(message)).count() >= 2,
                "{name}: nothing is touched by\n{}",
                example.sql
            );
        }
    }
}

#[tokio::test]
async fn course_market() {
    check(
        "course-market",
        &[
            Fault("addresses_in_public", Leak, "public.profile_contacts", "anon", Select, None),
            Fault("enrol_without_paying", Leak, "public.enrollments", "user", Insert, None),
            Fault("meeting_links_for_everybody", Leak, "public.session_links", "user", Select, None),
            Fault("policies_recurse", Broken, "public.courses", "user", Select, None),
            Fault("role_by_own_row", Leak, "public.profiles", "user", Update, Some("role")),
            Fault("row_level_security_off", Leak, "public.messages", "user", Select, None),
            Fault("students_grade_themselves", Leak, "public.submissions", "student", Update, Some("points")),
        ],
    )
    .await;
}

#[tokio::test]
async fn portfolio() {
    check(
        "portfolio",
        &[
            Fault("addresses_in_public", Leak, "public.users", "anon", Select, Some("email")),
            Fault("drafts_in_public", Leak, "public.projects", "anon", Select, None),
            Fault("stars_by_hand", Leak, "public.social_metrics", "user", Insert, None),
            Fault("tier_by_own_row", Leak, "public.users", "user", Update, None),
        ],
    )
    .await;
}

#[tokio::test]
async fn print_studio() {
    check(
        "print-studio",
        &[
            Fault("admin_policy_recurses", Broken, "public.profiles", "user", Select, None),
            Fault("anybody_writes_the_ledger", Leak, "public.credit_transactions", "user", Insert, None),
            Fault("everybody_gives_credits", Leak, "public.add_user_credits", "anon", Execute, None),
            Fault("publish_others_images", Leak, "public.image_collection_items", "user", Insert, None),
            Fault("user_sets_credits_and_admin_flag", Leak, "public.profiles", "user", Update, Some("is_admin")),
            Fault("views_run_as_owner", Leak, "public.user_analytics", "user", Select, None),
        ],
    )
    .await;
}

#[tokio::test]
async fn product_planner() {
    check(
        "product-planner",
        &[
            Fault("errors_of_anybody", Leak, "public.error_logs", "user", Insert, None),
            Fault("notes_in_anothers_name", Leak, "public.notes", "user", Insert, None),
            Fault("staff_by_own_row", Leak, "public.users", "user", Update, Some("email")),
            Fault("staff_without_confirmation", Leak, "public.subscription_plans", "unconfirmed", Select, None),
        ],
    )
    .await;
}

#[tokio::test]
async fn saas_starter() {
    check(
        "saas-starter",
        &[
            Fault("role_by_own_row", Leak, "public.users", "user", Update, Some("role")),
            Fault("status_of_everybody", Leak, "public.subscription_status", "admin", Select, None),
            Fault("subscribes_himself", Leak, "public.user_subscriptions", "user", Insert, None),
            Fault("views_run_as_owner", Leak, "public.test_table_with_users", "user", Select, None),
        ],
    )
    .await;
}
