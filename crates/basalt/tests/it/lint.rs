//! `basalt db lint`, as CI runs it: on a fresh checkout, by its exit code.

use crate::world::{Folder, run, stderr};

const OPEN: &str = "
    create table public.profiles (id uuid primary key references auth.users, name text, credits int not null default 0);
    alter table public.profiles enable row level security;
    create policy own on public.profiles for update to authenticated using (id = auth.uid()) with check (id = auth.uid());
";
const CLOSED: &str = "revoke insert, update on public.profiles from anon, authenticated;
    grant update (name) on public.profiles to authenticated;";

#[test]
fn migrations_of_a_fresh_checkout_are_judged() {
    let folder = Folder::with_migrations(&[("20260101000000_profiles.sql", OPEN)]);
    let output = run(&["db", "lint", "."], &folder.0);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}\n{}", stderr(&output));
    assert!(text.contains("error[privileged_column_writable]") && text.contains("public.profiles.credits"), "{text}");
    assert!(text.contains("warning[auth_rls_initplan]") && text.contains("(select auth.uid())"), "{text}");
    assert!(!text.contains('\x1b'), "no colour in a pipe");

    let sarif = run(&["db", "lint", ".", "-o", "sarif", "--fail-on", "none"], &folder.0);
    assert_eq!(sarif.status.code(), Some(0));
    let log: serde_json::Value = serde_json::from_slice(&sarif.stdout).unwrap();
    assert_eq!(log["version"], "2.1.0");
    // A finding points to the line that made what it is about.
    let results = log["runs"][0]["results"].as_array().unwrap();
    let place = |rule: &str| {
        let of = results.iter().find(|result| result["ruleId"] == rule).unwrap();
        let place = &of["locations"][0]["physicalLocation"];
        (place["artifactLocation"]["uri"].as_str().unwrap().to_owned(), place["region"]["startLine"].as_u64())
    };
    let file = "supabase/migrations/20260101000000_profiles.sql".to_owned();
    assert_eq!(place("privileged_column_writable"), (file.clone(), Some(2)));
    assert_eq!(place("auth_rls_initplan"), (file, Some(4)));

    // A new migration mends it; the warning stays, below what CI fails on.
    folder.write("supabase/migrations/20260102000000_grants.sql", CLOSED);
    let output = run(&["db", "lint", "."], &folder.0);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(run(&["db", "lint", ".", "--fail-on", "warning"], &folder.0).status.code(), Some(1));

    // And the project may say why it is as it is.
    folder.write(
        "access.toml",
        "version = 1\n[lint]\nallow = [{ rule = \"auth_rls_initplan\", object = \"public.profiles\", reason = \"few rows\" }]\n",
    );
    let output = run(&["db", "lint", ".", "--fail-on", "warning"], &folder.0);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(stderr(&output).contains("1 allowed"), "{}", stderr(&output));
}
