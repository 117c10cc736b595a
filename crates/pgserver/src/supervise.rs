//! Watches the postmaster: one that dies is started again, one that should stop is stopped.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::process::Child;
use tokio::sync::{oneshot, watch};

use crate::error::{Error, IoContext};
use crate::postmaster::{self, Holder};
use crate::user::RunUser;
use crate::watchdog::Watchdog;

/// Between looks at a postmaster that is not our child.
const ADOPTED_LOOK: Duration = Duration::from_millis(250);
/// Between attempts to start again: at once, then longer, never longer than this.
const RETRY_MAX: Duration = Duration::from_secs(5);
/// The log is halved in number, not in growth: beyond this size it becomes `postgresql.log.1`.
const LOG_MAX_BYTES: u64 = 16 * 1024 * 1024;
/// How often the log's size is looked at.
const LOG_LOOK: Duration = Duration::from_secs(60);

/// Whether requests can be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Connections are accepted.
    Ready,
    /// The postmaster died; a new one is on its way. Requests wait briefly, then answer 503 with Retry-After.
    Restarting {
        /// When it died.
        since: Instant,
    },
    /// It was told to stop, and has.
    Stopped,
}

/// All that is needed to start the server again.
#[derive(Debug)]
pub(crate) struct Plan {
    pub user: RunUser,
    pub postgres: PathBuf,
    pub data: PathBuf,
    /// Where private prefixes are.
    pub place: PathBuf,
    pub log: PathBuf,
    /// Only this server's sockets are here.
    pub socket_dir: PathBuf,
    /// The postmaster's number, 0 while there is none.
    pub pid: AtomicU32,
    /// Who ends it should we be killed.
    pub watchdog: Option<Watchdog>,
    /// How long it may take to stop before it is made to.
    pub patience: Duration,
}

/// A postmaster: our child, or one that an earlier process left.
pub(crate) enum Running {
    Child(Child),
    Adopted(u32),
}

impl Running {
    /// Waits for its end.
    async fn ended(&mut self) -> String {
        match self {
            Self::Child(child) => match child.wait().await {
                Ok(status) => status.to_string(),
                Err(error) => error.to_string(),
            },
            Self::Adopted(pid) => {
                while postmaster::alive(*pid) {
                    tokio::time::sleep(ADOPTED_LOOK).await;
                }
                "gone".to_owned()
            }
        }
    }

    async fn stop(&mut self, patience: Duration) -> Result<(), Error> {
        match self {
            Self::Child(child) => match child.id() {
                Some(pid) => postmaster::stop(pid, patience, || !matches!(child.try_wait(), Ok(None))).await,
                None => Ok(()),
            },
            Self::Adopted(pid) => {
                let pid = *pid;
                postmaster::stop(pid, patience, || !postmaster::alive(pid)).await
            }
        }
    }
}

impl Plan {
    /// Starts a postmaster and waits until it accepts connections.
    pub async fn launch(&self, progress: crate::Progress<'_>) -> Result<Running, Error> {
        self.clear_sockets();
        if let Some(watchdog) = &self.watchdog {
            watchdog.launching();
        }
        let launched = postmaster::launch(&self.user, &self.postgres, &self.data, &self.log);
        self.set_pid(launched.as_ref().map_or(0, |launched| launched.pid));
        let mut launched = launched?;
        match postmaster::wait_ready(&mut launched, &self.data, &self.log, progress).await {
            Ok(_) => Ok(Running::Child(launched.child)),
            Err(error) => {
                self.set_pid(0);
                Err(error)
            }
        }
    }

    /// Notes the postmaster's number, 0 for none, and tells the watchdog.
    pub fn set_pid(&self, pid: u32) {
        self.pid.store(pid, Ordering::Relaxed);
        if let Some(watchdog) = &self.watchdog {
            watchdog.watch(Some(pid).filter(|pid| *pid != 0));
        }
    }

    /// Removes what a dead server left in the folder for its sockets: a lock file there names a process, whose number may belong to another
    /// by now, and PostgreSQL would refuse to start. Nobody else's sockets are in it, and no server of ours runs when this is called.
    fn clear_sockets(&self) {
        let entries = self.socket_dir.read_dir().into_iter().flatten().filter_map(Result::ok);
        for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(".s.PGSQL.")) {
            if let Err(error) = std::fs::remove_file(entry.path()) {
                tracing::debug!(%error, path = %entry.path().display(), "a socket of an earlier server stays");
            }
        }
    }

    /// Starts anew after a death, once the backends of the dead one are gone.
    async fn relaunch(&self) -> Result<Running, Error> {
        match postmaster::holder(&self.data, &self.place)? {
            Holder::Dead { reused } => postmaster::clear_remains(&self.data, reused).await?,
            Holder::Foreign { pid, program } => return Err(Error::DataInUse { path: self.data.clone(), pid, program }),
            Holder::Ours(file) => return Ok(Running::Adopted(file.pid)),
            Holder::Nobody => {}
        }
        self.launch(&|message| tracing::info!("{message}")).await
    }
}

/// The supervising task. Ends when `stop` is sent or dropped, with the postmaster stopped.
pub(crate) async fn watch(
    plan: &Plan,
    mut running: Running,
    state: watch::Sender<State>,
    mut stop: oneshot::Receiver<()>,
) -> Result<(), Error> {
    let mut look = tokio::time::interval(LOG_LOOK);
    loop {
        let how = tokio::select! {
            how = running.ended() => how,
            _ = &mut stop => break,
            _ = look.tick() => {
                keep_log_small(&plan.log);
                continue;
            }
        };
        plan.set_pid(0);
        if !plan.data.join("PG_VERSION").exists() {
            // Its folder was removed while it ran; to start again is up to a new Basalt, which makes a new cluster.
            tracing::error!(data = %plan.data.display(), "the data directory is gone, and PostgreSQL with it");
            state.send_replace(State::Stopped);
            return Err(Error::DataGone { path: plan.data.clone() });
        }
        tracing::error!(%how, log = %plan.log.display(), "PostgreSQL ended; starting it again");
        state.send_replace(State::Restarting { since: Instant::now() });
        tokio::select! {
            again = start_again(plan) => running = again,
            _ = &mut stop => {
                state.send_replace(State::Stopped);
                return stop_half_started(plan).await;
            }
        }
        tracing::info!("PostgreSQL is back");
        state.send_replace(State::Ready);
    }
    let stopped = running.stop(plan.patience).await;
    plan.set_pid(0);
    state.send_replace(State::Stopped);
    stopped
}

async fn start_again(plan: &Plan) -> Running {
    let mut delay = Duration::from_millis(100);
    loop {
        match plan.relaunch().await {
            Ok(running) => {
                if let Running::Adopted(pid) = running {
                    plan.set_pid(pid);
                }
                return running;
            }
            Err(error) => {
                tracing::error!(%error, retry_in_ms = delay.as_millis() as u64, "PostgreSQL does not start again");
            }
        }
        tokio::time::sleep(delay).await;
        delay = (delay * 2).min(RETRY_MAX);
    }
}

/// Told to stop while a new one was on its way: it may have got a process already.
async fn stop_half_started(plan: &Plan) -> Result<(), Error> {
    match plan.pid.swap(0, Ordering::Relaxed) {
        0 => Ok(()),
        pid => postmaster::stop(pid, plan.patience, || !postmaster::alive(pid)).await,
    }
}

/// The server appends to its log; a long one is copied aside and emptied in place.
pub(crate) fn keep_log_small(log: &Path) {
    if log.metadata().is_ok_and(|meta| meta.len() > LOG_MAX_BYTES)
        && let Err(error) = rotate(log)
    {
        tracing::warn!(%error, "the log of PostgreSQL could not be shortened");
    }
}

fn rotate(log: &Path) -> Result<(), Error> {
    let older = log.with_extension("log.1");
    std::fs::copy(log, &older).at("write", &older)?;
    OpenOptions::new().write(true).truncate(true).open(log).at("shorten", log).map(drop)
}
