//! The server's process: its pid file, who it is, how it is started and stopped.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Child;

use crate::error::{Error, IoContext};
use crate::failure;
use crate::user::RunUser;

/// Crash recovery of a big database takes its time; beyond this we give up and say so.
const START_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// A fast shutdown writes a checkpoint; after this we insist.
pub(crate) const STOP_PATIENCE: Duration = Duration::from_secs(60);
/// As much for a server whose data is of no worth.
pub(crate) const SHORT_PATIENCE: Duration = Duration::from_secs(10);
/// After SIGQUIT it has no reason to linger.
const IMMEDIATE_STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long backends without a postmaster may finish by themselves, before each of two harder steps.
pub(crate) const ORPHAN_PATIENCE: Duration = Duration::from_secs(2);
/// How often a state is looked at while we wait for it.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What `postmaster.pid` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PidFile {
    pub pid: u32,
    pub data: PathBuf,
    pub port: u16,
    pub socket_dir: PathBuf,
    pub ready: bool,
}

impl PidFile {
    /// `None`: no file, or not a whole one yet.
    pub fn read(data: &Path) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(data.join("postmaster.pid")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        let data = PathBuf::from(lines.next()?);
        let _started = lines.next()?;
        let port = lines.next()?.trim().parse().ok()?;
        let socket_dir = PathBuf::from(lines.next()?);
        let status = lines.nth(2).unwrap_or_default().trim();
        Some(Self { pid, data, port, socket_dir, ready: status == "ready" })
    }
}

/// Who has the data directory.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    Nobody,
    /// A server that ended without cleaning up. `reused`: its number belongs to another program now, so that PostgreSQL would take it for
    /// alive and refuse to start; else the file is left to PostgreSQL, which also finds its shared memory by it.
    Dead {
        reused: bool,
    },
    /// A server of ours whose Basalt is gone.
    Ours(PidFile),
    /// A server that somebody else started.
    Foreign {
        pid: u32,
        program: String,
    },
}

/// Looks at `postmaster.pid` and at the process that it names. `place`: where our private prefixes are, by which a server of ours is known.
pub(crate) fn holder(data: &Path, place: &Path) -> Result<Holder, Error> {
    let path = data.join("postmaster.pid");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Holder::Nobody),
        Err(error) => return Err(Error::io("read", path, error)),
    };
    let Some(pid) = text.lines().next().and_then(|line| line.trim().parse::<u32>().ok()) else {
        // A power cut leaves it empty. PostgreSQL would refuse it; a server that is about to fill it is told from one that died below.
        return Ok(Holder::Dead { reused: orphans(data).is_empty() });
    };
    if !alive(pid) {
        return Ok(Holder::Dead { reused: false });
    }
    if !serves(pid, data) {
        return Ok(Holder::Dead { reused: true });
    }
    let program = program_of(pid);
    let ours =
        program.as_deref().is_none_or(|program| Path::new(program).starts_with(place) || !program.starts_with('/'));
    Ok(match PidFile::parse(&text) {
        Some(file) if ours => Holder::Ours(file),
        _ => Holder::Foreign { pid, program: program.unwrap_or_else(|| "unknown program".to_owned()) },
    })
}

/// Clears the way after a server that died: its backends, and a pid file that would mislead the next.
pub(crate) async fn clear_remains(data: &Path, reused: bool) -> Result<(), Error> {
    tracing::info!(data = %data.display(), "PostgreSQL did not stop cleanly last time; it recovers from its log");
    wait_for_orphans(data, ORPHAN_PATIENCE).await?;
    let path = data.join("postmaster.pid");
    if reused {
        std::fs::remove_file(&path).at("remove", &path)?;
    }
    Ok(())
}

/// Is there a process of this number (not a dead one that waits for its parent)?
pub(crate) fn alive(pid: u32) -> bool {
    let exists = !matches!(signal_to(pid, None), Err(Errno::ESRCH));
    exists && !is_zombie(pid)
}

fn is_zombie(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The state follows the name in parentheses, which may itself hold parentheses.
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z'))
}

/// Sends a signal, or only asks whether one could be sent.
pub(crate) fn signal_to(pid: u32, signal: Option<Signal>) -> Result<(), Errno> {
    let Ok(pid) = i32::try_from(pid) else { return Err(Errno::ESRCH) };
    if pid <= 1 {
        return Err(Errno::ESRCH);
    }
    kill(Pid::from_raw(pid), signal)
}

/// Does this process work in the data directory, as every process of a PostgreSQL does? Where there is no /proc, its name decides.
fn serves(pid: u32, data: &Path) -> bool {
    match std::fs::read_link(format!("/proc/{pid}/cwd")) {
        Ok(cwd) => data.canonicalize().is_ok_and(|data| data == cwd),
        Err(_) if Path::new("/proc/self").exists() => false,
        Err(_) => process_name(pid).is_some_and(|name| name.contains("postgres")),
    }
}

fn program_of(pid: u32) -> Option<String> {
    match std::fs::read_link(format!("/proc/{pid}/exe")) {
        Ok(path) => Some(path.to_string_lossy().into_owned()),
        Err(_) => process_name(pid),
    }
}

fn process_name(pid: u32) -> Option<String> {
    let output = std::process::Command::new("ps").args(["-o", "comm=", "-p", &pid.to_string()]).output().ok()?;
    let name = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!name.is_empty()).then_some(name)
}

/// Backends that live on after their postmaster died. A new one cannot start before they are gone.
pub(crate) fn orphans(data: &Path) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| *pid != std::process::id() && serves(*pid, data) && alive(*pid))
        .filter(|pid| {
            program_of(*pid).is_some_and(|program| program.trim_end_matches(" (deleted)").ends_with("postgres"))
        })
        .collect()
}

/// Waits until the backends of a dead postmaster are gone: they notice within moments, unless one is deep in a computation; those are
/// ended. What they had not committed is lost in any case, what they had is in the log.
pub(crate) async fn wait_for_orphans(data: &Path, patience: Duration) -> Result<(), Error> {
    let begun = Instant::now();
    let mut sent = None;
    loop {
        let left = orphans(data);
        if left.is_empty() {
            return Ok(());
        }
        let waited = begun.elapsed();
        let next = if waited > patience * 3 {
            return Err(Error::StopTimeout { pid: left[0], seconds: waited.as_secs() });
        } else if waited > patience * 2 {
            Some(Signal::SIGKILL)
        } else if waited > patience {
            Some(Signal::SIGQUIT)
        } else {
            None
        };
        if next != sent {
            tracing::warn!(?left, signal = ?next, "ending backends that outlived their postmaster");
            for pid in left {
                let _ = signal_to(pid, next);
            }
            sent = next;
        }
        tokio::time::sleep(LOOK_AGAIN * 4).await;
    }
}

/// A started server.
pub(crate) struct Launched {
    pub child: Child,
    pub pid: u32,
    /// Where in the log its words begin, in bytes.
    log_start: u64,
}

/// Starts `postgres` with its messages going to the end of `log`.
pub(crate) fn launch(user: &RunUser, postgres: &Path, data: &Path, log: &Path) -> Result<Launched, Error> {
    let out = open_log(log)?;
    let log_start = out.metadata().at("read", log)?.len();
    let err = out.try_clone().at("open", log)?;
    let child =
        user.command(postgres).arg("-D").arg(data).stdout(out).stderr(err).spawn().map_err(|error| {
            match error.kind() {
                std::io::ErrorKind::PermissionDenied => Error::Permission {
                    what: "run",
                    path: postgres.to_owned(),
                    hint: "its disk may be mounted noexec; choose another with --data-dir".to_owned(),
                },
                _ => Error::io("run", postgres, error),
            }
        })?;
    let pid = child.id().unwrap_or_default();
    Ok(Launched { child, pid, log_start })
}

fn open_log(log: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(log)
        .at("open", log)
}

/// Waits until the pid file says that connections are accepted, or the process has ended.
pub(crate) async fn wait_ready(
    launched: &mut Launched,
    data: &Path,
    log: &Path,
    progress: crate::Progress<'_>,
) -> Result<PidFile, Error> {
    let begun = Instant::now();
    let mut told = Duration::from_secs(2);
    loop {
        if let Some(file) = PidFile::read(data).filter(|file| file.pid == launched.pid && file.ready) {
            return Ok(file);
        }
        if launched.child.try_wait().at("wait for", data)?.is_some() {
            return Err(failure::explain(data, log, launched.log_start));
        }
        let waited = begun.elapsed();
        if waited > START_TIMEOUT {
            let _ = signal_to(launched.pid, Some(Signal::SIGINT));
            return Err(Error::StartTimeout { seconds: waited.as_secs(), log: log.to_owned() });
        }
        if waited > told {
            told += Duration::from_secs(10);
            progress("PostgreSQL is recovering; this takes as long as it had unfinished work");
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Ends a server: fast (clients are cut off, all is written), after `patience` at once.
pub(crate) async fn stop(pid: u32, patience: Duration, mut gone: impl FnMut() -> bool) -> Result<(), Error> {
    for (signal, limit) in [(Signal::SIGINT, patience), (Signal::SIGQUIT, IMMEDIATE_STOP_TIMEOUT)] {
        let _ = signal_to(pid, Some(signal));
        let begun = Instant::now();
        while begun.elapsed() < limit {
            if gone() {
                return Ok(());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        tracing::warn!(pid, %signal, "PostgreSQL did not stop in time");
    }
    Err(Error::StopTimeout { pid, seconds: (patience + IMMEDIATE_STOP_TIMEOUT).as_secs() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "4711\n/srv/p/pgdata\n1700000000\n54322\n/run/basalt/x\n127.0.0.1\n  123  456\nready   \n";

    #[test]
    fn the_pid_file_is_read() {
        let file = PidFile::parse(FILE).unwrap();
        assert_eq!((file.pid, file.port, file.ready), (4711, 54322, true));
        assert_eq!(file.socket_dir, Path::new("/run/basalt/x"));
        assert!(!PidFile::parse(&FILE.replace("ready", "starting")).unwrap().ready);
        assert_eq!(PidFile::parse("4711\n/srv/p/pgdata\n"), None, "a half-written one is none");
    }

    #[test]
    fn a_pid_file_of_another_process_is_stale() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("postmaster.pid");
        // Our own process is alive, but no PostgreSQL of this directory: the number was used again.
        std::fs::write(&file, FILE.replace("4711", &std::process::id().to_string())).unwrap();
        assert_eq!(holder(dir.path(), Path::new("/x")).unwrap(), Holder::Dead { reused: true });
        // What a power cut leaves of it.
        for rest in ["", "\0\0\0\0", "garbage"] {
            std::fs::write(&file, rest).unwrap();
            assert_eq!(holder(dir.path(), Path::new("/x")).unwrap(), Holder::Dead { reused: true }, "{rest:?}");
        }
        std::fs::remove_file(file).unwrap();
        assert_eq!(holder(dir.path(), Path::new("/x")).unwrap(), Holder::Nobody);
    }
}
