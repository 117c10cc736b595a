//! Ends a cluster when the process that started it dies, however it dies.
//!
//! A shell waits on a pipe whose other end only we hold: the system closes it with us. That needs neither `unsafe` nor Linux, and holds for
//! threads that come and go, which the kernel's parent-death signal does not.

use std::path::Path;
use std::process::Stdio;

use tokio::process::{ChildStdin, Command};

use crate::error::{Error, IoContext};
use crate::options::Lifetime;

/// Reads until its input ends, then stops the postmaster that the pid file names and waits for it. `$1`: the data directory. `$2`:
/// what to remove afterwards, with all that follows, or nothing. A throw-away cluster need not write a checkpoint first.
const SCRIPT: &str = r#"
while read -r _; do :; done
pid=$(head -n 1 "$1/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then
  if [ -n "$2" ]; then kill -QUIT "$pid"; else kill -INT "$pid"; fi 2>/dev/null
  n=0
  while kill -0 "$pid" 2>/dev/null && [ $n -lt 600 ]; do n=$((n+1)); sleep 0.05; done
fi
if [ -n "$2" ]; then shift; rm -rf "$@"; fi
"#;

/// Alive as long as this is held; dropped, the cluster is ended as if we had died.
#[derive(Debug)]
pub(crate) struct Watchdog {
    _pipe: Option<ChildStdin>,
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
        Ok(Some(Self { _pipe: child.stdin.take() }))
    }
}
