//! `basalt db lint`

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use access::Schema;
use access::lint::report::{Style, json, sarif, text};
use access::lint::{Category, Context, Finding, Level, lint, observe};
use clap::ValueEnum;
use pg::Target;

use crate::commands::target::Where;
use crate::progress::Progress;
use crate::project::origins::Origins;
use crate::project::shadow::Shadow;
use crate::project::{Plan, proof};

/// Look for what is wrong in the schema without trying anything: policies, grants, views, functions, indexes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  basalt db lint\n  basalt db lint shop --level info\n  \
    basalt db lint --fail-on warning -o sarif > lint.sarif\n\n\
    Reads the project's database. Where it lacks migrations of the folder, the migrations are replayed in a shadow database instead.\n\
    Exits with 1 when there is a finding of --fail-on or worse.")]
pub struct Args {
    /// The project's folder, as --workdir.
    dir: Option<PathBuf>,
    /// Show findings of this level and worse.
    #[arg(long, value_enum, default_value_t = Least::Warning)]
    level: Least,
    /// Exit with 1 for findings of this level and worse.
    #[arg(long, value_enum, default_value_t = FailOn::Error)]
    fail_on: FailOn,
    /// Only what endangers this.
    #[arg(long = "type", value_enum, default_value_t = About::All)]
    about: About,
    /// Only these schemas.
    #[arg(short, long, value_name = "NAME", value_delimiter = ',')]
    schema: Vec<String>,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Output::Pretty)]
    output: Output,
    /// Leave the SQL out that would mend each finding.
    #[arg(long)]
    no_sql: bool,
    #[command(flatten)]
    target: Where,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Least {
    Info,
    #[value(alias = "warn")]
    Warning,
    Error,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FailOn {
    None,
    Info,
    #[value(alias = "warn")]
    Warning,
    Error,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum About {
    All,
    Security,
    Performance,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Output {
    #[value(alias = "text")]
    Pretty,
    Json,
    Sarif,
}

/// 0: nothing of `--fail-on` or worse; 1: something.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let progress = Progress::start();
    let mut target = args.target.clone();
    if let Some(dir) = &args.dir {
        target.workdir.clone_from(dir);
    }
    let plan = target.plan(&progress)?;
    let findings = findings(&args, &target, &plan, &progress).await?;
    progress.done();
    let least = match args.level {
        Least::Info => Level::Info,
        Least::Warning => Level::Warn,
        Least::Error => Level::Error,
    };
    let (shown, below): (Vec<_>, Vec<_>) = findings.into_iter().partition(|finding| finding.rule.level >= least);
    print(&args, &plan, &shown, below.iter().filter(|finding| finding.allowed.is_none()).count())?;
    let fails = match args.fail_on {
        FailOn::None => None,
        FailOn::Info => Some(Level::Info),
        FailOn::Warning => Some(Level::Warn),
        FailOn::Error => Some(Level::Error),
    };
    let failed = shown
        .iter()
        .chain(&below)
        .any(|finding| finding.allowed.is_none() && fails.is_some_and(|level| finding.rule.level >= level));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn findings(args: &Args, target: &Where, plan: &Plan, progress: &Progress) -> anyhow::Result<Vec<Finding>> {
    let context = Context { only: args.schema.clone(), ..proof::lint_context(plan)? };
    // A fresh checkout has no database, and gets none by being looked at.
    let is_fresh = target.db_url.is_none() && plan.location.home().join("pgdata").symlink_metadata().is_err();
    let of_database = if is_fresh { None } else { of_database(target, plan, context.clone(), progress).await? };
    let mut found = match of_database {
        Some(found) => found,
        None => of_shadow(plan, context, progress).await?,
    };
    found.retain(|finding| match args.about {
        About::All => true,
        About::Security => finding.rule.category == Category::Security,
        About::Performance => finding.rule.category == Category::Performance,
    });
    Ok(found)
}

/// `None` where the project's own database has not heard of the newest migrations. One by URL is what it is.
async fn of_database(
    target: &Where,
    plan: &Plan,
    context: Context,
    progress: &Progress,
) -> anyhow::Result<Option<Vec<Finding>>> {
    let open = target.open(plan, progress).await?;
    let work = async {
        if target.db_url.is_none() && lacks_migrations(&open.admin, plan).await? {
            return anyhow::Ok(None);
        }
        progress.step("Reading the schema");
        read(&open.admin, context).await.map(Some)
    };
    let result = work.await;
    open.finish(result).await
}

async fn read(admin: &Target, mut context: Context) -> anyhow::Result<Vec<Finding>> {
    let client = admin.connect().await?;
    let schema = Schema::read(&client).await?;
    context.observed = observe(&client, &schema).await?;
    Ok(lint(&schema, &context))
}

/// Are there migrations in the folder that the database has not?
async fn lacks_migrations(admin: &Target, plan: &Plan) -> anyhow::Result<bool> {
    let files = migrate::migrations(&plan.paths.migrations())?.files;
    let applied = migrate::applied(&admin.connect().await?).await?;
    Ok(files.iter().any(|file| !applied.contains_key(&file.version)))
}

async fn of_shadow(plan: &Plan, context: Context, progress: &Progress) -> anyhow::Result<Vec<Finding>> {
    let mut shadow = Shadow::open(plan, progress).await?;
    let work = async {
        let template = shadow.migrated().await?;
        let scratch = shadow.copy(&template).await?;
        read(&scratch.admin, context).await
    };
    let result = work.await;
    let mut found = shadow.finish(result).await?;
    // No query has run there, so none can have used an index.
    found.retain(|finding| finding.rule.name != "unused_index");
    Ok(found)
}

fn print(args: &Args, plan: &Plan, shown: &[Finding], below: usize) -> anyhow::Result<()> {
    let open: Vec<Finding> = shown.iter().filter(|finding| finding.allowed.is_none()).cloned().collect();
    match args.output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&json(&open))?),
        Output::Sarif => {
            let origins = Origins::read(plan);
            let log = sarif(shown, env!("CARGO_PKG_VERSION"), &|object| origins.place(object));
            println!("{}", serde_json::to_string_pretty(&log)?);
        }
        Output::Pretty => {
            let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            print!("{}", text(&open, Style { colour, sql: !args.no_sql }));
            eprintln!("{}", summary(&open, shown.len() - open.len(), below));
        }
    }
    Ok(())
}

/// `2 errors, 1 warning; 3 allowed; 12 more below --level`
fn summary(open: &[Finding], allowed: usize, below: usize) -> String {
    let mut counts: BTreeMap<std::cmp::Reverse<Level>, usize> = BTreeMap::new();
    for finding in open {
        *counts.entry(std::cmp::Reverse(finding.rule.level)).or_default() += 1;
    }
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let words = counts.iter().map(|(level, count)| match level.0 {
        Level::Error => plural(*count, "error"),
        Level::Warn => plural(*count, "warning"),
        Level::Info => plural(*count, "hint"),
    });
    let mut line = words.collect::<Vec<_>>().join(", ");
    if line.is_empty() {
        line = "Nothing found".to_owned();
    }
    if allowed > 0 {
        line += &format!("; {allowed} allowed by the project");
    }
    if below > 0 {
        line += &format!("; {below} more below --level");
    }
    line + "."
}
