//! A table of ratios with their goals.

use std::fmt::Write;
use std::path::Path;

use anyhow::Context;

use super::Args;
use crate::stats::median;

const BEGIN: &str = "<!-- bench auth: begin -->";
const END: &str = "<!-- bench auth: end -->";

/// What stands above the table.
const METHOD: &str = "\
## Auth

    cargo build --release -p basalt -p bench
    cargo run --release -p bench -- auth --write BENCHMARKS.md

- **Token check**: `serve rest` reads a row by its key with a token that it has seen before, and without any where the anonymous role has
  the same rights. What the first costs the server more in CPU (the check, the longer head, the longer claims) is set against all CPU of
  that request, PostgreSQL's included.
- **Refresh** and **GET /user**: `serve auth`, 32 connections, each of which trades the refresh token that it got last, against pgbench
  with the same statements (they are the service's own) in one flush, over durable storage.
- **Sign-in**: one at a time, its median against the median of one bcrypt check (cost 10) on a thread of the same kind, in the same round. A
  sign-in also waits for its commit: the storage's flush is part of what it takes.
- **Storm**: `basalt start`; 16 connections read rows, alone and beside twice as many sign-ins as the queue of hashes takes; who gets a 429
  waits a second.
";

/// Which way is good?
#[derive(Clone, Copy)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

/// One case.
pub struct Line {
    pub what: String,
    pub goal: Goal,
    /// A value per round.
    pub ratios: Vec<f64>,
    /// Medians of what the ratios were made of, in words.
    pub made_of: String,
}

/// Everything measured.
pub struct Report {
    about: String,
    lines: Vec<Line>,
}

impl Report {
    pub fn new(args: &Args) -> Self {
        let cpus = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split_whitespace().next().unwrap_or("?").to_owned();
        let (rounds, seconds) = (args.rounds, args.seconds);
        let about = format!("{cpus} CPUs; {rounds} rounds of {seconds} s a side; load before the start: {load}");
        Self { about, lines: Vec::new() }
    }

    /// Takes a case in, and says it.
    pub fn add(&mut self, line: Line) {
        eprintln!("{}", line.row());
        self.lines.push(line);
    }

    /// The report in Markdown.
    pub fn text(&self) -> String {
        let mut text =
            format!("{METHOD}\n{}.\n\n| what | median (interval) | goal | made of |\n|---|---|---|---|\n", self.about);
        for line in &self.lines {
            // Writing to a String does not fail.
            let _ = writeln!(text, "{}", line.row());
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

impl Line {
    fn row(&self) -> String {
        let ratio = median(&self.ratios);
        let (sign, goal, met) = match self.goal {
            Goal::AtLeast(goal) => ("≥", goal, ratio.value >= goal),
            Goal::AtMost(goal) => ("≤", goal, ratio.value <= goal),
        };
        format!(
            "| {} | **{:.3}** ({:.3}–{:.3}) | {sign} {goal:.2} {} | {} |",
            self.what,
            ratio.value,
            ratio.low,
            ratio.high,
            if met { "✓" } else { "missed" },
            self.made_of
        )
    }
}
