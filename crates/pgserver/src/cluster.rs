//! Making a cluster: `initdb`, or a copy of one that was made before.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::SUPERUSER;
use crate::error::{Error, IoContext};
use crate::failure;
use crate::find::Installation;
use crate::prefix::remove_tree;
use crate::user::RunUser;

/// The mark of a cluster that Basalt made.
const MARKER: &str = "basalt-cluster";

/// Changes when clusters are made in another way, so that older templates are not used.
const FORMAT: &str = "basalt cluster 1";

/// What is in the place where a cluster should be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    /// A cluster of ours, of this major version.
    Cluster(u32),
}

/// Looks at a data directory. Anything in it that is not ours is an error.
pub(crate) fn inspect(data: &Path) -> Result<Found, Error> {
    let version = match std::fs::read_to_string(data.join("PG_VERSION")) {
        Ok(version) => version,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let empty = data.read_dir().map_or(true, |mut entries| entries.next().is_none());
            let what = "it holds files, but no database".to_owned();
            return if empty { Ok(Found::Nothing) } else { Err(Error::NotOurs { path: data.to_owned(), what }) };
        }
        Err(error) => return Err(Error::io("read", data.join("PG_VERSION"), error)),
    };
    if !data.join(MARKER).exists() {
        let what =
            "its database was not made by Basalt (start that server and give --database-url, or dump and restore)";
        return Err(Error::NotOurs { path: data.to_owned(), what: what.to_owned() });
    }
    let what = || format!("PG_VERSION says {:?}", version.trim());
    let major = version.trim().parse().map_err(|_| Error::NotOurs { path: data.to_owned(), what: what() })?;
    Ok(Found::Cluster(major))
}

/// Makes a cluster at `data`, from the template in `cache` if there is one, and leaves a template there for the next.
/// It appears in one step: a start that is cut off leaves nothing that looks like a cluster.
pub(crate) async fn create(
    user: &RunUser,
    installation: &Installation,
    data: &Path,
    cache: Option<&Path>,
    progress: crate::Progress<'_>,
) -> Result<(), Error> {
    let aside = data.with_extension("new");
    remove_tree(&aside)?;
    let locale = locale().await;
    let template = cache.map(|cache| cache.join("templates").join(template_name(installation, &locale)));
    let copied = match &template {
        Some(template) if template.is_dir() => copy(template, &aside, user).await.inspect_err(|error| {
            tracing::warn!(%error, template = %template.display(), "the template cluster could not be copied");
        }),
        _ => Ok(false),
    };
    if !copied.unwrap_or(false) {
        remove_tree(&aside)?;
        progress("creating the database cluster");
        initdb(user, installation, &aside, &locale).await?;
        if let Some(template) = &template
            && let Err(error) = keep(&aside, template).await
        {
            tracing::debug!(%error, "no template cluster was kept");
        }
    }
    // A link to where the cluster should be was put there by us.
    if !data.is_symlink()
        && let Err(error) = std::fs::remove_dir(data)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(Error::io("replace", data, error));
    }
    std::fs::rename(&aside, data).at("create", data)
}

/// The locale of the database: as on Supabase where the machine has it, else one that orders by code point.
async fn locale() -> String {
    let listed = Command::new("locale").arg("-a").output().await.map(|output| output.stdout).unwrap_or_default();
    let listed = String::from_utf8_lossy(&listed).to_lowercase().replace('-', "");
    let has = |name: &str| listed.lines().any(|line| line.trim() == name);
    if has("en_us.utf8") { "en_US.UTF-8".to_owned() } else { "C.UTF-8".to_owned() }
}

fn template_name(installation: &Installation, locale: &str) -> String {
    let hash = Sha256::digest(format!("{FORMAT}\n{}\n{}\n{locale}", installation.version, installation.bin.display()));
    format!("{}-{}", installation.major, hex::encode(&hash[..8]))
}

async fn initdb(user: &RunUser, installation: &Installation, data: &Path, locale: &str) -> Result<(), Error> {
    std::fs::DirBuilder::new().mode(0o700).create(data).at("create", data)?;
    user.own(data)?;
    let program = installation.bin.join("initdb");
    let output = user
        .command(&program)
        .arg("-D")
        .arg(data)
        .args(["--username", SUPERUSER, "--encoding", "UTF8", "--locale", locale, "--lc-messages", "C"])
        // Both are written anew before the first start; until then nobody enters.
        .args(["--auth-local", "peer", "--auth-host", "reject", "--no-instructions", "--no-sync"])
        .output()
        .await
        .at("run", &program)?;
    if output.status.success() {
        let marker = data.join(MARKER);
        std::fs::write(&marker, format!("{FORMAT}\n")).at("write", &marker)?;
        return user.own(&marker);
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if failure::tells_of_no_room(&message) {
        return Err(Error::DiskFull { path: data.to_owned() });
    }
    if message.contains("invalid locale name") && locale != "C" {
        remove_tree(data)?;
        return Box::pin(initdb(user, installation, data, "C")).await;
    }
    Err(Error::Program { program: program.display().to_string(), message })
}

/// Keeps a copy of a fresh cluster. Two at once: the later one finds the place taken and throws its own away.
async fn keep(fresh: &Path, template: &Path) -> Result<(), Error> {
    let Some(parent) = template.parent() else { return Ok(()) };
    std::fs::create_dir_all(parent).at("create", parent)?;
    let me = RunUser { uid: 0, gid: 0, name: String::new(), switched: false };
    let aside = template.with_extension(format!("new-{:08x}", rand::random::<u32>()));
    remove_tree(&aside)?;
    let done = copy(fresh, &aside, &me).await.and_then(|_| std::fs::rename(&aside, template).at("create", template));
    match &done {
        Ok(()) => forget_older(template),
        Err(_) => remove_tree(&aside)?,
    }
    done
}

/// Removes the templates of earlier releases of this major, and half-made ones. Whoever copies from or to one at this moment does without.
fn forget_older(template: &Path) {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let kept = name(template);
    let Some((major, _)) = kept.split_once('-') else { return };
    let entries =
        template.parent().and_then(|parent| parent.read_dir().ok()).into_iter().flatten().filter_map(Result::ok);
    for path in entries.map(|entry| entry.path()) {
        let other = name(&path);
        if other != kept && other.starts_with(&format!("{major}-")) {
            let _ = remove_tree(&path);
        }
    }
}

/// Copies a cluster that is at rest, and gives the copy to `user`. `true` when done.
async fn copy(from: &Path, to: &Path, user: &RunUser) -> Result<bool, Error> {
    let (from, to, user) = (from.to_owned(), to.to_owned(), user.clone());
    let place = to.clone();
    tokio::task::spawn_blocking(move || copy_tree(&from, &to, &user))
        .await
        .map_err(|error| Error::io("copy", place, std::io::Error::other(error)))?
        .map(|()| true)
}

/// How much is read at once, in bytes; also the size of the holes that are kept.
const COPY_BUFFER: usize = 64 * 1024;
/// Compared with by `memcmp`, which is fast in a debug build too.
static ZEROS: [u8; COPY_BUFFER] = [0; COPY_BUFFER];
/// A cluster is a thousand small files, and most of the time goes into creating them.
const COPY_THREADS: usize = 3;

fn copy_tree(from: &Path, to: &Path, user: &RunUser) -> Result<(), Error> {
    let mut files = Vec::new();
    copy_dirs(from, to, user, &mut files)?;
    let share = files.len().div_ceil(COPY_THREADS).max(1);
    std::thread::scope(|scope| {
        let workers: Vec<_> = files.chunks(share).map(|files| scope.spawn(|| copy_files(files, user))).collect();
        let lost = || Error::io("copy", from, std::io::Error::other("a thread ended"));
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| lost())?)
    })
}

/// Makes the folders, and lists the files that go into them.
fn copy_dirs(from: &Path, to: &Path, user: &RunUser, files: &mut Vec<(PathBuf, PathBuf)>) -> Result<(), Error> {
    let mode = from.metadata().at("read", from)?.mode() & 0o777;
    std::fs::DirBuilder::new().mode(mode).create(to).at("create", to)?;
    user.own(to)?;
    for entry in from.read_dir().at("read", from)? {
        let entry = entry.at("read", from)?;
        let target = to.join(entry.file_name());
        if entry.file_type().at("read", entry.path())?.is_dir() {
            copy_dirs(&entry.path(), &target, user, files)?;
        } else {
            files.push((entry.path(), target));
        }
    }
    Ok(())
}

fn copy_files(files: &[(PathBuf, PathBuf)], user: &RunUser) -> Result<(), Error> {
    let mut buffer = vec![0; COPY_BUFFER];
    files.iter().try_for_each(|(from, to)| copy_file(from, to, user, &mut buffer))
}

/// Copies a file and leaves out what is zero: nine tenths of a first WAL segment.
fn copy_file(from: &Path, to: &Path, user: &RunUser, buffer: &mut [u8]) -> Result<(), Error> {
    let mut source = File::open(from).at("read", from)?;
    let meta = source.metadata().at("read", from)?;
    let mut target =
        OpenOptions::new().write(true).create_new(true).mode(meta.mode() & 0o777).open(to).at("create", to)?;
    user.own_file(&target, to)?;
    let mut hole = false;
    loop {
        let read = source.read(buffer).at("read", from)?;
        if read == 0 {
            break;
        }
        let block = &buffer[..read];
        hole = *block == ZEROS[..read];
        if hole {
            target.seek(SeekFrom::Current(read as i64)).at("write", to)?;
        } else {
            target.write_all(block).at("write", to)?;
        }
    }
    // A hole at the end has not made the file longer yet.
    if hole { target.set_len(meta.len()).at("write", to) } else { Ok(()) }
}

/// Writes all of a new cluster to the disk, beside its first minutes of work. `--no-sync` and the copy left that to the system.
pub(crate) async fn sync_to_disk(user: RunUser, installation: Installation, data: PathBuf) {
    let program = installation.bin.join("initdb");
    match user.command(&program).arg("--sync-only").arg("-D").arg(&data).output().await {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            tracing::warn!(message = %String::from_utf8_lossy(&output.stderr).trim(), "initdb --sync-only failed");
        }
        Err(error) => tracing::warn!(%error, "initdb --sync-only failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_equal_also_where_it_has_holes() {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from");
        std::fs::create_dir_all(from.join("sub")).unwrap();
        let mut sparse = vec![0_u8; 3 * COPY_BUFFER + 7];
        sparse[COPY_BUFFER + 5] = 9;
        std::fs::write(from.join("sub/sparse"), &sparse).unwrap();
        std::fs::write(from.join("empty"), b"").unwrap();
        std::fs::write(from.join("zeros"), vec![0_u8; 2 * COPY_BUFFER]).unwrap();
        let me = RunUser { uid: 0, gid: 0, name: String::new(), switched: false };
        copy_tree(&from, &dir.path().join("to"), &me).unwrap();
        assert_eq!(std::fs::read(dir.path().join("to/sub/sparse")).unwrap(), sparse);
        assert_eq!(std::fs::read(dir.path().join("to/zeros")).unwrap(), vec![0_u8; 2 * COPY_BUFFER]);
        assert_eq!(std::fs::read(dir.path().join("to/empty")).unwrap(), b"");
    }

    #[test]
    fn only_our_own_clusters_are_accepted() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(inspect(&dir.path().join("absent")).unwrap(), Found::Nothing);
        assert_eq!(inspect(dir.path()).unwrap(), Found::Nothing);
        std::fs::write(dir.path().join("PG_VERSION"), "16\n").unwrap();
        assert!(matches!(inspect(dir.path()), Err(Error::NotOurs { .. })));
        std::fs::write(dir.path().join(MARKER), "").unwrap();
        assert_eq!(inspect(dir.path()).unwrap(), Found::Cluster(16));
    }
}
