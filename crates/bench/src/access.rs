//! `bench access`: what proving and filling a database costs.

mod lint;

use std::path::PathBuf;

use crate::start::{Site, ms, replace, stop};

const BEGIN: &str = "<!-- bench access -->";
const END: &str = "<!-- end of bench access -->";

/// What and how often to measure.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// How often each is measured.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// The project; it is copied.
    #[arg(long, default_value = "blueprints/course-market")]
    project: PathBuf,
    /// Rows to make up.
    #[arg(long, default_value_t = 100_000)]
    rows: u64,
    /// Rewrite this file's part.
    #[arg(long)]
    write: Option<PathBuf>,
}

/// Measures, prints, and writes.
pub async fn run(args: &Args) -> anyhow::Result<()> {
    let work = tempfile::tempdir()?;
    let site = Site::new(&args.project, work.path())?;
    let (_, child) = site.start()?;
    let rows = args.rows.to_string();
    let seed = site.timed(args.rounds, &["db", "reset"], &["db", "seed", "--rows", &rows]);
    let matrix = site.timed(args.rounds, &["db", "reset"], &["db", "test"]);
    stop(child)?;
    let lint = lint::of_200_tables(args.rounds).await?;
    let mut text = format!(
        "\n    cargo build --release -p basalt -p bench\n    cargo run --release -p bench -- access --write BENCHMARKS.md\n\n\
         `{}`, {} rounds each, median with its interval.\n\n| what | goal | measured |\n|---|---|---|\n",
        args.project.display(),
        args.rounds
    );
    text.push_str(&format!("| db seed --rows {rows}, all triggers running | ≤ 10 s | {} |\n", ms(&seed?)));
    text.push_str(&format!("| db test: shadow, fixtures, matrix, pgTAP | ≤ 20 s | {} |\n", ms(&matrix?)));
    text.push_str(&format!("| lint of 200 tables: catalog, trials, rules | ≤ 2 s | {} |\n", ms(&lint)));
    println!("{text}");
    match &args.write {
        Some(file) => replace(file, BEGIN, END, "Authorization and made-up rows", &text),
        None => Ok(()),
    }
}
