//! A project's data directory: what lies where, who holds it, and where the cluster goes when its user cannot reach it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use nix::unistd::Uid;
use sha2::{Digest, Sha256};

use crate::error::{Error, IoContext};
use crate::user::{RunUser, private_dir};

/// Where clusters go whose user cannot reach the project.
const FALLBACK_ROOT: &str = "/var/lib/basalt";

/// The file that every home has, once a server was started on it.
const LOCK: &str = "basalt.lock";
/// What Basalt keeps in a home; a folder with other things is somebody else's, unless it has the lock as well.
const KNOWN: [&str; 10] =
    [LOCK, "cache", "pgdata", "shadow", "secrets", "logs", "storage", "run", "run.json", "basalt.json"];

/// Paths near this length (107 on Linux, 103 on macOS) do not fit into a socket's address.
const SOCKET_PATH_MAX: usize = 100;

/// A home that this process holds: nobody else starts on it until this is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct Home {
    pub root: PathBuf,
    /// Twelve hex digits of the path's hash: the name of what lies outside.
    pub id: String,
    _lock: Flock<File>,
    elsewhere_lock: Option<Flock<File>>,
}

impl Home {
    /// Creates the home if need be and takes its lock.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if !path.exists() {
            // What is private in it has its own mode; the cluster's user has to pass.
            make_dir(path, 0o711)?;
        }
        let root = path.canonicalize().at("read", path)?;
        refuse_foreign(&root)?;
        let lock = lock(&root)?;
        let id = hex::encode(&Sha256::digest(root.as_os_str().as_encoded_bytes())[..6]);
        Ok(Self { root, id, _lock: lock, elsewhere_lock: None })
    }

    /// Who owns the cluster's data, if there is any: it may only run as its owner.
    pub fn data_owner(&self) -> Option<u32> {
        [self.root.join("pgdata"), self.elsewhere().join("pgdata")]
            .iter()
            .find_map(|data| data.join("PG_VERSION").metadata().ok())
            .map(|meta| meta.uid())
    }

    /// The folder that holds `pgdata` and the private prefix: the home itself, or a place that `user` can reach, to which `pgdata` in the
    /// home is a link then.
    pub fn place(&mut self, user: &RunUser, notes: &mut Vec<String>) -> Result<PathBuf, Error> {
        let here = self.root.join("pgdata");
        let mut is_link = here.is_symlink();
        if is_link && !here.exists() {
            std::fs::remove_file(&here).at("remove", &here)?;
            is_link = false;
        }
        let barred = user.barred_at(&self.root);
        if here.join("PG_VERSION").exists() && !is_link {
            return match barred {
                None => Ok(self.root.clone()),
                Some(dir) => Err(Error::Permission {
                    what: "reach",
                    path: here,
                    hint: format!("`{}` may not enter {}; run `chmod a+x` on it", user.name, dir.display()),
                }),
            };
        }
        let elsewhere = self.elsewhere();
        if barred.is_none() && !elsewhere.join("pgdata/PG_VERSION").exists() {
            return Ok(self.root.clone());
        }
        make_dir(Path::new(FALLBACK_ROOT), 0o755)?;
        make_dir(&elsewhere, 0o755)?;
        if let Some(dir) = user.barred_at(&elsewhere) {
            let hint = format!("`{}` may enter neither it nor {}; run `chmod a+x` on it", user.name, dir.display());
            return Err(Error::Permission { what: "reach", path: self.root.clone(), hint });
        }
        // A copy of a project's folder has the same link: only one of the two runs at a time.
        self.elsewhere_lock = Some(lock(&elsewhere)?);
        if !is_link && here.symlink_metadata().is_err() {
            std::os::unix::fs::symlink(elsewhere.join("pgdata"), &here).at("create", &here)?;
        }
        notes.push(format!(
            "the database is in {}: PostgreSQL runs as `{}`, which could not enter {}",
            elsewhere.display(),
            user.name,
            barred.as_deref().unwrap_or(&self.root).display()
        ));
        Ok(elsewhere)
    }

    /// The place outside the home: where the link in it leads (the project may have been moved since), else by the home's path.
    fn elsewhere(&self) -> PathBuf {
        let linked = self.root.join("pgdata").read_link().ok().and_then(|target| target.parent().map(Path::to_owned));
        linked
            .filter(|place| place.parent() == Some(Path::new(FALLBACK_ROOT)))
            .unwrap_or_else(|| Path::new(FALLBACK_ROOT).join(&self.id))
    }

    /// `<home>/logs/postgresql.log`, its folder made.
    pub fn log_file(&self) -> Result<PathBuf, Error> {
        let logs = self.root.join("logs");
        make_dir(&logs, 0o755)?;
        Ok(logs.join("postgresql.log"))
    }

    /// `<home>/secrets`, readable by us only.
    pub fn secrets(&self) -> Result<PathBuf, Error> {
        let secrets = self.root.join("secrets");
        make_dir(&secrets, 0o700)?;
        Ok(secrets)
    }

    /// A short private folder for the socket: `/run/basalt/<id>` for root, `/run/user/<uid>/basalt-<id>` or `/tmp/basalt-<uid>-<id>` else.
    pub fn socket_dir(&self, user: &RunUser) -> Result<PathBuf, Error> {
        let id = &self.id;
        let per_user = PathBuf::from(format!("/run/user/{}", user.uid));
        let dir = if user.switched && make_dir(Path::new("/run/basalt"), 0o755).is_ok() {
            PathBuf::from(format!("/run/basalt/{id}"))
        } else if !user.switched && per_user.metadata().is_ok_and(|meta| meta.uid() == user.uid) {
            per_user.join(format!("basalt-{id}"))
        } else {
            PathBuf::from(format!("/tmp/basalt-{}-{id}", user.uid))
        };
        debug_assert!(dir.as_os_str().len() < SOCKET_PATH_MAX);
        private_dir(user, &dir)?;
        Ok(dir)
    }
}

/// Looks at what would be a home, and changes nothing: absent, empty, or one of ours is fine.
///
/// # Errors
/// [`Error::NotOurs`] where it holds something else, [`Error::UnsupportedMajor`] and the like are found by a start.
pub fn check_home(path: &Path) -> Result<(), Error> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io("read", path, error)),
        Ok(_) if !path.is_dir() => {
            return Err(Error::NotOurs { path: path.to_owned(), what: "it is not a directory".to_owned() });
        }
        Ok(_) => {}
    }
    refuse_foreign(path)?;
    match crate::cluster::inspect(&path.join("pgdata")) {
        // A cluster of another user cannot be looked into; a start says what to do about that.
        Err(Error::Permission { .. }) | Ok(_) => Ok(()),
        Err(error) => Err(error),
    }
}

/// A folder of other things is not turned into a home by mistake.
fn refuse_foreign(root: &Path) -> Result<(), Error> {
    let not_ours = |what: &str| Err(Error::NotOurs { path: root.to_owned(), what: what.to_owned() });
    if root.join("PG_VERSION").exists() {
        return not_ours(
            "it is the data directory of a PostgreSQL itself (to use that server, start it and give --database-url)",
        );
    }
    if root.join(LOCK).exists() {
        return Ok(());
    }
    let mut entries = root.read_dir().at("read", root)?.filter_map(Result::ok);
    let ours = |name: &std::ffi::OsStr| {
        // A second command at the same time has a shadow of its own, which may be all that is there yet.
        KNOWN.iter().any(|known| name == *known) || name.to_str().is_some_and(|name| name.starts_with("shadow-"))
    };
    match entries.find(|entry| !ours(&entry.file_name())) {
        Some(other) => not_ours(&format!("it holds other things, such as {}", other.file_name().to_string_lossy())),
        None => Ok(()),
    }
}

fn lock(root: &Path) -> Result<Flock<File>, Error> {
    let path = root.join(LOCK);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o644)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(&path)
        .at("open", &path)?;
    let mut lock = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => lock,
        Err((mut file, nix::errno::Errno::EWOULDBLOCK)) => {
            let mut text = String::new();
            let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            return Err(Error::HomeInUse { path: root.to_owned(), pid });
        }
        Err((_, errno)) => return Err(Error::io("lock", &path, errno.into())),
    };
    lock.set_len(0).and_then(|()| lock.rewind()).at("write", &path)?;
    writeln!(lock, "{}", std::process::id()).at("write", &path)?;
    Ok(lock)
}

/// Makes a folder of ours with this mode; an existing one must be ours and keeps its mode, except that a private one is closed again.
pub(crate) fn make_dir(path: &Path, mode: u32) -> Result<(), Error> {
    match std::fs::DirBuilder::new().recursive(true).mode(mode).create(path) {
        Ok(()) => {}
        Err(error) => return Err(Error::io("create", path, error)),
    }
    let meta = path.metadata().at("read", path)?;
    if meta.mode() & 0o777 != mode && meta.uid() == Uid::effective().as_raw() {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).at("change the mode of", path)?;
    }
    Ok(())
}
