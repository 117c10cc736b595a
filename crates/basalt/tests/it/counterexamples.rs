//! What `basalt db test` prints to see a leak by is run against a project with the leak, in all three forms, and shows it.

use std::process::Command;

use serde_json::{Value, json};

use crate::world::{Folder, World, http, query, root, run, stderr};

/// Portfolio: visitors see drafts, and everybody gives himself a tier.
const FAULTS: [&str; 2] = ["drafts_in_public", "tier_by_own_row"];

fn broken() -> Folder {
    let folder = Folder::copy_of(&root().join("blueprints/portfolio"));
    // They would notice, but here the matrix is asked.
    std::fs::remove_dir_all(folder.0.join("supabase/tests")).unwrap();
    for (number, fault) in FAULTS.iter().enumerate() {
        let sql =
            std::fs::read_to_string(root().join(format!("tests/blueprints/faults/portfolio/{fault}.sql"))).unwrap();
        folder.write(&format!("supabase/migrations/2099010100000{number}_{fault}.sql"), &sql);
    }
    // People of this project come by Google; one with a password is easier to sign in.
    let config = std::fs::read_to_string(folder.0.join("supabase/config.toml")).unwrap();
    let open = config.replace("[auth.email]\nenabled = false", "[auth.email]\nenabled = true");
    assert_ne!(config, open);
    folder.write("supabase/config.toml", &open);
    folder
}

/// The one leak of this kind.
fn leak<'r>(report: &'r Value, identity: &str, operation: &str, object: &str, column: Option<&str>) -> &'r Value {
    let differences = report["access"]["differences"].as_array().unwrap();
    differences
        .iter()
        .find(|difference| {
            difference["verdict"] == "leak"
                && difference["identity"] == identity
                && difference["operation"] == operation
                && difference["object"] == object
                && difference["column"].as_str() == column
        })
        .unwrap_or_else(|| panic!("no leak of {object} to {identity}: {differences:#?}"))
}

fn text<'v>(leak: &'v Value, form: &str) -> &'v str {
    leak["counterexample"][form].as_str().unwrap()
}

/// The id in `id=…`.
fn id_of(leak: &Value) -> &str {
    leak["row"].as_str().and_then(|row| row.strip_prefix("id=")).unwrap()
}

#[test]
fn sql_curl_and_supabase_js_show_the_leak_in_a_running_project() {
    let folder = broken();
    let output = run(&["db", "test", "-o", "json"], &folder.0);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)));
    let draft = leak(&report, "anon", "select", "public.projects", None);
    let tier = leak(&report, "user", "update", "public.users", Some("tier"));

    let world = World::start_in(folder, &[]);
    let status = world.status();
    let (user, project) = (id_of(tier), id_of(draft));
    let key = format!("Bearer {}", status["SERVICE_ROLE_KEY"]);
    let headers = [
        ("apikey", status["SERVICE_ROLE_KEY"].as_str()),
        ("authorization", &key),
        ("content-type", "application/json"),
    ];
    let person = json!({ "id": user, "email": "leak@example.com", "password": "correct horse", "email_confirm": true });
    let (made, answer) = http(world.port, "POST", "/auth/v1/admin/users", &headers, &person.to_string()).unwrap();
    assert_eq!(made, 200, "{answer}");
    let row = format!(
        "insert into public.projects (id, user_id, title, status) values ('{project}', '{user}', 'Secret draft', 'draft')"
    );
    world.sql(&row).unwrap();

    // For a shell, signed out.
    let mut shell = Command::new("sh");
    let shown = shell.args(["-c", text(draft, "curl")]).envs(&status).output().unwrap();
    let answer = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(answer.contains("Secret draft"), "{}\n{answer}{}", text(draft, "curl"), stderr(&shown));

    // For psql: it changes nothing, so RETURNING tells what it would do.
    let url = format!("postgresql://postgres:postgres@127.0.0.1:{}/postgres", world.db_port);
    let sql = text(tier, "sql").replace(";\nrollback;", " returning id;\nrollback;");
    let rows = query(&url, &sql).unwrap_or_else(|error| panic!("{sql}\n{error}"));
    assert!(rows.iter().any(|row| row[0].as_deref() == Some(user)), "{sql}\n{rows:?}");
    let tier_now = || {
        world.sql("select tier::text from public.users where id = (select id from auth.users where email = 'leak@example.com')").unwrap()[0][0].clone()
    };
    let before = tier_now();

    // For @supabase/supabase-js, signed in.
    let clients = root().join("tests/clients/supabase");
    let environment = [
        ("API_URL", status["API_URL"].as_str()),
        ("ANON_KEY", &status["ANON_KEY"]),
        ("EMAIL", "leak@example.com"),
        ("PASSWORD", "correct horse"),
        ("EXAMPLE", text(tier, "js")),
    ];
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        testkit::npm_install(&clients).await;
        testkit::node(&clients.join("counterexample.test.mjs"), &environment).await;
    });
    assert_ne!(tier_now(), before, "{}", text(tier, "js"));
}
