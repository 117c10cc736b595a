//! Which PostgreSQL runs a home: the data decides, then config.toml, then what is there.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::Uid;

use crate::cluster::Found;
use crate::error::Error;
use crate::find::{self, Installation, NEWEST, OLDEST};
use crate::home::Home;
use crate::obtain::{self, Wish};
use crate::options::Options;
use crate::user::RunUser;

/// What is obtained when nobody asks for a version.
const DEFAULT_MAJOR: u32 = 17;

/// The installation to use: of the major that made the data, else of the one asked for, else the newest; obtained where none is there.
pub(crate) async fn installation(
    options: &Options,
    home: &Home,
    user: &RunUser,
    data: &Path,
    found: &Found,
    notes: &mut Vec<String>,
    progress: crate::Progress<'_>,
) -> Result<Installation, Error> {
    let made_by = match found {
        Found::Cluster(major) if !(OLDEST..=NEWEST).contains(major) => {
            return Err(Error::UnsupportedMajor { path: data.to_owned(), data: *major });
        }
        Found::Cluster(major) => Some(*major),
        Found::Nothing => None,
    };
    let store = store(options, home, user);
    let wanted = made_by.or(options.major);
    if let Some(url) = &options.archive_url {
        let wish = Wish { major: wanted.unwrap_or(DEFAULT_MAJOR), exactly: made_by.is_some(), archive_url: Some(url) };
        return obtain::obtain(&store, wish, progress).await;
    }
    let reachable = |installation: &Installation| user.barred_at(&installation.bin).is_none();
    let suits = |found: &&Installation| wanted.is_none_or(|wanted| found.major == wanted);
    let mut installed = find::all(options.search_path.as_deref(), wanted).await;
    installed.retain(reachable);
    // What was obtained earlier comes after what the machine's owner chose; each look costs a process.
    if installed.iter().find(suits).is_none() {
        let obtained = find::among(&obtain::obtained(&store), wanted).await;
        installed.extend(obtained.into_iter().filter(reachable));
    }
    let best = match (installed.iter().find(suits), installed.first()) {
        (Some(exact), _) => exact.clone(),
        (None, Some(_)) if made_by.is_some() && !options.fetch => {
            let installed = installed.iter().map(|installation| installation.major).collect();
            return Err(Error::OtherMajor { path: data.to_owned(), data: made_by.unwrap_or_default(), installed });
        }
        (None, Some(newest)) if !options.fetch => newest.clone(),
        _ => {
            let major = wanted.unwrap_or(DEFAULT_MAJOR);
            let exactly = made_by.is_some() || options.fetch;
            let wish = Wish { major, exactly, archive_url: None };
            obtain::obtain(&store, wish, progress).await?
        }
    };
    if let Some(asked) = options.major.filter(|asked| *asked != best.major) {
        let why = if made_by.is_some() { "the data directory was made by it" } else { "it is what is installed" };
        notes.push(format!(
            "running PostgreSQL {} although config.toml asks for {asked}: {why}{}",
            best.major,
            if made_by.is_some() { "" } else { " (--fetch-postgres obtains the other)" }
        ));
    }
    Ok(best)
}

/// Where obtained PostgreSQLs are kept: the cache if the cluster's user can reach it (root's home is closed to others).
fn store(options: &Options, home: &Home, user: &RunUser) -> PathBuf {
    let cache = options.cache_dir.as_deref().and_then(own_cache).filter(|cache| user.barred_at(cache).is_none());
    let cache = match cache {
        Some(cache) => cache,
        None if user.switched && user.barred_at(&home.root).is_some() => PathBuf::from("/var/cache/basalt"),
        None if user.switched && options.cache_dir.is_some() => PathBuf::from("/var/cache/basalt"),
        None => home.root.join("cache"),
    };
    cache.join("postgres")
}

/// The cache, if nobody else can put things into it: what lies there is run, and becomes databases.
pub(crate) fn own_cache(dir: &Path) -> Option<PathBuf> {
    std::fs::create_dir_all(dir).ok()?;
    let meta = dir.metadata().ok()?;
    let safe = meta.uid() == Uid::effective().as_raw() && meta.mode() & 0o022 == 0;
    if !safe {
        tracing::warn!(dir = %dir.display(), "the cache is not used: others may write there");
    }
    safe.then(|| dir.to_owned())
}
