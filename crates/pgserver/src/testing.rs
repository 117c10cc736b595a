//! A cluster for tests: fast because it promises nothing, gone when the test process is. Keep the [`crate::Server`] on a runtime that
//! outlives single tests: dropped with one, it stops.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::signal::Signal;
use nix::unistd::Uid;

use crate::postmaster::{self, PidFile};
use crate::prefix::remove_tree;
use crate::{ExtensionFile, Lifetime, Options};

const NAME: &str = "basalt-test-";

/// What tests do without: safety against a power cut.
const SETTINGS: [(&str, &str); 4] =
    [("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off"), ("max_connections", "200")];

/// What a test run may need in memory, in bytes; with less there, it goes to the disk.
const MEMORY_ENOUGH: u64 = 4 << 30;

/// Options of a throw-away cluster on a free port, in memory where there is plenty (a new database is many small files: a tenth of the
/// time), else in the system's folder for temporary files. What earlier test processes left behind is removed.
pub fn throw_away(extension_files: Vec<ExtensionFile>) -> Options {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let root = root();
    sweep(&root);
    let home = root.join(format!("{NAME}{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    Options {
        settings: SETTINGS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        extension_files,
        cache_dir: Some(std::env::temp_dir().join(format!("basalt-cache-{}", Uid::effective()))),
        lifetime: Lifetime::ThrowAway,
        ..Options::new(home, 0)
    }
}

fn root() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if has_room(memory) { memory.to_owned() } else { std::env::temp_dir() }
}

/// Room enough, and programs may run there: a container's is small and often closed to them.
#[cfg(target_os = "linux")]
fn has_room(dir: &Path) -> bool {
    use nix::sys::statvfs::{FsFlags, statvfs};
    statvfs(dir).is_ok_and(|stat| {
        let free = stat.blocks_available().saturating_mul(stat.fragment_size());
        free >= MEMORY_ENOUGH && !stat.flags().intersects(FsFlags::ST_NOEXEC | FsFlags::ST_RDONLY)
    })
}

#[cfg(not(target_os = "linux"))]
fn has_room(_dir: &Path) -> bool {
    let _ = MEMORY_ENOUGH;
    false
}

/// Removes the homes of test processes that are gone, should their watchdog have been killed with them.
fn sweep(root: &Path) {
    let Ok(entries) = root.read_dir() else { return };
    for entry in entries.filter_map(Result::ok) {
        if let Some(pid) = owner(&entry.file_name().to_string_lossy())
            && !postmaster::alive(pid)
        {
            remove(&entry.path());
        }
    }
}

fn owner(name: &str) -> Option<u32> {
    name.strip_prefix(NAME)?.split('-').next()?.parse().ok()
}

fn remove(home: &Path) {
    let data: PathBuf = home.join("pgdata");
    if let Ok(postmaster::Holder::Ours(PidFile { pid, .. })) = postmaster::holder(&data, home) {
        let _ = postmaster::signal_to(pid, Some(Signal::SIGQUIT));
        return;
    }
    if let Err(error) = remove_tree(home) {
        tracing::debug!(%error, "an earlier test cluster could not be removed");
    }
}
