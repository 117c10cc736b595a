//! A running `basalt start` on a copy of a project folder.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

pub use testkit::free_port;

/// What only ends a test that has failed: the machine may be slow, busy, and at its first start of PostgreSQL.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// The source tree.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The binary under test, with a clean environment for what it reads from it.
pub fn basalt() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_basalt"));
    command.env_remove("SUPABASE_DB_PASSWORD").env("XDG_CACHE_HOME", cache()).stdin(Stdio::null());
    command
}

/// A cache of the tests' own: a PostgreSQL that somebody obtained on this machine would be preferred, and has no pgTAP or pg_dump beside it.
pub fn cache() -> PathBuf {
    std::env::temp_dir().join(format!("basalt-it-cache-{}", nix::unistd::Uid::effective()))
}

/// Runs a command to its end.
pub fn run(args: &[&str], folder: &Path) -> Output {
    basalt().args(args).current_dir(folder).output().unwrap()
}

/// Standard error as text.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder that is removed at the end.
pub struct Folder(pub PathBuf);

impl Folder {
    /// An empty one.
    pub fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("basalt-it-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A copy of a project.
    pub fn copy_of(project: &Path) -> Self {
        let folder = Self::new();
        copy(project, &folder.0);
        folder
    }

    /// A project with one migration.
    pub fn with_migrations(migrations: &[(&str, &str)]) -> Self {
        let folder = Self::new();
        folder.write("supabase/config.toml", "project_id = \"it\"\n");
        for (name, sql) in migrations {
            folder.write(&format!("supabase/migrations/{name}"), sql);
        }
        folder
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() == ".basalt" || entry.file_name() == "node_modules" {
            continue;
        }
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A log as far as one reads; it may be no file at all (`/dev/full` never ends).
pub fn said(log: &Path) -> String {
    let mut text = Vec::new();
    if let Ok(file) = std::fs::File::open(log) {
        let _ = file.take(10_000_000).read_to_end(&mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// A project that runs.
pub struct World {
    pub folder: Folder,
    pub port: u16,
    pub db_port: u16,
    child: Child,
}

impl World {
    /// Starts a copy of `project`.
    pub fn start(project: &Path) -> Self {
        Self::start_in(Folder::copy_of(project), &[])
    }

    /// Starts the project in `folder` with more arguments.
    pub fn start_in(folder: Folder, args: &[&str]) -> Self {
        let (port, db_port) = (free_port(), free_port());
        let mut world = Self { child: launch(&folder.0, port, db_port, args), folder, port, db_port };
        world.wait_until_ready();
        world
    }

    /// Starts it again after a stop or a kill.
    pub fn restart(&mut self) {
        self.child = launch(&self.folder.0, self.port, self.db_port, &[]);
        self.wait_until_ready();
    }

    fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("basalt start ended with {status}:\n{}", self.log());
            }
            if http_get(self.port, "/health", &[]).is_some_and(|(status, _)| status == 200) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("basalt start does not become ready:\n{}", self.log());
    }

    /// What it printed so far.
    pub fn log(&self) -> String {
        said(&self.folder.0.join("it.log"))
    }

    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM, and wait for the end; true where it exited with 0.
    pub fn terminate(&mut self) -> bool {
        self.end_by(nix::sys::signal::Signal::SIGTERM)
    }

    /// The same with another signal.
    pub fn end_by(&mut self, signal: nix::sys::signal::Signal) -> bool {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.pid()), signal).unwrap();
        self.child.wait().unwrap().success()
    }

    /// `basalt status -o env`, read.
    pub fn status(&self) -> BTreeMap<String, String> {
        let output = run(&["status", ".", "-o", "env"], &self.folder.0);
        assert!(output.status.success(), "{}", stderr(&output));
        String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.trim_matches('"').to_owned()))
            .collect()
    }

    /// Runs SQL as `postgres` through the port for applications.
    pub fn sql(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>, String> {
        query(&format!("postgresql://postgres:postgres@127.0.0.1:{}/postgres", self.db_port), sql)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if self.child.try_wait().ok().flatten().is_none() {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.pid()), nix::sys::signal::Signal::SIGTERM);
            let _ = self.child.wait();
        }
    }
}

fn launch(folder: &Path, port: u16, db_port: u16, args: &[&str]) -> Child {
    let log = std::fs::File::create(folder.join("it.log")).unwrap();
    basalt()
        .args(["start", ".", "--port", &port.to_string(), "--db-port", &db_port.to_string()])
        .args(args)
        .current_dir(folder)
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// Text rows of one query.
pub fn query(url: &str, sql: &str) -> Result<Vec<Vec<Option<String>>>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) =
            pg::tokio_postgres::connect(url, pg::tokio_postgres::NoTls).await.map_err(|e| e.to_string())?;
        tokio::spawn(connection);
        let messages = client.simple_query(sql).await.map_err(|e| pg::Error::from(e).to_string())?;
        Ok(messages
            .into_iter()
            .filter_map(|message| match message {
                pg::tokio_postgres::SimpleQueryMessage::Row(row) => {
                    Some((0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect())
                }
                _ => None,
            })
            .collect())
    })
}

/// A plain request; `None` where nobody answers.
pub fn http_get(port: u16, path: &str, headers: &[(&str, &str)]) -> Option<(u16, String)> {
    http(port, "GET", path, headers, "")
}

/// A request over a connection of its own.
pub fn http(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Option<(u16, String)> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    text.push_str(body);
    stream.write_all(text.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    Some((status, body.to_owned()))
}
