//! `basalt db seed --rows N`: made-up rows for the project's tables.

use std::sync::mpsc;
use std::time::Duration;

use access::Schema;
use access::rows::{Filled, FilledTable, Generator, Plan, Rows, Users};
use anyhow::bail;
use migrate::RunAs;

use crate::commands::target::Where;
use crate::progress::Progress;

/// What takes hours is more likely a slip of the finger.
const MOST_ROWS: u64 = 100_000_000;
/// Each is a person with an identity, and runs the project's sign-up triggers.
const MOST_USERS: u64 = 1_000_000;

/// Flags of made-up rows.
// The flags around it are a group of the same name.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Make up so many rows, lifelike and valid, instead of loading seed files.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST_ROWS))]
    pub rows: Option<u64>,
    /// The same number makes the same rows.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, requires = "rows")]
    seed: u64,
    /// Only this table (with its schema, or in `public`), N rows of it; may be given more than once.
    #[arg(long = "table", value_name = "TABLE", requires = "rows")]
    tables: Vec<String>,
    /// Tables of these schemas [default: those of `[api] schemas`; what is not exposed is a project's own affair].
    #[arg(long = "schema", value_name = "NAME", requires = "rows", value_delimiter = ',', conflicts_with = "tables")]
    schemas: Vec<String>,
    /// Make so many users [default: as many as suit the rows].
    #[arg(long, value_name = "N", requires = "rows", value_parser = clap::value_parser!(u64).range(0..=MOST_USERS))]
    users: Option<u64>,
    /// Say what would be made, and take it back.
    #[arg(long, requires = "rows")]
    dry_run: bool,
    /// Needed in production.
    #[arg(long, requires = "rows")]
    force: bool,
}

/// Makes up `count` rows.
pub async fn run(args: &Args, count: u64, target: &Where) -> anyhow::Result<()> {
    let progress = Progress::start();
    let plan = target.plan(&progress)?;
    if plan.production && !args.force && !args.dry_run {
        bail!("this is production data, and made-up rows would stand among it; give --force if that is meant");
    }
    let open = target.open(&plan, &progress).await?;
    let run_as = open.run_as.clone();
    let (told, heard) = mpsc::channel();
    let work = async {
        let mut client = open.admin.connect().await?;
        let schema = Schema::read(&client).await?;
        let mut rows = Plan::new(if args.tables.is_empty() { Rows::Total(count) } else { Rows::Each(count) });
        let tables: Vec<(String, String)> = if args.tables.is_empty() {
            let schemas = if args.schemas.is_empty() { &plan.config.api.schemas } else { &args.schemas };
            let exposed =
                schema.user_relations().filter(|relation| relation.is_table() && schemas.contains(&relation.schema));
            exposed.map(|relation| (relation.schema.clone(), relation.name.clone())).collect()
        } else {
            args.tables.iter().map(|name| named(&schema, name)).collect::<anyhow::Result<_>>()?
        };
        if tables.is_empty() && args.users.is_none() {
            let schemas = if args.schemas.is_empty() { &plan.config.api.schemas } else { &args.schemas };
            bail!(
                "there is no table in {}: `basalt migration up` applies the project's migrations",
                schemas.join(", ")
            );
        }
        rows.tables = Some(tables);
        if let Some(users) = args.users {
            rows.users = Users::Create(usize::try_from(users)?);
        }
        if matches!(run_as, RunAs::Connection) {
            rows.role = None;
        }
        rows.dry_run = args.dry_run;
        rows.told = Some(told);
        progress.step("Making up rows");
        anyhow::Ok(Generator::new(&schema, args.seed).fill(&mut client, &rows).await?)
    };
    let result = tokio::select! {
        done = work => done,
        never = say_how_far(&progress, &heard) => never,
        _ = tokio::signal::ctrl_c() => Err(interrupted(args.dry_run)),
    };
    let filled = open.finish(result).await?;
    progress.done();
    print(&filled, args);
    if filled.rows() == 0 {
        bail!("no row could be made");
    }
    Ok(())
}

/// Says every two seconds how far it is.
async fn say_how_far(progress: &Progress, heard: &mpsc::Receiver<String>) -> ! {
    const PAUSE: Duration = Duration::from_secs(2);
    loop {
        tokio::time::sleep(PAUSE).await;
        if let Some(last) = heard.try_iter().last() {
            progress.step(&format!("Making up rows; {last}"));
        }
    }
}

/// What Ctrl-C leaves.
fn interrupted(dry_run: bool) -> anyhow::Error {
    match dry_run {
        true => anyhow::anyhow!("interrupted; nothing was kept"),
        false => anyhow::anyhow!(
            "interrupted; the batches that were complete are kept, each a whole one (`basalt db reset` makes the database anew)"
        ),
    }
}

/// A table as the user names it.
fn named(schema: &Schema, name: &str) -> anyhow::Result<(String, String)> {
    match schema.written(name) {
        Some(relation) if relation.is_table() => Ok((relation.schema.clone(), relation.name.clone())),
        Some(_) => bail!("{name} is no table"),
        None => {
            let known = schema.user_relations().filter(|relation| relation.is_table());
            let names: Vec<_> = known.map(|relation| format!("{}.{}", relation.schema, relation.name)).collect();
            bail!("there is no table {name}; there are: {}", names.join(", "));
        }
    }
}

fn print(filled: &Filled, args: &Args) {
    let width = filled.tables.iter().map(|table| label(table).chars().count()).max().unwrap_or(0);
    for table in &filled.tables {
        let mut line = format!("{:width$}  {:>7}", label(table), table.rows);
        if table.completed > 0 {
            line.push_str(&format!("  ({} made by a trigger, completed)", table.completed));
        }
        if let Some(full) = table.full.as_ref().filter(|_| table.rows > table.completed || table.completed == 0) {
            line.push_str(&format!("  (no more: {full})"));
        }
        println!("{line}");
        let missing = table.missing();
        if missing > 0 {
            let mut reasons: Vec<(&String, &u64)> = table.reasons.iter().collect();
            reasons.sort_by_key(|(_, times)| std::cmp::Reverse(**times));
            let words = reasons.iter().map(|(reason, _)| reason.as_str()).collect::<Vec<_>>();
            println!("{:width$}  {missing:>7} not made: {}", "", words.first().unwrap_or(&"no reason was given"));
            words.iter().skip(1).for_each(|reason| println!("{:width$}             also: {reason}", ""));
        }
        table.notes.iter().for_each(|note| println!("{:width$}           {note}", ""));
    }
    let verb = if args.dry_run { "Would make" } else { "Made" };
    println!("{verb} {} rows from seed {}.", filled.rows(), args.seed);
    if !filled.users.is_empty() {
        println!("The {} people sign in with the password `password`.", filled.users.len());
    }
}

fn label(table: &FilledTable) -> String {
    format!("{}.{}", table.schema, table.name)
}
