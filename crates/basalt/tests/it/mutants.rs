//! `basalt db test --mutants`: what is watched is noticed, what nobody watches is named; the blueprints watch their policies.

use std::process::Output;

use crate::world::{Folder, root, run, stderr};

/// `logs` is in a schema that the API does not show and access.toml does not name.
const MIGRATION: &str = "
    create table public.notes (id int primary key generated always as identity, owner_id uuid not null default auth.uid(), body text);
    alter table public.notes enable row level security;
    revoke all on public.notes from anon, authenticated;
    grant select, delete on public.notes to authenticated;
    grant insert (body), update (body) on public.notes to authenticated;
    create policy own on public.notes to authenticated
        using (owner_id = (select auth.uid())) with check (owner_id = (select auth.uid()));
    create schema hidden;
    grant usage on schema hidden to authenticated;
    create table hidden.logs (id int primary key, secret boolean);
    alter table hidden.logs enable row level security;
    grant select on hidden.logs to authenticated;
    create policy plain on hidden.logs for select to authenticated using (not secret and id > 0);";

const ACCESS: &str = r#"
version = 1

[tables."public.notes"]
owner = "owner_id"
user = { select = "own", insert = "own: body", update = "own: body", delete = "own" }
service = { select = "all", insert = "all", update = "all", delete = "all" }
"#;

fn project() -> Folder {
    let folder = Folder::with_migrations(&[("1_notes.sql", MIGRATION)]);
    folder.write("access.toml", ACCESS);
    folder
}

fn mutants(folder: &Folder, more: &[&str]) -> Output {
    run(&[&["db", "test", "--mutants"], more].concat(), &folder.0)
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(output)))
}

#[test]
fn what_nobody_watches_is_named_and_fails() {
    let folder = project();
    let output = mutants(&folder, &[]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}{}", stderr(&output));
    let (_, nobody) = text.split_once("Nobody noticed:").unwrap_or_else(|| panic!("{text}{}", stderr(&output)));
    assert!(nobody.contains("policy \"plain\" on hidden.logs: using: without NOT secret"), "{text}");
    assert!(!nobody.contains("policy \"own\""), "{text}");

    let report = json(&mutants(&folder, &["-o", "json", "--at-least", "10"]));
    let changes = report["changes"].as_array().unwrap();
    let by = |who: &str| changes.iter().filter(|change| change["noticed"]["by"]["by"] == who).count();
    assert!(by("matrix") > 5 && by("lint") > 0, "{report:#}");
    assert!(report["percent"].as_u64().unwrap() < 90 && report["score"]["untried"] == 0, "{report:#}");

    // A test that looks there notices; one that fails anyway proves nothing.
    folder.write(
        "supabase/tests/logs.test.sql",
        "begin; select plan(2);
        insert into hidden.logs values (-1, false), (1, true), (2, false);
        set local role authenticated;
        select results_eq('select id from hidden.logs', array[2], 'plain lines are read');
        reset role;
        select ok(relrowsecurity, 'guarded') from pg_class where oid = 'hidden.logs'::regclass;
        select * from finish(); rollback;",
    );
    let watched = mutants(&folder, &["--at-least", "100"]);
    let text = String::from_utf8_lossy(&watched.stdout).into_owned();
    assert!(watched.status.success() && text.contains("by the pgTAP tests"), "{text}{}", stderr(&watched));
    folder.write("supabase/tests/wrong.test.sql", "begin; select plan(1); select ok(false, 'never'); rollback;");
    let broken = mutants(&folder, &[]);
    assert!(!broken.status.success() && stderr(&broken).contains("wrong.test.sql: never"), "{}", stderr(&broken));
}

#[test]
fn without_time_or_anything_that_could_notice_it_says_so() {
    let folder = project();
    let late = mutants(&folder, &["--budget", "0", "-o", "json"]);
    let report = json(&late);
    assert!(!late.status.success() && report["score"]["of"] == 0, "{report:#}");
    assert!(report["score"]["untried"].as_u64().unwrap() > 10, "{report:#}");

    std::fs::remove_file(folder.0.join("access.toml")).unwrap();
    let blind = mutants(&folder, &[]);
    assert!(stderr(&blind).contains("nothing that could notice"), "{}", stderr(&blind));
    let refused = run(&["db", "test", "--budget", "5"], &folder.0);
    assert!(!refused.status.success() && stderr(&refused).contains("--mutants"), "{}", stderr(&refused));
}

/// A fair sample of the changes: what the budget allows. `basalt db test --mutants` in the folder tries all.
fn awake(blueprint: &str) {
    let folder = Folder::copy_of(&root().join("blueprints").join(blueprint));
    let output = mutants(&folder, &["--budget", "40", "--at-least", "90"]);
    assert!(output.status.success(), "{blueprint}\n{}{}", String::from_utf8_lossy(&output.stdout), stderr(&output));
}

#[test]
fn course_market_is_awake() {
    awake("course-market");
}

#[test]
fn portfolio_is_awake() {
    awake("portfolio");
}

#[test]
fn print_studio_is_awake() {
    awake("print-studio");
}

#[test]
fn product_planner_is_awake() {
    awake("product-planner");
}

#[test]
fn saas_starter_is_awake() {
    awake("saas-starter");
}
