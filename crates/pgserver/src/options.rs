use std::borrow::Cow;
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

/// What to start, and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// The project's data directory, e.g. `<project>/.basalt`. The cluster lives in `<home>/pgdata`, its password in `<home>/secrets`,
    /// the private prefix in `<home>/postgres-<major>`, the log in `<home>/logs`.
    pub home: PathBuf,
    /// TCP port for applications (`[db] port`, `--db-port`). 0: any free one, see [`crate::Server::port`].
    pub port: u16,
    /// Addresses to listen on for applications; none: only the private socket.
    pub listen: Vec<IpAddr>,
    /// The major version that config.toml asks for. An existing data directory decides its own.
    pub major: Option<u32>,
    /// Obtain `major` even where another is installed (`--fetch-postgres`). Where none is installed one is obtained in any case.
    pub fetch: bool,
    /// An archive with a PostgreSQL to use, whatever is installed: `https://…/postgres.tar.gz` or `file:///…`, a `.tar.gz`, `.zip` or
    /// `.whl`; `#sha256=<hex>` at its end is verified.
    pub archive_url: Option<String>,
    /// Further lines of postgresql.conf, after ours, so that they win: tests pass `("fsync", "off")`.
    pub settings: Vec<(String, String)>,
    /// Extensions of our own, placed beside the installed ones in the private prefix.
    pub extension_files: Vec<ExtensionFile>,
    /// Where template clusters and obtained PostgreSQLs are kept between projects, e.g. `$XDG_CACHE_HOME/basalt`. None: nothing is kept
    /// for others, what is obtained goes into `home`.
    pub cache_dir: Option<PathBuf>,
    /// The value of `PATH`, to look for an installed PostgreSQL (only the binary reads the environment). None: the usual folders.
    pub search_path: Option<OsString>,
    /// What becomes of the cluster when this process dies.
    pub lifetime: Lifetime,
}

impl Options {
    /// A cluster in `home` on 127.0.0.1:`port`, all else as usual.
    pub fn new(home: impl Into<PathBuf>, port: u16) -> Self {
        Self {
            home: home.into(),
            port,
            listen: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            major: None,
            fetch: false,
            archive_url: None,
            settings: Vec::new(),
            extension_files: Vec::new(),
            cache_dir: None,
            search_path: None,
            lifetime: Lifetime::Own,
        }
    }

    /// Would what is in it not survive a power cut?
    pub(crate) fn promises_nothing(&self) -> bool {
        self.settings.iter().any(|(name, value)| name == "fsync" && value == "off")
    }
}

/// What becomes of a cluster whose process dies without stopping it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lifetime {
    /// It lives on; the next start adopts it. For users.
    #[default]
    Own,
    /// It is stopped, and stays on disk.
    Process,
    /// It is stopped and its home removed. For tests.
    ThrowAway,
}

/// A file for `share/extension`: a `.control` or a `.sql`.
#[derive(Clone, Debug)]
pub struct ExtensionFile {
    /// The plain file name, e.g. `pg_net.control`.
    pub name: String,
    /// What is in it.
    pub contents: Cow<'static, [u8]>,
}
