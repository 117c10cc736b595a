//! `basalt stop [DIR]`

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::bail;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::project::{Location, run_file};

/// How long a clean stop may take: requests drain, PostgreSQL writes its checkpoint.
const PATIENCE: Duration = Duration::from_secs(60);

/// Stop a project that runs: requests finish, then PostgreSQL stops cleanly.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The project's folder.
    #[arg(value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
    /// Where its data is, if not in DIR/.basalt.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// Asks the process to end and waits until it has.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let location = Location::find(&args.folder, args.data_dir.as_deref());
    let Some(info) = run_file::running(location.home())? else {
        if !stop_orphan(&location).await? {
            println!("{} is not running", location.folder().display());
        }
        return Ok(());
    };
    let pid = Pid::from_raw(i32::try_from(info.pid)?);
    match kill(pid, Signal::SIGTERM) {
        // Gone since we looked, which is what was asked for.
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => return Err(error.into()),
    }
    let deadline = Instant::now() + PATIENCE;
    while run_file::running(location.home())?.is_some_and(|now| now.pid == info.pid) {
        if Instant::now() > deadline {
            bail!(
                "process {pid} has not stopped after {} s; `kill -9 {pid}` ends it, and loses nothing",
                PATIENCE.as_secs()
            );
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("Stopped {}", info.project);
    // It may have been killed a moment ago, and not have gone yet when we looked: then it stopped nothing.
    stop_orphan(&location).await?;
    Ok(())
}

/// A Basalt that was killed may have left its PostgreSQL. True where it had.
async fn stop_orphan(location: &Location) -> anyhow::Result<bool> {
    let orphan = pgserver::stop_orphan(location.home()).await?;
    if let Some(pid) = orphan {
        println!("Stopped the PostgreSQL (process {pid}) that a killed basalt left running");
    }
    Ok(orphan.is_some())
}
