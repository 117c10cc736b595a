//! `bench start`: how long a project takes to come up, and what it holds in memory when nobody asks for anything.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::process;
use crate::stats::{Median, median};

const BEGIN: &str = "<!-- bench start -->";
const END: &str = "<!-- end of bench start -->";

/// What and how often to measure.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// How often each start is measured.
    #[arg(long, default_value_t = 10)]
    rounds: usize,
    /// The project; it is copied.
    #[arg(long, default_value = "blueprints/course-market")]
    project: PathBuf,
    /// Seconds to wait before memory is read.
    #[arg(long, default_value_t = 60)]
    idle: u64,
    /// Rewrite this file's part.
    #[arg(long)]
    write: Option<PathBuf>,
}

/// A line of the report.
struct Line {
    what: &'static str,
    goal: &'static str,
    value: String,
}

/// Measures, prints, and writes.
pub async fn run(args: &Args) -> anyhow::Result<()> {
    let work = tempfile::tempdir()?;
    let site = Site::new(&args.project, work.path())?;

    let mut lines = Vec::new();
    let (first, child) = site.start()?;
    stop(child)?;
    lines.push(line("the very first start on a machine (initdb, migrations, seed)", "–", ms(&[first])));
    let mut fresh = Vec::new();
    for _ in 0..args.rounds {
        std::fs::remove_dir_all(site.home())?;
        let (took, child) = site.start()?;
        fresh.push(took);
        stop(child)?;
    }
    lines.push(line("first start on a fresh data directory (migrations, seed)", "≤ 5 s", ms(&fresh)));
    let mut warm = Vec::new();
    for _ in 0..args.rounds {
        let (took, child) = site.start()?;
        warm.push(took);
        stop(child)?;
    }
    lines.push(line("warm start to the first answered request", "≤ 1 s", ms(&warm)));

    let (_, child) = site.start()?;
    let reset = site.timed(args.rounds, &[], &["db", "reset"])?;
    lines.push(line("db reset: platform, migrations, seed", "≤ 2 s", ms(&reset)));
    stop(child)?;

    let (_, child) = site.start()?;
    std::thread::sleep(Duration::from_secs(args.idle));
    let own = process::pss_kib(child.id());
    let postgres = process::pss_kib_of_family(site.postmaster()?);
    lines.push(line("idle memory of Basalt (PSS)", "≤ 20 MiB", mib(own)));
    lines.push(line("idle memory with PostgreSQL (PSS)", "≤ 45 MiB", mib(own + postgres)));
    stop(child)?;

    let mut made = Vec::new();
    // The first brings up the cluster that all tests of a run share.
    drop(testkit::database().await);
    for _ in 0..args.rounds.max(10) {
        let began = Instant::now();
        let database = testkit::database().await;
        drop(database.admin.connect().await?);
        made.push(began.elapsed().as_secs_f64());
    }
    lines.push(line("a fresh database for a test, until it is connected to (fsync off)", "≤ 200 ms", ms(&made)));

    let mut text = format!(
        "\n`{}`, {} rounds each, median with its interval; memory after {} s without a request.\n\n| what | goal | measured |\n|---|---|---|\n",
        args.project.display(),
        args.rounds,
        args.idle
    );
    for line in &lines {
        text.push_str(&format!("| {} | {} | {} |\n", line.what, line.goal, line.value));
    }
    println!("{text}");
    match &args.write {
        Some(file) => replace(file, BEGIN, END, "Starting", &text),
        None => Ok(()),
    }
}

/// A project that is started and stopped.
pub struct Site {
    basalt: PathBuf,
    project: PathBuf,
    cache: PathBuf,
    api: u16,
    db: u16,
}

impl Site {
    /// A copy of `project` in `work`, with the `basalt` beside this program.
    pub fn new(project: &Path, work: &Path) -> anyhow::Result<Self> {
        let basalt = std::env::current_exe()?.with_file_name("basalt");
        if !basalt.exists() {
            bail!("build it first: cargo build --release -p basalt (looked for {})", basalt.display());
        }
        let copied = work.join("project");
        copy(project, &copied)?;
        Ok(Self { basalt, project: copied, cache: work.join("cache"), api: free_port()?, db: free_port()? })
    }

    fn home(&self) -> PathBuf {
        self.project.join(".basalt")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.basalt);
        command.args(words).current_dir(&self.project).env("XDG_CACHE_HOME", &self.cache);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Seconds until a request to REST is answered.
    pub fn start(&self) -> anyhow::Result<(f64, Child)> {
        let (api, db) = (self.api.to_string(), self.db.to_string());
        let began = Instant::now();
        let mut child = self.command(&["start", ".", "--port", &api, "--db-port", &db]).spawn()?;
        while !answers(self.api) {
            if let Some(status) = child.try_wait()? {
                bail!("basalt start ended with {status}");
            }
            if began.elapsed() > Duration::from_secs(120) {
                let _ = child.kill();
                bail!("basalt start is not ready after 120 s");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok((began.elapsed().as_secs_f64(), child))
    }

    /// Seconds that a command of ours takes, each time after another that is not counted (none: an empty one).
    pub fn timed(&self, rounds: usize, before: &[&str], words: &[&str]) -> anyhow::Result<Vec<f64>> {
        let run = |words: &[&str]| {
            let status = self.command(words).status()?;
            if status.success() { Ok(()) } else { bail!("basalt {} ended with {status}", words.join(" ")) }
        };
        let mut took = Vec::new();
        for _ in 0..rounds {
            if !before.is_empty() {
                run(before)?;
            }
            let began = Instant::now();
            run(words)?;
            took.push(began.elapsed().as_secs_f64());
        }
        Ok(took)
    }

    fn postmaster(&self) -> anyhow::Result<u32> {
        let path = self.home().join("pgdata/postmaster.pid");
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(text.lines().next().unwrap_or_default().trim().parse()?)
    }
}

fn answers(port: u16) -> bool {
    use std::io::{Read, Write};
    let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) else { return false };
    let request = "GET /rest/v1/courses?select=id&limit=1 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let mut answer = String::new();
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

pub fn stop(mut child: Child) -> anyhow::Result<()> {
    Command::new("kill").arg(child.id().to_string()).status()?;
    child.wait()?;
    Ok(())
}

/// A port that nobody listens on.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name();
        if name == ".basalt" || name == "node_modules" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to.join(name))?;
        } else {
            std::fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}

fn line(what: &'static str, goal: &'static str, value: String) -> Line {
    Line { what, goal, value }
}

pub fn ms(seconds: &[f64]) -> String {
    let Median { value, low, high } = median(seconds);
    if seconds.len() == 1 {
        return format!("{:.0} ms (once)", value * 1e3);
    }
    format!("**{:.0} ms** ({:.0}–{:.0})", value * 1e3, low * 1e3, high * 1e3)
}

fn mib(kib: u64) -> String {
    format!("**{:.1} MiB**", kib as f64 / 1024.0)
}

/// Rewrites the part of `file` between two marks, or adds it.
pub fn replace(file: &Path, begin: &str, end: &str, title: &str, text: &str) -> anyhow::Result<()> {
    let old = std::fs::read_to_string(file).unwrap_or_else(|_| "# Benchmarks\n".to_owned());
    let part = format!("{begin}\n## {title}\n{text}{end}");
    let new = match (old.find(begin), old.find(end)) {
        (Some(from), Some(to)) => format!("{}{part}{}", &old[..from], &old[to + end.len()..]),
        _ => format!("{old}\n{part}\n"),
    };
    std::fs::write(file, new).with_context(|| file.display().to_string())
}
