//! Broken copies of the blueprints, with the faults that their documents contain: the gate refuses them and shows each fault.

use std::process::Output;

use crate::world::{Folder, World, free_port, root, run, stderr};

/// A copy of a blueprint.
fn copy(blueprint: &str) -> Folder {
    let folder = Folder::copy_of(&root().join("blueprints").join(blueprint));
    let config = std::fs::read_to_string(folder.0.join("supabase/config.toml")).unwrap();
    folder.write("supabase/config.toml", &config.replace("port = 54322", &format!("port = {}", free_port())));
    folder
}

/// Each time a further migration puts some faults in, the gate refuses, nothing is applied, and all of what is to be shown is shown: a
/// counterexample for each fault.
fn refuses(blueprint: &str, attempts: &[(&[&str], &[&str])]) {
    let folder = copy(blueprint);
    let at = root().join("tests/blueprints/faults").join(blueprint);
    let fixtures = root().join("tests/blueprints/fixtures").join(blueprint).with_extension("sql");
    if let Ok(fixtures) = std::fs::read_to_string(fixtures) {
        folder.write("supabase/tests/fixtures.sql", &fixtures);
    }
    let all = std::fs::read_dir(&at).unwrap().count();
    for (faults, shown) in attempts {
        let read = |fault: &&str| std::fs::read_to_string(at.join(fault).with_extension("sql")).unwrap();
        let sql: Vec<String> = faults.iter().map(read).collect();
        // The same file again: it was not applied.
        folder.write("supabase/migrations/99990101000000_faults.sql", &sql.join(";\n"));
        let output = run(&["migration", "up", "--strict"], &folder.0);
        let said = stderr(&output);
        assert!(!output.status.success() && output.stdout.is_empty(), "{blueprint} with {faults:?} was applied");
        assert!(said.contains("refused: ") && said.contains("nothing was applied"), "{said}");
        let missing: Vec<&&str> = shown.iter().filter(|text| !said.contains(**text)).collect();
        assert!(missing.is_empty(), "{blueprint}: {missing:?} is not shown in:\n{said}");
    }
    let tried = attempts.iter().map(|(faults, _)| faults.len()).sum::<usize>();
    assert_eq!(tried, all, "{blueprint}: not every fault is tried");
}

#[test]
fn a_blueprint_as_it_is_passes() {
    let folder = copy("portfolio");
    let output = run(&["migration", "up", "--strict"], &folder.0);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("Applied "));
}

#[test]
fn print_studio_with_the_faults_of_its_document() {
    refuses(
        "print-studio",
        &[
            (
                &[
                    "anybody_writes_the_ledger",
                    "everybody_gives_credits",
                    "publish_others_images",
                    "user_sets_credits_and_admin_flag",
                    "views_run_as_owner",
                ],
                &[
                    "insert on table public.credit_transactions",
                    "execute on function public.add_user_credits",
                    "insert on table public.image_collection_items",
                    "update of column is_admin on table public.profiles",
                    "update of column credits_remaining on table public.profiles",
                    "select on view public.user_analytics",
                ],
            ),
            (&["admin_policy_recurses"], &["infinite recursion", "public.profiles"]),
            (&["lost_update"], &["and the balance was locked before it was read"]),
        ],
    );
}

#[test]
fn course_market_with_the_faults_of_its_document() {
    refuses(
        "course-market",
        &[
            (
                &[
                    "addresses_in_public",
                    "enrol_without_paying",
                    "meeting_links_for_everybody",
                    "role_by_own_row",
                    "row_level_security_off",
                    "students_grade_themselves",
                ],
                &[
                    "select on table public.profile_contacts",
                    "insert on table public.enrollments",
                    "select on table public.session_links",
                    "update of column role on table public.profiles",
                    "on table public.messages",
                    "leak: user, student, instructor: update of column points on table public.submissions",
                ],
            ),
            (&["policies_recurse"], &["infinite recursion"]),
            (&["role_by_sign_up"], &["a sign-up that asks for admin becomes a student"]),
        ],
    );
}

#[test]
fn saas_starter_with_the_faults_of_its_document() {
    refuses(
        "saas-starter",
        &[
            (
                &["role_by_own_row", "status_of_everybody", "subscribes_himself", "views_run_as_owner"],
                &[
                    "update of column role on table public.users",
                    "select on view public.subscription_status",
                    "insert on table public.user_subscriptions",
                    "on view public.test_table_with_users",
                ],
            ),
            (
                &["audit_log_can_be_rewritten", "details_in_the_clear", "erasure_forgets_the_audit_log"],
                &[
                    "not even the owner rewrites the audit log",
                    "the table holds ciphertext",
                    "nothing of the one is left",
                ],
            ),
        ],
    );
}

#[test]
fn product_planner_with_the_faults_of_its_document() {
    refuses(
        "product-planner",
        &[
            (
                &["errors_of_anybody", "notes_in_anothers_name", "staff_by_own_row"],
                &[
                    "insert on table public.error_logs",
                    "insert on table public.notes",
                    "update of column email on table public.users",
                ],
            ),
            (&["staff_without_confirmation"], &["unconfirmed: "]),
            (&["flows_across_products"], &["a connection across products is refused"]),
        ],
    );
}

#[test]
fn portfolio_with_the_faults_of_its_document() {
    refuses(
        "portfolio",
        &[
            (
                &["addresses_in_public", "drafts_in_public", "stars_by_hand", "tier_by_own_row"],
                &[
                    "select of column email on table public.users",
                    "select on table public.projects",
                    "insert on table public.social_metrics",
                    "update of column tier on table public.users",
                ],
            ),
            (&["script_links"], &["a link is no script"]),
        ],
    );
}

/// A project of one table, open to all who are signed in, whose database gets a port of its own.
fn small() -> Folder {
    let folder = Folder::with_migrations(&[(
        "20260101000000_notes.sql",
        "create table notes (id int primary key, body text); alter table notes enable row level security;\n\
         create policy all_of_them on notes for select to authenticated using (true);",
    )]);
    folder.write("supabase/config.toml", &format!("project_id = \"it\"\n[db]\nport = {}\n", free_port()));
    folder
}

fn strict(folder: &Folder) -> Output {
    run(&["migration", "up", "--strict"], &folder.0)
}

fn refused(output: &Output) -> String {
    let said = stderr(output);
    assert!(!output.status.success() && output.stdout.is_empty(), "it was applied: {said}");
    assert!(said.contains("refused") && said.contains("nothing was applied"), "{said}");
    said
}

#[test]
fn strict_without_a_usable_access_toml_applies_nothing() {
    let folder = small();
    let file = folder.0.join("access.toml");
    let said = refused(&strict(&folder));
    assert!(said.contains("there is none in") && said.contains("basalt db test --update"), "{said}");

    folder.write("Access.toml", "version = 1\n");
    assert!(refused(&strict(&folder)).contains("Access.toml is not it"));
    std::fs::remove_file(folder.0.join("Access.toml")).unwrap();

    std::os::unix::fs::symlink("/nonexistent", &file).unwrap();
    assert!(refused(&strict(&folder)).contains("cannot read"));
    std::fs::remove_file(&file).unwrap();

    std::fs::create_dir(&file).unwrap();
    assert!(refused(&strict(&folder)).contains("cannot read"));
    std::fs::remove_dir(&file).unwrap();

    nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(refused(&strict(&folder)).contains("cannot read"));
    std::fs::remove_file(&file).unwrap();

    std::fs::write(&file, b"version = 1\n# \xff\n").unwrap();
    assert!(refused(&strict(&folder)).contains("cannot read"));
}

#[test]
fn without_access_toml_the_tests_are_run_outside_of_development_and_it_is_said_each_time() {
    let database = World::start_in(Folder::with_migrations(&[]), &[]);
    let url = format!("postgresql://postgres:postgres@127.0.0.1:{}/postgres", database.db_port);
    let folder = small();
    let push = || run(&["db", "push", "--db-url", &url], &folder.0);
    let test = |holds: bool| format!("begin; select plan(1); select ok({holds}); select * from finish(); rollback;");
    folder.write("supabase/tests/a.test.sql", &test(false));
    for _ in 0..2 {
        let said = refused(&push());
        assert!(said.contains("NOT CHECKED: there is no access.toml"), "{said}");
        assert!(said.contains("Failed 1/1 subtests"), "{said}");
    }
    folder.write("supabase/tests/a.test.sql", &test(true));
    let output = push();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(database.sql("select count(*) from notes").unwrap(), [[Some("0".to_owned())]]);
}

#[test]
fn a_dry_run_says_what_the_gate_says() {
    let folder = small();
    let try_it = || run(&["db", "push", "--dry-run", "--strict"], &folder.0);
    folder.write("access.toml", "version = 1\n");
    assert!(refused(&try_it()).contains("leak: user: select on table public.notes"));
    folder.write(
        "access.toml",
        "version = 1\n[tables.\"public.notes\"]\nuser = { select = \"all\" }\n\
        service = { select = \"all\", insert = \"all\", update = \"all\", delete = \"all\" }\n",
    );
    let output = try_it();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "Would apply 20260101000000_notes.sql\n");
}

#[test]
fn what_could_not_be_tried_is_told() {
    let folder = small();
    folder.write(
        "supabase/migrations/20260102000000_odd.sql",
        "create table odd (id int primary key); alter table odd enable row level security;\n\
         create function no() returns trigger language plpgsql as $$ begin raise 'no rows here'; end $$;\n\
         create trigger no before insert on odd for each row execute function no();",
    );
    let all = "{ select = \"all\", insert = \"all\", update = \"all\", delete = \"all\" }";
    folder.write(
        "access.toml",
        &format!(
            "version = 1\n[tables.\"public.notes\"]\nuser = {{ select = \"all\" }}\nservice = {all}\n\
             [tables.\"public.odd\"]\nservice = {all}\n"
        ),
    );
    let output = strict(&folder);
    let said = stderr(&output);
    assert!(said.contains("not all could be tried") && said.contains("\n  public.odd, "), "{said}");
}

#[test]
fn a_new_policy_by_which_nobody_was_seen_to_be_let_in_is_refused_unless_the_file_says_that_it_is_known() {
    let folder = small();
    let all = "{ select = \"all\", insert = \"all\", update = \"all\", delete = \"all\" }";
    let access = |more: &str| {
        let text =
            format!("version = 1\n[tables.\"public.notes\"]\n{more}user = {{ select = \"all\" }}\nservice = {all}\n");
        folder.write("access.toml", &text);
    };
    let gone = "create policy gone on notes for delete to authenticated using (md5(body) = 'no such digest')";
    folder.write("supabase/migrations/20260102000000_gone.sql", gone);
    access("");
    let said = refused(&strict(&folder));
    assert!(said.contains("not proven: public.notes: policy \"gone\", using was never true for anybody"), "{said}");
    assert!(said.contains("not_proven = [\"…\"]") && said.contains("supabase/tests/fixtures.sql"), "{said}");
    // Named in the file.
    access("not_proven = [\"gone\"]\n");
    let output = strict(&folder);
    assert!(output.status.success(), "{}", stderr(&output));
    // What is there already refuses nothing: only what the migrations at hand name.
    access("");
    folder.write("supabase/migrations/20260103000000_more.sql", "alter table notes add column more int");
    let output = strict(&folder);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("not proven: public.notes: policy \"gone\""), "{}", stderr(&output));
}
