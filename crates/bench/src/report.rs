//! The report: a table of ratios, and what is needed to trust it.

use std::fmt::Write;
use std::path::Path;

use anyhow::Context;

use crate::RestArgs;
use crate::database::Cluster;
use crate::growth::Growth;
use crate::rival::Compared;
use crate::stats::{Median, median};

const BEGIN: &str = "<!-- bench rest: begin -->";
const END: &str = "<!-- bench rest: end -->";

/// One case at one number of connections, a value per round.
#[derive(Default)]
pub struct CaseResult {
    name: &'static str,
    connections: usize,
    goal: Option<f64>,
    pub ratios: Vec<f64>,
    pub limit: Vec<f64>,
    pub per_second: Vec<f64>,
    pub p50_ms: Vec<f64>,
    pub p99_ms: Vec<f64>,
    pub server_us: Vec<f64>,
    pub database_us: Vec<f64>,
}

/// Row reads alone and beside long lists.
#[derive(Default)]
pub struct Mixed {
    pub ratios: Vec<f64>,
    pub alone_p99_ms: Vec<f64>,
    pub beside_p99_ms: Vec<f64>,
    pub alone_per_second: Vec<f64>,
    pub beside_per_second: Vec<f64>,
    pub lists_per_second: Vec<f64>,
}

/// Everything measured.
pub struct Report {
    about: String,
    pub cases: Vec<CaseResult>,
    pub bulk: Option<Vec<f64>>,
    pub mixed: Option<Mixed>,
    pub rival: Vec<Compared>,
    pub growth: Vec<Growth>,
    pub idle_memory_kib: u64,
    pub idle_database_kib: u64,
    pub loaded_memory_kib: u64,
}

impl CaseResult {
    pub fn new(name: &'static str, connections: usize, goals: &[(usize, f64)]) -> Self {
        let goal = goals.iter().find(|(at, _)| *at == connections).map(|(_, goal)| *goal);
        Self { name, connections, goal, ..Self::default() }
    }

    /// A row of the table.
    pub fn line(&self) -> String {
        let m = |values: &[f64]| median(values).value;
        let ratio = median(&self.ratios);
        format!(
            "| {} | {} | {} | {} | {:.0} | {:.0} | {:.2} / {:.1} | {:.0} · {:.0} | {:.2} |",
            self.name,
            self.connections,
            shown(ratio),
            goal(self.goal, ratio, |value, goal| value >= goal),
            m(&self.per_second),
            m(&self.limit),
            m(&self.p50_ms),
            m(&self.p99_ms),
            m(&self.server_us),
            m(&self.database_us),
            m(&self.server_us) / m(&self.database_us),
        )
    }
}

impl Report {
    pub fn new(cluster: &Cluster, args: &RestArgs) -> Self {
        let cpus = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        let model = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = model.lines().find_map(|l| l.strip_prefix("model name")?.split_once(": ")).map_or("", |(_, m)| m);
        let version = std::process::Command::new(cluster.program("postgres")).arg("--version").output();
        let version = version.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned()).unwrap_or_default();
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split_whitespace().next().unwrap_or("?").to_owned();
        let about = format!(
            "{cpus} CPUs ({model}), {version}; {} rounds of {} s a side; load before the start: {load}",
            args.rounds, args.seconds
        );
        Self {
            about,
            cases: Vec::new(),
            bulk: None,
            mixed: None,
            rival: Vec::new(),
            growth: Vec::new(),
            idle_memory_kib: 0,
            idle_database_kib: 0,
            loaded_memory_kib: 0,
        }
    }

    /// The whole report in Markdown.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{}.\n\n| case | connections | ÷ pgbench (interval) | goal | requests/s | pgbench/s | p50 / p99 ms | CPU µs: server · PostgreSQL | ratio |\n\
             |---|---|---|---|---|---|---|---|---|\n",
            self.about
        );
        for case in &self.cases {
            text.push_str(&case.line());
            text.push('\n');
        }
        // Writing to a String does not fail.
        if let Some(ratios) = &self.bulk {
            let ratio = median(ratios);
            let met = goal(Some(1.1), ratio, |value, goal| value <= goal);
            let _ = writeln!(
                text,
                "\nInsert of 1,000 rows, time ÷ COPY of the same rows: {} (goal ≤ {met}).",
                shown(ratio)
            );
        }
        if let Some(mixed) = &self.mixed {
            let ratio = median(&mixed.ratios);
            let m = |values: &[f64]| median(values).value;
            let _ = writeln!(
                text,
                "\nRow reads at 16 connections beside two clients that fetch 1,000 rows: p99 ÷ p99 alone {} (goal ≤ {}); \
                 p99 {:.1} → {:.1} ms, {:.0} → {:.0} requests/s, and {:.0} lists/s.",
                shown(ratio),
                goal(Some(2.0), ratio, |value, goal| value <= goal),
                m(&mixed.alone_p99_ms),
                m(&mixed.beside_p99_ms),
                m(&mixed.alone_per_second),
                m(&mixed.beside_per_second),
                m(&mixed.lists_per_second),
            );
        }
        let _ = writeln!(
            text,
            "\nMemory (PSS): server {:.1} MiB idle, {:.1} MiB after the run; PostgreSQL {:.1} MiB before it.",
            self.idle_memory_kib as f64 / 1024.0,
            self.loaded_memory_kib as f64 / 1024.0,
            self.idle_database_kib as f64 / 1024.0,
        );
        if !self.rival.is_empty() {
            text.push_str(
                "\n| ÷ postrust 3.1, 32 connections | ratio (interval) | goal | requests/s | postrust's |\n|---|---|---|---|---|\n",
            );
            for case in &self.rival {
                let ratio = median(&case.ratios);
                let met = goal(Some(case.goal), ratio, |value, goal| value >= goal);
                let (ours, theirs) = (median(&case.ours).value, median(&case.theirs).value);
                let _ = writeln!(text, "| {} | {} | {met} | {ours:.0} | {theirs:.0} |", case.name, shown(ratio));
            }
        }
        if !self.growth.is_empty() {
            text.push_str("\n| what grows | to | median | |\n|---|---|---|---|\n");
            for line in &self.growth {
                let digits = if line.value < 10.0 { 2 } else { 0 };
                let _ = writeln!(text, "| {} | {} | {:.digits$} | {} |", line.what, line.size, line.value, line.unit);
            }
        }
        text
    }

    /// Puts the report between the marks of a file, or at its end.
    pub fn write(&self, file: &Path) -> anyhow::Result<()> {
        let old = std::fs::read_to_string(file).unwrap_or_default();
        let part = format!("{BEGIN}\n{}{END}", self.text());
        let new = match (old.find(BEGIN), old.find(END)) {
            (Some(begin), Some(end)) => format!("{}{part}{}", &old[..begin], &old[end + END.len()..]),
            _ => format!("{old}\n{part}\n"),
        };
        std::fs::write(file, new).with_context(|| file.display().to_string())
    }
}

fn shown(ratio: Median) -> String {
    format!("**{:.2}** ({:.2}–{:.2})", ratio.value, ratio.low, ratio.high)
}

fn goal(goal: Option<f64>, ratio: Median, met: fn(f64, f64) -> bool) -> String {
    match goal {
        None => "–".to_owned(),
        Some(goal) => format!("{goal:.2} {}", if met(ratio.value, goal) { "✓" } else { "missed" }),
    }
}
