//! `basalt start [DIR…]`

use std::collections::HashMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::progress::Progress;
use crate::project::{self, Location, Overrides, Running};
use crate::say;

/// How long open requests may go on after SIGTERM.
const GRACE: Duration = Duration::from_secs(20);

/// Run one or more projects until Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  basalt start                        the project in this folder\n  \
    basalt start shop blog              two projects in one process, each on its own port\n  \
    basalt start --detach               in the background; `basalt stop` ends it\n  \
    basalt start --database-url URL     on a PostgreSQL that is already there")]
pub struct Args {
    /// Project folders; each holds supabase/config.toml.
    #[arg(value_name = "DIR", default_value = ".")]
    pub folders: Vec<PathBuf>,
    /// Return when the project is ready, and leave it running.
    #[arg(long)]
    pub detach: bool,
    #[command(flatten)]
    pub overrides: Overrides,
}

/// Brings all projects up, waits for a signal, brings them down.
pub async fn run(args: Args) -> anyhow::Result<()> {
    if args.folders.len() > 1 {
        args.overrides.only_for_one()?;
    }
    if args.detach {
        return detach(&args).await;
    }
    // Before anything is started: a Ctrl-C half-way must not leave a PostgreSQL behind.
    let mut signals = Signals::listen()?;
    let progress = Progress::start();
    let mut running = Vec::new();
    let up = async {
        let mut plans = Vec::new();
        for folder in &args.folders {
            plans.push(project::Plan::read(&Location::project(folder), &args.overrides, &progress)?);
        }
        refuse_equal_ports(&plans)?;
        let workers = service::Workers::start()?;
        for plan in plans {
            running.push(Running::up(plan, &workers, &progress).await?);
        }
        anyhow::Ok(())
    };
    let result = tokio::select! {
        result = up => result,
        () = signals.received() => Ok(()),
    };
    progress.done();
    if result.is_ok() && running.len() == args.folders.len() {
        let secrets = std::io::stdout().is_terminal();
        for project in &running {
            say::out(project.summary(secrets));
        }
        tokio::spawn(crate::memory::settle());
        signals.received().await;
        say::err("Stopping…");
    }
    for project in running {
        project.down(GRACE).await;
    }
    result
}

/// What asks us to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// The terminal is closed. `None` where that is ignored (`nohup`).
    hangup: Option<Signal>,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        let ignored = std::fs::read_to_string("/proc/self/status").map_or(true, |status| ignores_hangup(&status));
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: if ignored { None } else { Some(signal(SignalKind::hangup())?) },
        })
    }

    async fn received(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = hangup => {}
        }
    }
}

/// `SigIgn: 0000000000001001`: signal 1 is the lowest bit.
fn ignores_hangup(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// Two projects cannot share a port: says which line to change.
fn refuse_equal_ports(plans: &[project::Plan]) -> anyhow::Result<()> {
    let mut taken: HashMap<u16, String> = HashMap::new();
    for plan in plans {
        for (section, port) in plan.ports() {
            let place = format!("{section} port in {}", plan.config_file().display());
            if let Some(other) = taken.insert(port, place.clone()) {
                bail!("port {port} is asked for twice:\n  {other}\n  {place}\nchange one of these lines");
            }
        }
    }
    Ok(())
}

/// Starts the same command in the background and waits until it is ready.
async fn detach(args: &Args) -> anyhow::Result<()> {
    let [folder] = args.folders.as_slice() else { bail!("--detach goes with one project; start the others likewise") };
    let location = Location::find(folder, args.overrides.data_dir.as_deref());
    if let Some(info) = project::run_file::running(location.home())? {
        bail!("this project is already running (process {})", info.pid);
    }
    if project::run_file::is_taken(location.home()) {
        bail!("this project is starting already");
    }
    pgserver::check_home(location.home())?;
    let log_path = location.home().join("logs/basalt.log");
    if let Some(parent) = log_path.parent() {
        std::fs::create_dir_all(parent)
            .with_context(|| format!("cannot create {} (--data-dir puts it elsewhere)", parent.display()))?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.create(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // Two that start at once must not write over each other.
    options.append(true);
    let log = options.open(&log_path).with_context(|| format!("cannot write {}", log_path.display()))?;
    log.set_len(0)?;
    let mut command = std::process::Command::new(std::env::current_exe()?);
    command.args(std::env::args_os().skip(1).filter(|arg| arg != "--detach"));
    // What a ready project prints is for this terminal; the log is for what happens later.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().context("cannot start the background process")?;
    loop {
        if let Some(status) = child.try_wait()? {
            let text = std::fs::read_to_string(&log_path).unwrap_or_default();
            bail!("the project did not start ({status}):\n{}", text.trim_end());
        }
        if let Some(info) = project::run_file::running(location.home())?.filter(|info| info.pid == child.id()) {
            // They would go unseen in the log: a key that is ignored, a file that is missing.
            let log = std::fs::read_to_string(&log_path).unwrap_or_default();
            let mut of_note = false;
            for line in log.lines() {
                of_note = line.starts_with("note: ") || (of_note && line.starts_with("  "));
                if of_note {
                    eprintln!("{line}");
                }
            }
            println!("{} runs in the background (process {}), log in {}", info.project, info.pid, log_path.display());
            println!("{}", project::status::background_summary(&location, &info, std::io::stdout().is_terminal())?);
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
