//! Tools of others on a project's database: the published Supabase CLI, and a schema tool of the JavaScript world.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::world::{Folder, World, root, run};

/// Runs a program that npm installed for the tests; gives all that it printed.
fn tool(name: &str, args: &[&str], folder: &Path) -> String {
    // The CLI's package with its wrapper cannot be installed by `npm ci`; the one with the program can.
    let (tools, program) = match name {
        "supabase" => (root().join("tests/clients/cli"), "@supabase/cli-linux-x64/bin/supabase".to_owned()),
        _ => (root().join("tests/clients/tools"), format!(".bin/{name}")),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(testkit::npm_install(&tools));
    let mut command = Command::new(tools.join("node_modules").join(program));
    command.args(args).current_dir(folder).stdin(Stdio::null()).env("SUPABASE_TELEMETRY_DISABLED", "1");
    let output = command.output().unwrap_or_else(|error| panic!("{name}: {error}"));
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name} {}:\n{said}", args.join(" "));
    said
}

#[test]
fn the_supabase_cli_pushes_and_finds_nothing_to_do_after_basalt() {
    let blueprint = Folder::copy_of(&root().join("blueprints/course-market"));
    // It starts without what the CLI is to push; the seed needs its tables.
    let (migrations, aside) = (blueprint.0.join("supabase/migrations"), blueprint.0.join("aside"));
    std::fs::rename(&migrations, &aside).unwrap();
    std::fs::rename(blueprint.0.join("supabase/seed.sql"), blueprint.0.join("seed.sql")).unwrap();
    let mut world = World::start_in(blueprint, &[]);
    std::fs::rename(&aside, &migrations).unwrap();
    let url = world.status()["DB_URL"].clone();
    let files = std::fs::read_dir(&migrations).unwrap().count();

    let push = ["db", "push", "--db-url", &url, "--yes"];
    let said = tool("supabase", &push, &world.folder.0);
    assert_eq!(said.matches("Applying migration").count(), files, "{said}");
    let applied = world.sql("select count(*) from supabase_migrations.schema_migrations").unwrap();
    assert_eq!(applied[0][0].as_deref(), Some(files.to_string().as_str()));
    let ours = run(&["db", "push"], &world.folder.0);
    assert!(String::from_utf8_lossy(&ours.stdout).contains("up to date"), "{ours:?}");
    assert!(world.terminate());

    // The other way round: what Basalt applied, the CLI takes for applied.
    let world = World::start(&root().join("blueprints/course-market"));
    let url = world.status()["DB_URL"].clone();
    let said = tool("supabase", &["db", "push", "--db-url", &url, "--yes"], &world.folder.0);
    assert!(said.contains("up to date") && !said.contains("Applying"), "{said}");

    let out = world.folder.0.join("drizzle");
    let out = out.to_str().unwrap();
    let pull = ["pull", "--dialect", "postgresql", "--url", &url, "--out", out, "--schemaFilters", "public"];
    // It finds drizzle-orm beside itself only where it is run.
    let said = tool("drizzle-kit", &pull, &root().join("tests/clients/tools"));
    let schema = std::fs::read_to_string(Path::new(out).join("schema.ts")).unwrap_or_else(|_| panic!("{said}"));
    assert!(schema.contains("export const courses = pgTable(\"courses\"") && schema.contains("pgPolicy("), "{schema}");
}
