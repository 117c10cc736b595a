//! The shadow database, as `basalt test db` shows it: quick when nothing is new, and whole again after whatever happened to it.

use std::process::{Output, Stdio};
use std::time::Duration;

use crate::world::{Folder, basalt, free_port, run, stderr};

const TEST: &str = "begin; select plan(1); select has_table('a'); select * from finish(); rollback;";

fn project(migrations: &[(&str, &str)]) -> Folder {
    let folder = Folder::with_migrations(migrations);
    folder.write("supabase/tests/deep/a.test.sql", TEST);
    folder
}

fn tested(folder: &Folder) -> Output {
    run(&["test", "db"], &folder.0)
}

fn passed(output: &Output) -> bool {
    output.status.success() && String::from_utf8_lossy(&output.stdout).ends_with("Result: PASS\n")
}

/// The migrations that were replayed.
fn replayed(output: &Output) -> Vec<String> {
    let file = |line: &str| line.strip_prefix("Replaying ")?.split(' ').next().map(str::to_owned);
    stderr(output).lines().filter_map(file).collect()
}

#[test]
fn only_what_is_new_is_replayed() {
    // A role belongs to the cluster: it must not be in the way of a replay.
    let folder = project(&[("1_a.sql", "create role helper; create table a (id int); grant select on a to helper;")]);
    let first = tested(&folder);
    assert!(passed(&first), "{}", stderr(&first));
    assert_eq!(replayed(&first), ["1_a.sql"]);
    assert_eq!(replayed(&tested(&folder)), Vec::<String>::new());

    folder.write("supabase/migrations/2_b.sql", "create table b (id int);");
    let second = tested(&folder);
    assert!(passed(&second), "{}", stderr(&second));
    assert_eq!(replayed(&second), ["2_b.sql"]);

    folder.write("supabase/migrations/1_a.sql", "create role helper; create table a (id bigint);");
    let third = tested(&folder);
    assert!(passed(&third), "{}", stderr(&third));
    assert_eq!(replayed(&third), ["1_a.sql", "2_b.sql"]);
}

#[test]
fn a_migration_that_fails_is_named_and_does_no_lasting_harm() {
    let folder = project(&[("1_a.sql", "create table a (id int);")]);
    folder.write("supabase/migrations/2_again.sql", "create role half;\ncreate table a (id int);");
    let failed = tested(&folder);
    assert!(!failed.status.success());
    let said = stderr(&failed);
    assert!(said.contains("2_again.sql") && said.contains("already exists"), "{said}");
    folder.write("supabase/migrations/2_again.sql", "create role half;");
    let mended = tested(&folder);
    assert!(passed(&mended), "{}", stderr(&mended));
}

#[test]
fn a_failing_test_is_told_as_pg_prove_tells_it() {
    let folder = project(&[("1_b.sql", "create table b (id int);")]);
    let output = tested(&folder);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("deep/a.test.sql .. Failed 1/1 subtests"), "{text}");
    assert!(text.contains("  Failed test:  1\n") && text.ends_with("Result: FAIL\n"), "{text}");
}

#[test]
fn a_test_that_cannot_be_read_fails_alone() {
    let folder = project(&[("1_a.sql", "create table a (id int);")]);
    std::fs::write(folder.0.join("supabase/tests/latin.test.sql"), b"begin;\n-- \xe4\n").unwrap();
    let output = tested(&folder);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}{}", stderr(&output));
    assert!(text.contains("deep/a.test.sql .. ok") && text.contains("cannot be read: not UTF-8"), "{text}");
    assert!(text.ends_with("Result: FAIL\n"), "{text}");
}

#[test]
fn a_shadow_that_cannot_be_used_is_made_anew() {
    let folder = project(&[("1_a.sql", "create role helper; create table a (id int);")]);
    assert!(passed(&tested(&folder)));
    let shadow = folder.0.join(".basalt/shadow");
    // As a copy by another user leaves it, a disk that was full, and another program.
    if nix::unistd::Uid::effective().is_root() {
        std::os::unix::fs::chown(shadow.join("pgdata"), Some(12345), Some(12345)).unwrap();
        let output = tested(&folder);
        assert!(passed(&output), "another user's: {}", stderr(&output));
    }
    std::fs::write(shadow.join("pgdata/global/pg_control"), "").unwrap();
    let output = tested(&folder);
    assert!(passed(&output), "broken: {}", stderr(&output));
    std::fs::remove_file(shadow.join("pgdata/PG_VERSION")).unwrap();
    let output = tested(&folder);
    assert!(passed(&output), "no cluster: {}", stderr(&output));
    assert_eq!(replayed(&tested(&folder)), Vec::<String>::new(), "it is kept again");
}

#[test]
fn two_commands_at_once_and_a_killed_one_do_not_disturb_each_other() {
    let folder = project(&[("1_a.sql", "create role helper; create table a (id int);")]);
    let start = || {
        let mut command = basalt();
        command.args(["test", "db"]).current_dir(&folder.0).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    assert!(passed(&tested(&folder)));
    folder.write("supabase/migrations/2_b.sql", "create table b (id int);");
    let (one, two) = (start(), start());
    for child in [one, two] {
        let output = child.wait_with_output().unwrap();
        assert!(passed(&output), "{}", stderr(&output));
    }
    for delay in [200, 700] {
        folder
            .write("supabase/migrations/1_a.sql", &format!("create role helper; create table a (id int); -- {delay}"));
        let mut child = start();
        std::thread::sleep(Duration::from_millis(delay));
        child.kill().unwrap();
        child.wait().unwrap();
        let output = tested(&folder);
        assert!(passed(&output), "killed after {delay} ms: {}", stderr(&output));
    }
}

#[test]
fn a_role_that_a_migration_makes_is_no_trouble_for_a_diff() {
    let folder = Folder::with_migrations(&[("1_a.sql", "create role helper; create table a (id int);")]);
    folder.write("supabase/config.toml", &format!("project_id = \"it\"\n[db]\nport = {}\n", free_port()));
    let up = run(&["migration", "up"], &folder.0);
    assert!(up.status.success(), "{}", stderr(&up));
    let diff = run(&["db", "diff"], &folder.0);
    assert!(diff.status.success() && stderr(&diff).contains("No changes of the schema found."), "{}", stderr(&diff));
}
