//! The blueprints, as a person uses them: pushed by the published CLI, walked through, tested and taken back.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::world::{Folder, World, basalt, root, run, stderr};

const NAMES: &[&str] = &["course-market", "saas-starter", "product-planner", "portfolio", "print-studio"];

/// A project made by `basalt new`.
fn new(name: &str) -> Folder {
    let folder = Folder::new();
    let made = basalt().args(["new", "--blueprint", name, "."]).current_dir(&folder.0).output().unwrap();
    assert!(made.status.success(), "{}", stderr(&made));
    folder
}

/// Runs a command to its end; its whole output where it fails.
fn must(command: &mut Command, what: &str) {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("{what}: {e}"));
    assert!(
        output.status.success(),
        "{what} failed:\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn migrations(project: &Path) -> usize {
    std::fs::read_dir(project.join("supabase/migrations")).unwrap().count()
}

/// By the CLI's package for this platform: the one around it locks none of the others.
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#[test]
fn the_published_cli_pushes_each_and_rollback_leaves_nothing() {
    let client = root().join("tests/clients/cli");
    block_on(testkit::npm_install(&client));
    let world = World::start_in(Folder::with_migrations(&[]), &[]);
    let url = format!("postgresql://postgres:postgres@127.0.0.1:{}/postgres", world.db_port);
    for name in NAMES {
        let project = new(name);
        let push = ["db", "push", "--db-url", &url, "--include-seed", "--yes", "--workdir"];
        let mut cli = Command::new(client.join("node_modules/@supabase/cli-linux-x64/bin/supabase"));
        must(cli.args(push).arg(&project.0).current_dir(&project.0), &format!("supabase db push of {name}"));
        let tables = world.sql("select count(*) from pg_tables where schemaname = 'public' and rowsecurity").unwrap();
        assert_ne!(tables[0][0].as_deref(), Some("0"), "{name} has tables with row-level security");

        let count = migrations(&project.0).to_string();
        let back = run(&["db", "rollback", &count, "--db-url", &url], &project.0);
        assert!(back.status.success(), "{name}: {}", stderr(&back));
        let left = world
            .sql(
                "select relname::text from pg_class where relnamespace = 'public'::regnamespace
                 union all select nspname::text from pg_namespace where nspname = 'private'
                 union all select policyname::text from pg_policies where schemaname in ('public', 'storage', 'realtime')
                 union all select id from storage.buckets",
            )
            .unwrap();
        assert!(left.is_empty(), "{name} leaves {left:?}");
        // What the seed of one put where no migration of his takes it from.
        world.sql("delete from auth.users; delete from supabase_migrations.seed_files").unwrap();
    }
}

/// The walk-through of course-market is run with those of README.md, in `clients.rs`.
#[test]
fn each_walk_through_runs_as_printed() {
    let modules = root().join("tests/clients/supabase");
    block_on(testkit::npm_install(&modules));
    let walk = |name: &&str| {
        let world = World::start_in(new(name), &[]);
        let mut node = Command::new("node");
        node.arg(root().join("tests/blueprints/walkthrough.mjs")).arg(name).envs(world.status());
        must(&mut node, &format!("the walk-through of {name}"));
    };
    // Two at a time: a start is mostly waiting.
    for pair in NAMES[1..].chunks(2) {
        std::thread::scope(|scope| pair.iter().for_each(|name| drop(scope.spawn(move || walk(name)))));
    }
}

/// Up, seeds twice, pgTAP, 64 concurrent calls for credits, the document's catalog, down to nothing, up again: tests/blueprints/check.mjs.
#[test]
fn each_is_as_its_document_says_and_comes_down_to_nothing() {
    block_on(async {
        let database = testkit::database().await;
        let pg::Address::Socket(socket) = &database.admin.address else { panic!("tests use a socket") };
        let url = format!(
            "postgresql://{}:{}@localhost:{}/postgres?host={}",
            database.admin.user,
            database.admin.password.expose(),
            database.admin.port,
            socket.display()
        );
        let mut check = Command::new("node");
        check.arg(root().join("tests/blueprints/check.mjs")).args([
            "--superuser-url",
            &url,
            "--template",
            testkit::TEMPLATE,
        ]);
        must(&mut check, "tests/blueprints/check.mjs");
    });
}

#[test]
fn made_up_rows_come_from_one_command() {
    let folder = new("course-market");
    let world = World::start_in(folder, &[]);
    let seed = |words: &[&str]| run(&[&["db", "seed", "--rows", "400"], words].concat(), &world.folder.0);
    let count = |table: &str| world.sql(&format!("select count(*) from {table}")).unwrap()[0][0].clone().unwrap();
    let before = count("public.courses");
    let dry = seed(&["--dry-run"]);
    assert!(dry.status.success(), "{}", stderr(&dry));
    let said = String::from_utf8_lossy(&dry.stdout).into_owned();
    assert!(said.contains("public.courses") && said.contains("Would make "), "{said}");
    assert_eq!(count("public.courses"), before);
    let done = seed(&[]);
    assert!(done.status.success(), "{}", stderr(&done));
    assert!(String::from_utf8_lossy(&done.stdout).contains("sign in with the password `password`"));
    assert_ne!(count("public.courses"), before);
    let unknown = seed(&["--table", "nothing"]);
    assert!(stderr(&unknown).contains("there is no table nothing; there are: "), "{}", stderr(&unknown));
    for (words, why) in
        [(&["0"][..], "0 is not in 1.."), (&["3", "--users", "2000000"], "2000000 is not in 0..=1000000")]
    {
        let refused = run(&[&["db", "seed", "--rows"], words].concat(), &world.folder.0);
        assert!(!refused.status.success() && stderr(&refused).contains(why), "{}", stderr(&refused));
    }
    let homework = count("public.homework");
    let one = run(&["db", "seed", "--rows", "7", "--table", "homework", "--seed", "9"], &world.folder.0);
    assert!(one.status.success(), "{}", stderr(&one));
    assert_eq!(count("public.homework").parse::<u64>().unwrap(), homework.parse::<u64>().unwrap() + 7);
}
