//! Ends a cluster when the process that started it dies, however it dies.
//!
//! A shell waits on a pipe whose other end only we hold: the system closes it with us. That needs neither `unsafe` nor Linux, and holds for
//! threads that come and go, which the kernel's parent-death signal does not.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{Error, IoContext};
use crate::options::Lifetime;

/// Reads words until its input ends, then stops the postmaster of which the last one told, and waits for it: `launching` (it is on its
/// way: its pid file will tell), a number, or `none`. Only a process that works in the data directory is touched. One that does not end
/// when asked (a full disk, a dead mount) is made to. `$1`: the data directory. `$2`: what to remove afterwards, with all that follows,
/// or nothing. A throw-away cluster need not write a checkpoint first.
const SCRIPT: &str = r#"
word=none
while read -r next; do word=$next; done
ours() { kill -0 "$1" 2>/dev/null && { [ ! -e /proc/self ] || [ "/proc/$1/cwd" -ef "$data" ]; }; }
data=$1
case $word in
  none) pid= ;;
  launching)
    n=0
    while pid=$(head -n 1 "$1/postmaster.pid" 2>/dev/null); [ $n -lt 40 ]; do
      if [ -n "$pid" ] && ours "$pid"; then break; fi
      n=$((n+1)); sleep 0.05
    done ;;
  *) pid=$word ;;
esac
if [ -n "$pid" ]; then
  steps="INT:600 QUIT:200 KILL:100"
  if [ -n "$2" ]; then steps="QUIT:200 KILL:100"; fi
  for step in $steps; do
    n=0
    if ours "$pid"; then kill -"${step%:*}" "$pid" 2>/dev/null; fi
    while ours "$pid" && [ $n -lt "${step#*:}" ]; do n=$((n+1)); sleep 0.05; done
  done
fi
if [ -n "$2" ]; then shift; rm -rf "$@"; fi
"#;

/// Alive as long as this is held; dropped, the cluster is ended as if we had died.
#[derive(Debug)]
pub(crate) struct Watchdog {
    pipe: Option<std::fs::File>,
}

impl Watchdog {
    /// Starts one where the lifetime asks for it.
    pub fn start(lifetime: Lifetime, data: &Path, home: &Path, socket_dir: &Path) -> Result<Option<Self>, Error> {
        let remove = match lifetime {
            Lifetime::Own => return Ok(None),
            Lifetime::Process => [Path::new(""); 3],
            Lifetime::ThrowAway => [home, socket_dir, data.parent().unwrap_or(home)],
        };
        let mut child = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "basalt-watchdog"])
            .arg(data)
            .args(remove)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .at("run", "/bin/sh")?;
        let pipe = child.stdin.take().map(|pipe| std::fs::File::from(std::os::fd::OwnedFd::from(pipe)));
        Ok(Some(Self { pipe }))
    }

    /// A postmaster is about to be started: should we die before we know its number, its pid file has it.
    pub fn launching(&self) {
        self.tell("launching");
    }

    /// The postmaster to end, or none.
    pub fn watch(&self, pid: Option<u32>) {
        self.tell(&pid.map_or_else(|| "none".to_owned(), |pid| pid.to_string()));
    }

    /// A watchdog that somebody ended is missed, but no reason to end the work.
    fn tell(&self, word: &str) {
        if let Some(mut pipe) = self.pipe.as_ref()
            && let Err(error) = pipe.write_all(format!("{word}\n").as_bytes())
        {
            tracing::debug!(%error, "nobody ends PostgreSQL should this process be killed");
        }
    }
}
