use std::io;
use std::path::{Path, PathBuf};

/// Why a PostgreSQL could not be found, made, started or stopped. Every message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another program listens where applications should reach the database.
    #[error(
        "port {port} on {address} is taken{}; stop it, or choose another port with `[db] port` in config.toml or `--db-port`",
        holder.as_ref().map(|h| format!(" by {h}")).unwrap_or_default()
    )]
    PortTaken {
        /// The address that was asked for.
        address: String,
        /// The port.
        port: u16,
        /// Who listens there, where the system tells.
        holder: Option<String>,
    },
    /// The address does not exist on this machine.
    #[error(
        "cannot listen on {address}:{port}: {source}; choose an address of this machine, or another port with `--db-port`"
    )]
    Listen {
        /// The address.
        address: String,
        /// The port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// No room left.
    #[error("no space left on the disk of {}; free some, then start again (nothing acknowledged is lost)", path.display())]
    DiskFull {
        /// What could not be written.
        path: PathBuf,
    },
    /// The data directory needs a major version that is not there.
    #[error(
        "the data directory {} was made by PostgreSQL {data}, but {}; install PostgreSQL {data} or start with --fetch-postgres \
         (an upgrade to another major is not done by a start: dump with {data} and restore)",
        path.display(),
        if installed.is_empty() { "none is installed".to_owned() } else { format!("only {} is installed", join(installed)) }
    )]
    OtherMajor {
        /// The data directory.
        path: PathBuf,
        /// The major that made it.
        data: u32,
        /// The majors found on this machine.
        installed: Vec<u32>,
    },
    /// A major that we do not support made the data directory.
    #[error("the data directory {} was made by PostgreSQL {data}; Basalt runs {} to {}: use --data-dir for another directory", path.display(), crate::find::OLDEST, crate::find::NEWEST)]
    UnsupportedMajor {
        /// The data directory.
        path: PathBuf,
        /// The major that made it.
        data: u32,
    },
    /// A Basalt already runs on this home.
    #[error("the data directory {} is in use by another basalt{}; stop that one first (`basalt stop`) or use another --data-dir", path.display(), pid.map(|p| format!(" (process {p})")).unwrap_or_default())]
    HomeInUse {
        /// The home.
        path: PathBuf,
        /// The other's process id, where it is known.
        pid: Option<u32>,
    },
    /// A PostgreSQL that we did not start runs on the data directory.
    #[error("the data directory {} is in use by process {pid} ({program}), which Basalt did not start; stop it with `kill -INT {pid}`", path.display())]
    DataInUse {
        /// The data directory.
        path: PathBuf,
        /// The process.
        pid: u32,
        /// Its program.
        program: String,
    },
    /// Backends of a postmaster that died are still at work.
    #[error("backends of an earlier PostgreSQL still use {}; wait a moment and start again, or end them (`pgrep postgres`)", path.display())]
    BackendsLeft {
        /// The data directory.
        path: PathBuf,
    },
    /// Somebody removed the data while the server ran.
    #[error("the data directory {} was removed while PostgreSQL ran on it; start again to make a new one", path.display())]
    DataGone {
        /// Where it was.
        path: PathBuf,
    },
    /// The directory holds something else.
    #[error("{} is not a data directory of Basalt: {what}; choose another with --data-dir", path.display())]
    NotOurs {
        /// The directory.
        path: PathBuf,
        /// What is there instead.
        what: String,
    },
    /// Nothing to run.
    #[error(
        "no PostgreSQL {wanted} on this machine, and none could be obtained: {reason}. Install one (Debian: `apt install postgresql`, \
         macOS: `brew install postgresql@17`) or npm, name an archive with --postgres-archive, or use a running one with --database-url"
    )]
    NoPostgres {
        /// `17`, or `15 to 18` where any would do.
        wanted: String,
        /// Why each way to obtain one failed.
        reason: String,
    },
    /// Root, and nobody to hand the cluster to.
    #[error(
        "PostgreSQL does not run as root, and no unprivileged user could be used: {reason}; create one (`useradd --system postgres`) or start Basalt as another user"
    )]
    NoUnprivilegedUser {
        /// What was tried.
        reason: String,
    },
    /// The system refused access.
    #[error("no permission to {what} {}: {hint}", path.display())]
    Permission {
        /// What was being done: `read`, `write`, …
        what: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// What to do about it.
        hint: String,
    },
    /// Any other trouble with a file.
    #[error("could not {what} {}: {source}", path.display())]
    Io {
        /// What was being done.
        what: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A program of PostgreSQL or a package client failed.
    #[error("{program} failed: {message}")]
    Program {
        /// Which program.
        program: String,
        /// Its last words.
        message: String,
    },
    /// PostgreSQL ended before it was ready.
    #[error("PostgreSQL did not start; the end of {}:\n{tail}", log.display())]
    StartFailed {
        /// Its log.
        log: PathBuf,
        /// The last lines.
        tail: String,
    },
    /// PostgreSQL took too long.
    #[error("PostgreSQL was not ready after {seconds} s; see {}", log.display())]
    StartTimeout {
        /// How long we waited, in seconds.
        seconds: u64,
        /// Its log.
        log: PathBuf,
    },
    /// PostgreSQL did not stop.
    #[error("PostgreSQL (process {pid}) did not stop within {seconds} s; end it with `kill -QUIT {pid}`")]
    StopTimeout {
        /// The postmaster.
        pid: u32,
        /// How long we waited, in seconds.
        seconds: u64,
    },
    /// A setting that cannot be written into postgresql.conf.
    #[error("the PostgreSQL setting {name:?} is not usable: {reason}")]
    BadSetting {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The first words with the server went wrong.
    #[error("PostgreSQL started, but refused our first connection: {0}")]
    Connect(#[from] tokio_postgres::Error),
}

fn join(majors: &[u32]) -> String {
    majors.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

impl Error {
    /// An error of the file system, with what was done and to what; a full disk and a refusal get their own words.
    pub(crate) fn io(what: &'static str, path: impl AsRef<Path>, source: io::Error) -> Self {
        let path = path.as_ref().to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            io::ErrorKind::PermissionDenied => {
                Self::Permission { what, path, hint: "check who owns it, or choose another with --data-dir".to_owned() }
            }
            io::ErrorKind::ReadOnlyFilesystem => Self::Permission {
                what,
                path,
                hint: "it is on a read-only disk; choose another with --data-dir".to_owned(),
            },
            _ => Self::Io { what, path, source },
        }
    }
}

/// Adds what was done, and to what, to an error of the file system.
pub(crate) trait IoContext<T> {
    /// `what` is a verb: `read`, `create`, …
    fn at(self, what: &'static str, path: impl AsRef<Path>) -> Result<T, Error>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn at(self, what: &'static str, path: impl AsRef<Path>) -> Result<T, Error> {
        self.map_err(|source| Error::io(what, path, source))
    }
}

impl<T> IoContext<T> for nix::Result<T> {
    fn at(self, what: &'static str, path: impl AsRef<Path>) -> Result<T, Error> {
        self.map_err(|errno| Error::io(what, path, errno.into()))
    }
}
