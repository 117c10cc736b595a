//! `basalt db test`

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use access::matrix::{self, Report};
use access::mutants::Score;
use access::{Schema, Spec};
use anyhow::{Context, bail};
use clap::ValueEnum;

use crate::commands::target::Where;
use crate::progress::Progress;
use crate::project::pgtap::{self, Suite};
use crate::project::shadow::Shadow;
use crate::project::{Plan, mutants, proof};

/// Prove who may do what: try it all on a shadow database and hold it against access.toml; then the pgTAP tests.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  basalt db test                 exit 0 only where the database is what access.toml says\n  \
    basalt db test --update        write access.toml from what was seen\n  basalt db test -o junit > access.xml\n  \
    basalt db test --mutants       would the tests notice if a policy or grant were wrong?\n\n\
    The database is replayed from the migrations and filled with made-up rows; supabase/tests/fixtures.sql may add to them.\n\
    No database of users is read or written."
)]
pub struct Args {
    /// The project's folder.
    #[arg(value_name = "DIR", conflicts_with = "workdir")]
    dir: Option<PathBuf>,
    /// Write access.toml from what was seen.
    #[arg(long)]
    update: bool,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Output::Pretty)]
    output: Output,
    #[command(flatten)]
    changes: Mutants,
    #[command(flatten)]
    target: Where,
}

/// How a person asks whether the tests are awake.
#[derive(Debug, Clone, Copy, clap::Args)]
struct Mutants {
    /// Change policies and grants one at a time instead, and tell which changes neither linter nor tests nor access.toml notice.
    #[arg(long, conflicts_with = "update")]
    mutants: bool,
    /// With --mutants: after so many seconds of it the rest is left untried.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, requires = "mutants")]
    budget: u64,
    /// With --mutants: exit 0 if at least so many changes in a hundred are noticed.
    #[arg(long, value_name = "PERCENT", default_value_t = 90, value_parser = clap::value_parser!(u8).range(0..=100), requires = "mutants")]
    at_least: u8,
}

/// How often what `--update` writes is held against the database and mended.
const ROUNDS: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Pretty,
    Json,
    Junit,
}

/// 0: as access.toml says, and the tests pass; 1: not so, or it cannot be told.
pub async fn run(mut args: Args) -> anyhow::Result<ExitCode> {
    if args.target.db_url.is_some() {
        bail!(
            "db test writes rows and tries what is forbidden, so it works on a database of its own that it makes from the migrations: \
             leave --db-url out (`basalt test db --db-url …` runs pgTAP tests there, `basalt db lint --db-url …` looks only)"
        );
    }
    if let Some(dir) = args.dir.take() {
        args.target.workdir = dir;
    }
    let progress = Progress::start();
    let plan = args.target.plan(&progress)?;
    if args.changes.mutants {
        return try_changes(&plan, args.changes, args.output, &progress).await;
    }
    let file = proof::spec_file(&plan);
    let spec = proof::spec(&plan)?;
    let mut shadow = Shadow::open(&plan, &progress).await?;
    if args.update {
        let done = learn(&plan, &mut shadow, spec, &progress).await;
        let (text, report) = shadow.finish(done).await?;
        progress.done();
        return update(&file, &text, &report);
    }
    let done = try_all(&plan, &mut shadow, spec.as_ref(), false, &progress).await;
    let (report, suite, _) = shadow.finish(done).await?;
    progress.done();
    match args.output {
        Output::Pretty => {
            print!("{}", matrix::render(&report, true));
            if let Some(suite) = &suite {
                print!("{}", suite.text);
            }
        }
        Output::Json => {
            let tests = suite.as_ref().map(|suite| (suite.passed(), &suite.text));
            println!("{}", serde_json::to_string_pretty(&serde_json::json!({ "access": report, "pgtap": tests }))?);
        }
        Output::Junit => print!("{}", junit(&report, suite.as_ref())),
    }
    if spec.is_none() {
        bail!(
            "there is no {}: `basalt db test --update` writes it from what was seen, for you to read",
            file.display()
        );
    }
    let passed = report.agrees() && suite.is_none_or(|suite| suite.passed());
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn try_all(
    plan: &Plan,
    shadow: &mut Shadow<'_>,
    spec: Option<&Spec>,
    matrix_only: bool,
    progress: &Progress,
) -> anyhow::Result<(Report, Option<Suite>, Schema)> {
    let migrated = shadow.migrated().await?;
    let copy = shadow.copy(&migrated).await?;
    let schema = Schema::read(&copy.admin.connect().await?).await?;
    if let Some(spec) = spec
        && let Err(errors) = spec.check(&schema)
        && !matrix_only
    {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        bail!("access.toml names what the database has not:\n{}", lines.join("\n"));
    }
    progress.step("Trying who may do what");
    let report = matrix::run(&copy.admin, &schema, spec, &proof::options(plan)?).await?;
    shadow.discard(copy).await?;
    let files = pgtap::files(plan, &[])?;
    let suite = match matrix_only || files.is_empty() {
        true => None,
        false => Some(pgtap::on_shadow(plan, shadow, &migrated, &files, progress).await?),
    };
    Ok((report, suite, schema))
}

/// What the file should say, and what is seen when it is held against that: rows are steered to what a file says, so that one written
/// from what was seen may show more.
async fn learn(
    plan: &Plan,
    shadow: &mut Shadow<'_>,
    spec: Option<Spec>,
    progress: &Progress,
) -> anyhow::Result<(String, Report)> {
    let (mut report, _, mut schema) = try_all(plan, shadow, spec.as_ref(), true, progress).await?;
    let mut text = report.to_spec(spec.as_ref(), &schema).to_toml();
    for _ in 0..ROUNDS {
        let written = Spec::parse(&text).context("what was seen makes no access.toml")?;
        (report, _, schema) = try_all(plan, shadow, Some(&written), true, progress).await?;
        let next = report.to_spec(Some(&written), &schema).to_toml();
        if next == text {
            break;
        }
        text = next;
    }
    Ok((text, report))
}

fn update(file: &Path, text: &str, report: &Report) -> anyhow::Result<ExitCode> {
    let before = std::fs::read_to_string(file).unwrap_or_default();
    if text == before {
        println!("{} says what was seen; nothing is changed.", file.display());
        return unexplained(report);
    }
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    let lines = |from: &str, of: &str| from.lines().filter(|line| !of.lines().any(|other| other == *line)).count();
    println!(
        "Wrote {}: {} lines are new, {} are gone. Read the diff before you commit it:",
        file.display(),
        lines(text, &before),
        lines(&before, text)
    );
    if report.agrees() {
        println!("what the database allows is now what the file allows.");
    }
    unexplained(report)
}

/// What was not seen is told, so that nobody takes a file written from what was seen for the whole truth.
/// 1 where no words fit what was seen: what is written there is the nearest, and wrong.
fn unexplained(report: &Report) -> anyhow::Result<ExitCode> {
    let unseen = matrix::unseen(report);
    if !unseen.is_empty() {
        print!("\nThis the file cannot know:\n\n{unseen}");
    }
    let cells: Vec<String> = report
        .cells
        .iter()
        .filter(|cell| !cell.explained)
        .map(|cell| format!("  {}: {} as {}", cell.object, cell.operation.word(), cell.identity))
        .collect();
    if !cells.is_empty() {
        println!(
            "No words fit what was seen here; say in access.toml what is meant (a word, `where …`, an owner):\n{}",
            cells.join("\n")
        );
    }
    // What no file can say, as policies that ask each other.
    let mut others: Vec<String> = Vec::new();
    for one in &report.differences {
        let cell = format!("  {}: {} as {}", one.object, one.operation.word(), one.identity);
        let line = format!("{cell}: {}", one.seen);
        if !cells.contains(&cell) && !others.contains(&line) {
            others.push(line);
        }
    }
    if !others.is_empty() {
        println!("`basalt db test` finds this all the same:\n{}", others.join("\n"));
    }
    Ok(if report.agrees() && cells.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// 0: enough changes are noticed; 1: too many are not, or none could be tried.
async fn try_changes(plan: &Plan, how: Mutants, output: Output, progress: &Progress) -> anyhow::Result<ExitCode> {
    if output == Output::Junit {
        bail!("--mutants prints for people or as JSON (-o json)");
    }
    let begun = Instant::now();
    let mut shadow = Shadow::open(plan, progress).await?;
    let work = async {
        let migrated = shadow.migrated().await?;
        mutants::run(plan, &mut shadow, &migrated, Duration::from_secs(how.budget), progress).await
    };
    let done = work.await;
    let outcomes = shadow.finish(done).await?;
    progress.done();
    let score = Score::of(&outcomes);
    match output {
        Output::Json => println!(
            "{}",
            serde_json::to_string_pretty(&serde_json::json!({
                "score": score,
                "percent": score.percent(),
                "at_least": how.at_least,
                "changes": outcomes,
            }))?
        ),
        _ => print!("{}", access::mutants::render(&outcomes, begun.elapsed())),
    }
    let enough = score.percent() >= usize::from(how.at_least) && (score.of > 0 || score.untried == 0);
    Ok(if enough { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A test case for each cell and each pgTAP file.
fn junit(report: &Report, suite: Option<&Suite>) -> String {
    let mut cases = String::new();
    for cell in &report.cells {
        let name = format!("{} {}", cell.identity, cell.operation.word());
        let wrong = report.differences.iter().filter(|difference| {
            difference.object == cell.object
                && difference.identity == cell.identity
                && difference.operation == cell.operation
        });
        let failures: String = wrong
            .map(|difference| {
                let column = difference.column.as_ref().map_or_else(String::new, |column| format!(" of {column}"));
                let message = format!("access.toml says {}{column}; {}", difference.expected, difference.seen);
                let example = difference.counterexample.as_ref().map_or("", |example| &example.sql);
                format!("<failure message=\"{}\">{}</failure>", escape(&message), escape(example))
            })
            .collect();
        let untried: Vec<String> = report
            .untried
            .iter()
            .filter(|untried| untried.concerns(cell))
            .map(|untried| format!("{}: {}", untried.what, untried.why))
            .collect();
        let proof = match (failures.is_empty(), untried.is_empty()) {
            (true, false) if cell.probes == 0 => format!("<skipped message=\"{}\"/>", escape(&untried.join("; "))),
            (_, false) => format!("{failures}<system-out>{}</system-out>", escape(&untried.join("\n"))),
            _ => failures,
        };
        cases += &format!(
            "  <testcase classname=\"access.{}\" name=\"{}\">{proof}</testcase>\n",
            escape(&cell.object),
            escape(&name)
        );
    }
    // What is no cell's: a role that nobody tries as, a condition with one side.
    let nobodys = |object: &str| !report.cells.iter().any(|cell| cell.object == object);
    for untried in report.untried.iter().filter(|untried| nobodys(&untried.object)) {
        cases += &format!(
            "  <testcase classname=\"access.{}\" name=\"{}\"><skipped message=\"{}\"/></testcase>\n",
            escape(&untried.object),
            escape(&untried.what),
            escape(&untried.why)
        );
    }
    for one in &report.unproven {
        cases += &format!(
            "  <testcase classname=\"access.{}\" name=\"{}\"><skipped message=\"{}\"/></testcase>\n",
            escape(&one.object),
            escape(&one.condition),
            escape(&one.to_string())
        );
    }
    for one in &report.one_sided() {
        cases += &format!(
            "  <testcase classname=\"access.{}\" name=\"{}: {}\"><skipped message=\"was always {}\"/></testcase>\n",
            escape(&one.object),
            escape(&one.identity),
            escape(&one.condition),
            one.always
        );
    }
    for (name, outcome) in suite.iter().flat_map(|suite| &suite.files) {
        let failure = if outcome.passed() { "" } else { "<failure message=\"see the text of the run\"/>" };
        cases += &format!("  <testcase classname=\"pgtap\" name=\"{}\">{failure}</testcase>\n", escape(name));
    }
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"basalt db test\">\n{cases}</testsuite>\n")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
