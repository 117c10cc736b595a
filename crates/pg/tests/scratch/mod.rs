//! A PostgreSQL of its own for the tests of a crate: installed binaries, a temporary folder, no fsync.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use pg::Target;

/// A running server; it lives as long as the test binary.
struct Scratch {
    socket_folder: PathBuf,
}

/// A fresh database on the scratch server, reached as its superuser.
pub fn database(name: &str) -> Target {
    static SERVER: OnceLock<Scratch> = OnceLock::new();
    let server = SERVER.get_or_init(start);
    let target = |db: &str| {
        let folder = server.socket_folder.display();
        Target::parse(&format!("host={folder} port=5432 user=postgres dbname={db}")).expect("a target")
    };
    psql(&target("postgres"), &format!("drop database if exists {name} with (force)"));
    psql(&target("postgres"), &format!("create database {name}"));
    target(name)
}

/// Runs SQL as the superuser.
pub fn psql(target: &Target, sql: &str) -> String {
    let pg::Address::Socket(folder) = &target.address else { panic!("the scratch server listens on a socket") };
    let output = Command::new("psql")
        .args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-h"])
        .arg(folder)
        .args(["-p", &target.port.to_string(), "-d", &target.database, "-c", sql])
        .output()
        .expect("psql is installed");
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn start() -> Scratch {
    let folder = tempfile::Builder::new().prefix("pgtest").tempdir().expect("a folder").keep();
    let data = folder.join("data");
    let _ = Command::new("chown").arg("postgres").arg(&folder).status();
    let done = server_command(&bin("initdb"))
        .args(["-A", "trust", "-U", "postgres", "--no-locale", "-E", "UTF8", "--no-sync", "-D"])
        .arg(&data)
        .output()
        .expect("initdb runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let options = format!(
        "-k {} -c listen_addresses= -c fsync=off -c shared_buffers=16MB -c max_connections=300",
        folder.display()
    );
    assert!(control(&data, &["-o", &options, "-w", "start"]), "{:?}", std::fs::read_to_string(data.join("log")));
    watch(&data);
    Scratch { socket_folder: folder }
}

/// Stops the server when this process is gone, however it ends.
#[expect(clippy::zombie_processes, reason = "it outlives this process, that is its purpose")]
fn watch(data: &Path) {
    let script =
        "while test -e \"/proc/$0\"; do sleep 1; done; \"$1\" -D \"$2\" -m immediate stop; rm -rf \"${2%/data}\"";
    let mut watcher = server_command(Path::new("sh"));
    let watcher = watcher.args(["-c", script, &std::process::id().to_string()]).arg(bin("pg_ctl")).arg(data);
    quiet(watcher).spawn().expect("sh runs");
}

/// `pg_ctl` on a data folder; true where it did what it was told.
pub fn control(data: &Path, args: &[&str]) -> bool {
    let mut command = server_command(&bin("pg_ctl"));
    let command = command.arg("-D").arg(data).arg("-l").arg(data.join("log")).args(["-t", "180"]).args(args);
    quiet(command).status().expect("pg_ctl runs").success()
}

fn quiet(command: &mut Command) -> &mut Command {
    use std::process::Stdio;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

/// PostgreSQL refuses to run as root: then it runs as `postgres`.
pub fn server_command(program: &Path) -> Command {
    let root = std::fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
    command
}

fn bin(name: &str) -> PathBuf {
    let mut found: Vec<PathBuf> = glob::glob("/usr/lib/postgresql/*/bin").expect("a pattern").flatten().collect();
    found.sort();
    found.pop().map_or_else(|| PathBuf::from(name), |folder| folder.join(name))
}
