//! Commands that are cut off half-way: what they leave is put right.

use std::process::Child;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::world::{Folder, PATIENCE, World, basalt, http_get, run, stderr};

const NOTES: (&str, &str) = (
    "20260101000000_notes.sql",
    "create table public.notes (id int primary key); grant select on public.notes to anon;",
);

/// A `db reset` that is in the middle of its migrations.
fn reset_under_way(world: &World) -> Child {
    // Only the second run of it takes long: the first one is that of the start.
    world.folder.write(
        "supabase/migrations/20260102000000_slow.sql",
        "create table public.half (id int);\nselect pg_catalog.pg_sleep(300);\n",
    );
    let said = std::fs::File::create(world.folder.0.join("reset.log")).unwrap();
    let child = basalt()
        .args(["db", "reset"])
        .current_dir(&world.folder.0)
        .stdout(said.try_clone().unwrap())
        .stderr(said)
        .spawn();
    let child = child.unwrap();
    let deadline = Instant::now() + PATIENCE;
    while !std::fs::read_to_string(world.folder.0.join("reset.log")).unwrap().contains("_slow.sql") {
        assert!(Instant::now() < deadline, "the reset does not come to the second migration");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

fn end(mut child: Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
    assert!(!child.wait().unwrap().success());
}

fn notes(world: &World) -> Option<String> {
    world.sql("select string_agg(id::text, ',') from public.notes").ok()?.first()?.first()?.clone()
}

fn answered(world: &World) {
    let deadline = Instant::now() + PATIENCE;
    while !http_get(world.port, "/rest/v1/notes?select=id", &[])
        .is_some_and(|(status, body)| status == 200 && body.contains('7'))
    {
        assert!(Instant::now() < deadline, "requests are not answered:\n{}", world.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_reset_that_is_interrupted_puts_the_old_database_back() {
    let world = World::start_in(Folder::with_migrations(&[NOTES]), &[]);
    world.sql("insert into public.notes values (7)").unwrap();
    end(reset_under_way(&world), Signal::SIGINT);
    assert_eq!(notes(&world).as_deref(), Some("7"));
    answered(&world);
}

#[test]
fn requests_wait_for_a_reset_and_a_killed_one_is_taken_back_while_the_project_runs() {
    let world = World::start_in(Folder::with_migrations(&[NOTES]), &[]);
    world.sql("insert into public.notes values (7)").unwrap();
    let reset = reset_under_way(&world);
    // `half` is there already: what is half-made is not shown.
    for path in ["/rest/v1/half", "/rest/v1/notes?select=id"] {
        let (status, body) = http_get(world.port, path, &[]).unwrap();
        assert_eq!(status, 503, "{path}: {body}\n{}", world.log());
    }
    end(reset, Signal::SIGKILL);
    answered(&world);
    assert_eq!(notes(&world).as_deref(), Some("7"));
    assert!(world.log().contains("did not come to its end"), "{}", world.log());

    // PostgreSQL itself falls in the middle of one.
    let mut reset = reset_under_way(&world);
    let pid_file = std::fs::read_to_string(world.folder.0.join(".basalt/pgdata/postmaster.pid")).unwrap();
    let postmaster = pid_file.lines().next().unwrap().parse().unwrap();
    kill(Pid::from_raw(postmaster), Signal::SIGKILL).unwrap();
    assert!(!reset.wait().unwrap().success());
    answered(&world);
    assert_eq!(notes(&world).as_deref(), Some("7"));
}

#[test]
fn what_a_killed_reset_leaves_is_put_right_by_the_next_command_or_start() {
    let mut world = World::start_in(Folder::with_migrations(&[NOTES]), &[]);
    world.sql("insert into public.notes values (7)").unwrap();
    let slow = world.folder.0.join("supabase/migrations/20260102000000_slow.sql");

    end(reset_under_way(&world), Signal::SIGKILL);
    std::fs::remove_file(&slow).unwrap();
    assert!(world.terminate());
    // The project that runs looks for it every moment, and may have been quicker than the signal; the restart begins a new log.
    let before = world.log();
    world.restart();
    assert_eq!(notes(&world).as_deref(), Some("7"), "{}", world.log());
    let told = before + &world.log();
    assert!(told.contains("did not come to its end"), "{told}");
    answered(&world);

    // Killed while it runs, and tried again at once.
    end(reset_under_way(&world), Signal::SIGKILL);
    std::fs::remove_file(&slow).unwrap();
    let reset = run(&["db", "reset"], &world.folder.0);
    assert!(reset.status.success(), "{}", stderr(&reset));
    assert_eq!(notes(&world), None);
    world.sql("insert into public.notes values (7)").unwrap();
    answered(&world);

    // Killed between closing the old database and renaming it.
    let socket: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(world.folder.0.join(".basalt/run.json")).unwrap()).unwrap();
    let url = format!(
        "host={} port={} user=supabase_admin dbname=template1",
        socket["socket"][0].as_str().unwrap(),
        socket["socket"][1]
    );
    crate::world::query(&url, "alter database postgres allow_connections false").unwrap();
    let reset = run(&["db", "reset"], &world.folder.0);
    assert!(reset.status.success(), "{}", stderr(&reset));
    assert_eq!(notes(&world), None);
}
