//! A cluster for tests: fast because it promises nothing, gone when the test process is.
//!
//! ```no_run
//! static CLUSTER: OnceLock<Server> = OnceLock::new();
//! let server = CLUSTER.get_or_init(|| testing::on_own_thread(testing::throw_away(extensions)).unwrap());
//! ```

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;

use nix::sys::signal::Signal;
use nix::unistd::Uid;

use crate::postmaster::{self, PidFile};
use crate::prefix::remove_tree;
use crate::{Error, ExtensionFile, Lifetime, Options, Server};

const NAME: &str = "basalt-test-";

/// What tests do without: safety against a power cut.
const SETTINGS: [(&str, &str); 4] =
    [("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off"), ("max_connections", "200")];

/// Options of a throw-away cluster in the system's folder for temporary files, on a free port. What earlier test processes left behind is
/// removed.
pub fn throw_away(extension_files: Vec<ExtensionFile>) -> Options {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let root = std::env::temp_dir();
    sweep(&root);
    let home = root.join(format!("{NAME}{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    Options {
        settings: SETTINGS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        extension_files,
        cache_dir: Some(root.join(format!("basalt-cache-{}", Uid::effective()))),
        lifetime: Lifetime::ThrowAway,
        ..Options::new(home, 0)
    }
}

/// Starts a server on a thread and runtime of its own, so that it outlives the runtimes of single tests. It is stopped with the process.
///
/// # Errors
/// Those of [`Server::start`].
pub fn on_own_thread(options: Options) -> Result<Server, Error> {
    let (sender, receiver) = mpsc::channel();
    let home = options.home.clone();
    let run = move || {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                let _ = sender.send(Err(Error::io("start a thread for", &options.home, error)));
                return;
            }
        };
        let quiet = |step: &str| tracing::debug!("{step}");
        let started = runtime.block_on(Server::start(options, quiet));
        if sender.send(started).is_ok() {
            runtime.block_on(std::future::pending::<()>());
        }
    };
    let gone = || Error::io("start a thread for", &home, std::io::Error::other("the thread ended"));
    std::thread::Builder::new().name("pgserver".to_owned()).spawn(run).map_err(|_| gone())?;
    receiver.recv().map_err(|_| gone())?
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
