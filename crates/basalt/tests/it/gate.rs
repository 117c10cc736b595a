//! Broken copies of the blueprints, with the faults that their documents contain: the gate refuses them and shows each fault.

use crate::world::{Folder, free_port, root, run, stderr};

/// A copy of a blueprint with a further migration that puts the faults in.
fn broken(blueprint: &str, faults: &[&str]) -> Folder {
    let folder = Folder::copy_of(&root().join("blueprints").join(blueprint));
    let config = std::fs::read_to_string(folder.0.join("supabase/config.toml")).unwrap();
    folder.write("supabase/config.toml", &config.replace("port = 54322", &format!("port = {}", free_port())));
    let at = root().join("tests/blueprints/faults").join(blueprint);
    let read = |fault: &&str| std::fs::read_to_string(at.join(fault).with_extension("sql")).unwrap();
    let sql: Vec<String> = faults.iter().map(read).collect();
    if !sql.is_empty() {
        folder.write("supabase/migrations/99990101000000_faults.sql", &sql.join(";\n"));
    }
    folder
}

/// The gate refuses, nothing is applied, and what it says has all of `shown`: a counterexample for each fault.
fn refuses(blueprint: &str, faults: &[&str], shown: &[&str]) {
    let folder = broken(blueprint, faults);
    let output = run(&["migration", "up", "--strict"], &folder.0);
    let said = stderr(&output);
    assert!(!output.status.success() && output.stdout.is_empty(), "{blueprint} with {faults:?} was applied");
    assert!(said.contains("refused: ") && said.contains("nothing was applied"), "{said}");
    let missing: Vec<&&str> = shown.iter().filter(|text| !said.contains(**text)).collect();
    assert!(missing.is_empty(), "{blueprint}: {missing:?} is not shown in:\n{said}");
}

#[test]
fn a_blueprint_as_it_is_passes() {
    let folder = broken("portfolio", &[]);
    let output = run(&["migration", "up", "--strict"], &folder.0);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("Applied "));
}

#[test]
fn print_studio_with_the_faults_of_its_document() {
    refuses(
        "print-studio",
        &[
            "anybody_writes_the_ledger",
            "everybody_gives_credits",
            "user_sets_credits_and_admin_flag",
            "views_run_as_owner",
        ],
        &[
            "insert on table public.credit_transactions",
            "execute on function public.add_user_credits",
            "update of column is_admin on table public.profiles",
            "update of column credits_remaining on table public.profiles",
            "select on view public.user_analytics",
        ],
    );
    refuses("print-studio", &["admin_policy_recurses"], &["infinite recursion", "public.profiles"]);
    refuses("print-studio", &["lost_update"], &["and the balance was locked before it was read"]);
}

#[test]
fn course_market_with_the_faults_of_its_document() {
    refuses(
        "course-market",
        &["addresses_in_public", "role_by_own_row", "row_level_security_off", "students_grade_themselves"],
        &[
            "select on table public.profile_contacts",
            "update of column role on table public.profiles",
            "on table public.messages",
            "update of column points on table public.submissions",
        ],
    );
    refuses("course-market", &["policies_recurse"], &["infinite recursion"]);
}

#[test]
fn saas_starter_with_the_faults_of_its_document() {
    refuses(
        "saas-starter",
        &["role_by_own_row", "subscribes_himself", "views_run_as_owner"],
        &[
            "update of column role on table public.users",
            "insert on table public.user_subscriptions",
            "on view public.test_table_with_users",
        ],
    );
}

#[test]
fn product_planner_with_the_faults_of_its_document() {
    refuses(
        "product-planner",
        &["errors_of_anybody", "notes_in_anothers_name", "staff_by_own_row"],
        &[
            "insert on table public.error_logs",
            "insert on table public.notes",
            "update of column email on table public.users",
        ],
    );
}

#[test]
fn portfolio_with_the_faults_of_its_document() {
    refuses(
        "portfolio",
        &["addresses_in_public", "drafts_in_public", "stars_by_hand", "tier_by_own_row"],
        &[
            "select of column email on table public.users",
            "select on table public.projects",
            "insert on table public.social_metrics",
            "on table public.users",
        ],
    );
}
