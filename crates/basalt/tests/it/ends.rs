//! The PostgreSQL of a command: it takes nobody's port, and ends with the command, however that one ends.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::world::{Folder, basalt, free_port, run, stderr};

const NOTES: (&str, &str) = ("1_notes.sql", "create table public.notes (id int primary key);");

/// Is a signal ignored here, and so by children? A shell without job control has its background ignore SIGINT.
fn is_ignored(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap().trim();
    u64::from_str_radix(mask, 16).unwrap() & (1 << (signal as u64 - 1)) != 0
}

/// Processes that work below a folder, as each of a cluster's does.
fn at_work_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let works =
        |entry: &std::fs::DirEntry| entry.path().join("cwd").read_link().is_ok_and(|cwd| cwd.starts_with(folder));
    entries
        .filter(works)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|pid| *pid != std::process::id().to_string())
        .collect()
}

fn nobody_works_in(folder: &Path, what: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !at_work_in(folder).is_empty() {
        assert!(Instant::now() < deadline, "{what}: PostgreSQL lives on: {:?}", at_work_in(folder));
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn start(args: &[&str], folder: &Path) -> Child {
    let mut command = basalt();
    // From elsewhere, so that only PostgreSQL works in the folder.
    command.args(args).arg("--workdir").arg(folder).current_dir("/");
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_command_that_is_killed_leaves_no_postgresql() {
    // An hour: a machine that was suspended finds a minute slept at once.
    let slow = ("2_slow.sql", "select pg_catalog.pg_sleep(3600);");
    let folder = Folder::with_migrations(&[NOTES, slow]);
    let place = folder.0.canonicalize().unwrap();
    // The shadow's, and the project's own.
    for command in [["db", "lint"], ["migration", "up"]] {
        for (signal, delay) in [
            (Signal::SIGKILL, 4000),
            (Signal::SIGTERM, 2500),
            (Signal::SIGINT, 2500),
            (Signal::SIGKILL, 60),
            (Signal::SIGKILL, 150),
            (Signal::SIGKILL, 400),
        ] {
            if is_ignored(signal) {
                continue;
            }
            let mut child = start(&command, &place);
            std::thread::sleep(Duration::from_millis(delay));
            kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
            let case = format!("{command:?} after {delay} ms, {signal}");
            assert!(!child.wait().unwrap().success(), "{case}: it ended by itself");
            nobody_works_in(&place, &case);
        }
    }
}

#[test]
fn a_command_takes_nobodys_port() {
    let port = free_port();
    let holder = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let config = format!("project_id = \"it\"\n[db]\nport = {port}\n");
    let folders = [Folder::with_migrations(&[NOTES]), Folder::with_migrations(&[NOTES])];
    for folder in &folders {
        folder.write("supabase/config.toml", &config);
        folder.write("access.toml", "version = 1\n");
    }
    let both = folders.each_ref().map(|folder| start(&["migration", "up"], &folder.0));
    for mut child in both {
        assert!(child.wait().unwrap().success());
    }
    let seeded = run(&["db", "seed", "--rows", "10"], &folders[0].0);
    assert!(seeded.status.success(), "{}", stderr(&seeded));
    drop(holder);
}

/// A disk of a few megabytes.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where mounting is not permitted.
    fn mount(at: &Path, megabytes: u32) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={megabytes}m,mode=755"), "tmpfs"]).arg(at);
        let mounted = mount.stderr(Stdio::null()).status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_named_and_ends_the_command() {
    for megabytes in [20, 40, 46] {
        let folder = Folder::with_migrations(&[NOTES]);
        let Some(disk) = SmallDisk::mount(&folder.0.join("disk"), megabytes) else {
            return; // only root mounts
        };
        let place = disk.0.canonicalize().unwrap();
        folder.write("disk/p/supabase/config.toml", "project_id = \"it\"\n");
        folder.write("disk/p/supabase/migrations/1_notes.sql", NOTES.1);
        folder.write("disk/p/supabase/tests/a.test.sql", "select 1;");
        folder.write("disk/p/access.toml", "version = 1\n");
        for args in
            [vec!["db", "test"], vec!["test", "db"], vec!["db", "lint"], vec!["db", "reset"], vec!["db", "diff"]]
        {
            let begun = Instant::now();
            let output = basalt().args(&args).arg("--workdir").arg(place.join("p")).current_dir("/").output().unwrap();
            let said = stderr(&output);
            assert!(!output.status.success(), "{args:?} on {megabytes} MB: {said}");
            assert!(
                said.contains("no space left on the disk of") && said.contains(&*place.to_string_lossy()),
                "{args:?} on {megabytes} MB: {said}"
            );
            assert!(begun.elapsed() < Duration::from_secs(120), "{args:?} on {megabytes} MB hangs");
            nobody_works_in(&place, &format!("{args:?}"));
        }
    }
}
