//! As whom the cluster runs, and what that user can reach.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::unistd::{Gid, Uid, User};
use tokio::process::Command;

use crate::error::{Error, IoContext};

/// Names in the order of our liking; the first that exists is taken.
const CANDIDATES: [&str; 2] = ["postgres", "basalt"];

/// Variables that would change what a PostgreSQL program does, or whom it talks to.
const FOREIGN_VARIABLES: [&str; 24] = [
    "PGDATA",
    "PGHOST",
    "PGHOSTADDR",
    "PGPORT",
    "PGDATABASE",
    "PGUSER",
    "PGPASSWORD",
    "PGPASSFILE",
    "PGOPTIONS",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGCLIENTENCODING",
    "PGTZ",
    "PGDATESTYLE",
    "PGGEQO",
    "PGSSLMODE",
    "PGAPPNAME",
    "NOTIFY_SOCKET",
    "LANG",
    "LANGUAGE",
    "LC_MESSAGES",
    "LC_CTYPE",
    "LC_COLLATE",
    "TZ",
];

/// The user that owns the data and runs the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunUser {
    /// User id.
    pub uid: u32,
    /// Primary group id; supplementary groups are dropped.
    pub gid: u32,
    /// Its name, as PostgreSQL's peer check sees it.
    pub name: String,
    /// Do we change to it (we are root), or is it ourselves?
    pub switched: bool,
}

impl RunUser {
    /// Chooses the user. `owner`: of an existing data directory, which decides (PostgreSQL refuses any other).
    pub(crate) async fn choose(owner: Option<u32>, notes: &mut Vec<String>) -> Result<Self, Error> {
        let me = Uid::effective();
        if !me.is_root() {
            let name = User::from_uid(me).ok().flatten().map_or_else(|| me.to_string(), |user| user.name);
            return Ok(Self { uid: me.as_raw(), gid: Gid::effective().as_raw(), name, switched: false });
        }
        if let Some(user) =
            owner.filter(|uid| *uid != 0).and_then(|uid| User::from_uid(Uid::from_raw(uid)).ok().flatten())
        {
            return Self::from_user(user).verified().await;
        }
        if let Some(user) = CANDIDATES.iter().find_map(|name| User::from_name(name).ok().flatten()) {
            return Self::from_user(user).verified().await;
        }
        let created = create_system_user().await;
        if let Some(user) = User::from_name("basalt").ok().flatten() {
            notes.push("created the system user `basalt`, as which PostgreSQL runs (it refuses root)".to_owned());
            return Self::from_user(user).verified().await;
        }
        let Some(nobody) = User::from_name("nobody").ok().flatten() else {
            return Err(Error::NoUnprivilegedUser {
                reason: created.err().unwrap_or_else(|| "no user `nobody`".to_owned()),
            });
        };
        notes.push(
            "PostgreSQL runs as `nobody`, since there is no user `postgres` and none could be created".to_owned(),
        );
        Self::from_user(nobody).verified().await
    }

    fn from_user(user: User) -> Self {
        Self { uid: user.uid.as_raw(), gid: user.gid.as_raw(), name: user.name, switched: true }
    }

    /// Can we become this user? Not in a container without the right to change users.
    async fn verified(self) -> Result<Self, Error> {
        match self.command("/bin/sh").args(["-c", ":"]).stdout(Stdio::null()).stderr(Stdio::null()).status().await {
            Ok(_) => Ok(self),
            Err(error) => {
                Err(Error::NoUnprivilegedUser { reason: format!("changing to `{}` failed: {error}", self.name) })
            }
        }
    }

    /// A command that runs as this user, in a process group of its own, with nothing of our environment that would mislead PostgreSQL.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        if self.switched {
            command.uid(self.uid).gid(self.gid).env("HOME", "/");
        }
        for name in FOREIGN_VARIABLES {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C").current_dir("/").process_group(0).stdin(Stdio::null());
        command
    }

    /// Hands a file or directory (not what a link points to) to this user.
    pub(crate) fn own(&self, path: &Path) -> Result<(), Error> {
        if self.switched {
            std::os::unix::fs::lchown(path, Some(self.uid), Some(self.gid)).at("change the owner of", path)?;
        }
        Ok(())
    }

    /// Hands an open file to this user.
    pub(crate) fn own_file(&self, file: &std::fs::File, path: &Path) -> Result<(), Error> {
        if self.switched {
            std::os::unix::fs::fchown(file, Some(self.uid), Some(self.gid)).at("change the owner of", path)?;
        }
        Ok(())
    }

    /// The first directory on the way to `path` (itself included) that this user may not enter; `None` if all is open.
    /// Judged by owner and mode: an access list may allow more, never less than we think.
    pub(crate) fn barred_at(&self, path: &Path) -> Option<PathBuf> {
        let full = path.canonicalize().ok()?;
        let mut way: Vec<&Path> = full.ancestors().collect();
        way.reverse();
        way.into_iter()
            .find(|dir| dir.metadata().is_ok_and(|meta| meta.is_dir() && !self.may_enter(&meta)))
            .map(Path::to_owned)
    }

    fn may_enter(&self, meta: &Metadata) -> bool {
        let mode = meta.mode();
        if meta.uid() == self.uid {
            mode & 0o100 != 0
        } else if meta.gid() == self.gid {
            mode & 0o010 != 0
        } else {
            mode & 0o001 != 0
        }
    }
}

/// `useradd` of the shadow tools, else `adduser` of busybox.
async fn create_system_user() -> Result<(), String> {
    let attempts: [(&str, &[&str]); 2] = [
        ("useradd", &["--system", "--no-create-home", "--shell", "/usr/sbin/nologin", "basalt"]),
        ("adduser", &["-S", "-D", "-H", "-s", "/sbin/nologin", "basalt"]),
    ];
    let mut why = Vec::new();
    for (program, arguments) in attempts {
        match Command::new(program).args(arguments).stdin(Stdio::null()).output().await {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) => why.push(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim())),
            Err(error) => why.push(format!("{program}: {error}")),
        }
    }
    Err(why.join("; "))
}

/// Opens a tree for everybody to read, whatever our umask is: the cluster's user runs what is in it. Links are not followed.
pub(crate) fn open_tree(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    let meta = path.symlink_metadata().at("read", path)?;
    if meta.is_symlink() {
        return Ok(());
    }
    let wanted = meta.mode() & 0o777 | if meta.is_dir() { 0o755 } else { 0o444 };
    if wanted != meta.mode() & 0o777 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(wanted)).at("change the mode of", path)?;
    }
    if meta.is_dir() {
        for entry in path.read_dir().at("read", path)? {
            open_tree(&entry.at("read", path)?.path())?;
        }
    }
    Ok(())
}

/// Makes a directory of mode 0700 that belongs to the user; an existing one is checked, not trusted.
pub(crate) fn private_dir(user: &RunUser, path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(Error::io("create", path, error)),
    }
    let meta = path.symlink_metadata().at("read", path)?;
    let mine = meta.uid() == user.uid || meta.uid() == Uid::effective().as_raw();
    if !meta.is_dir() || !mine {
        return Err(Error::Permission {
            what: "use",
            path: path.to_owned(),
            hint: "it belongs to somebody else; remove it, or start as its owner".to_owned(),
        });
    }
    if user.switched {
        chown(path, Some(user.uid), Some(user.gid)).at("change the owner of", path)?;
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).at("change the mode of", path)
}
