//! Homes, connections, and a second process that can be killed.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use pgserver::{Options, Server};
use tempfile::TempDir;
use tokio_postgres::{Client, Config, NoTls};

/// A folder that the cluster's user can enter, too, where throw-away clusters are (in memory if there is plenty).
pub fn folder() -> TempDir {
    let throw_away = pgserver::testing::throw_away(Vec::new()).home;
    let dir = tempfile::tempdir_in(throw_away.parent().unwrap()).unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

/// Options for tests: fast, any port, templates shared by all tests of this run.
pub fn options(home: &Path) -> Options {
    let settings = [("fsync", "off"), ("full_page_writes", "off")];
    Options {
        settings: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        cache_dir: Some(cache()),
        ..Options::new(home, 0)
    }
}

/// Where the templates of these tests are.
pub fn cache() -> PathBuf {
    pgserver::testing::throw_away(Vec::new()).cache_dir.unwrap()
}

/// A port that is given to nobody else while this process lives: a socket is bound to it and never listens, beside which a server may.
/// Elsewhere than on Linux it is merely free now.
pub fn free_port() -> u16 {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let port = socket.local_addr().unwrap().port();
    if cfg!(target_os = "linux") {
        std::mem::forget(socket);
    }
    port
}

pub async fn start(home: &Path) -> Server {
    Server::start(options(home), |_| {}).await.unwrap()
}

pub async fn refused(options: Options) -> String {
    match Server::start(options, |_| {}).await {
        Ok(server) => {
            let _ = server.stop().await;
            panic!("it started");
        }
        Err(error) => error.to_string(),
    }
}

pub async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

pub async fn admin(server: &Server) -> Client {
    connect(&server.admin_config("postgres")).await.unwrap()
}

pub async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

pub fn is_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

pub fn kill(pid: u32) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.try_into().unwrap()), nix::sys::signal::Signal::SIGKILL)
        .unwrap();
}

pub fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// Looks again until it holds; the limit only ends a test that has failed.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..3600 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never: {what}");
}

/// A process of its own that holds a server: `examples/hold.rs`, which `cargo test -p pgserver` builds (with `--test it` an older build runs).
pub struct Holder {
    pub child: Child,
    lines: BufReader<ChildStdout>,
    /// The line that says `ready …`.
    pub ready: String,
}

impl Holder {
    pub fn start(home: &Path, more: &[&str]) -> Self {
        let mut program = std::env::current_exe().unwrap();
        program.pop();
        program.pop();
        program.push("examples/hold");
        let mut child = Command::new(program)
            .arg(home)
            .args(["--set", "fsync=off", "--set", "full_page_writes=off", "--cache"])
            .arg(cache())
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut holder = Self { child, lines, ready: String::new() };
        holder.ready = holder.line_with("ready ");
        holder
    }

    pub fn line_with(&mut self, start: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "it ended before it said {start:?}");
            if line.starts_with(start) {
                return line.trim().to_owned();
            }
        }
    }

    /// A word such as `pid=…` of the ready line.
    pub fn word(&self, name: &str) -> String {
        let start = format!("{name}=");
        self.ready.split(' ').find_map(|word| word.strip_prefix(&start)).unwrap().to_owned()
    }

    pub fn postmaster(&self) -> u32 {
        self.word("pid").parse().unwrap()
    }

    /// What is written to, as the superuser, through the private socket.
    pub fn config(&self) -> Config {
        let mut config = Config::new();
        config.host_path(self.word("socket")).port(self.word("port").parse().unwrap());
        config.user(pgserver::SUPERUSER).dbname("postgres");
        config
    }

    /// SIGTERM, and gone.
    pub fn stop(mut self) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().try_into().unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }

    /// kill -9, and gone.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
