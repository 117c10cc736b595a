//! `basalt db diff`

use pg::Target;

use crate::commands::target::Where;
use crate::progress::Progress;
use crate::project::Plan;
use crate::project::shadow::Shadow;

/// Show what the database has and the migrations do not say, as SQL that turns one into the other.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Where,
    /// Write a migration of this name instead of printing.
    #[arg(short, long, value_name = "NAME")]
    file: Option<String>,
    /// Only these schemas.
    #[arg(short, long, value_name = "NAME", value_delimiter = ',')]
    schema: Vec<String>,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let progress = Progress::start();
    let plan = args.target.plan(&progress)?;
    let open = args.target.open(&plan, &progress).await?;
    let result = diff(&args, &plan, &open.admin, &progress).await;
    let found = open.finish(result).await?;
    progress.done();
    for note in &found.notes {
        eprintln!("note: {note}");
    }
    if found.statements.is_empty() {
        eprintln!("No changes of the schema found.");
        return Ok(());
    }
    let sql = found.to_sql();
    match &args.file {
        Some(name) => {
            let path = crate::commands::migration::new::write(&plan.paths, name, &sql)?;
            println!("Wrote {}", path.display());
        }
        None => print!("{sql}"),
    }
    Ok(())
}

async fn diff(args: &Args, plan: &Plan, live: &Target, progress: &Progress) -> anyhow::Result<migrate::SchemaDiff> {
    let mut shadow = Shadow::open(plan, progress).await?;
    let found = compare(args, &mut shadow, live, progress).await;
    shadow.finish(found).await
}

async fn compare(
    args: &Args,
    shadow: &mut Shadow<'_>,
    live: &Target,
    progress: &Progress,
) -> anyhow::Result<migrate::SchemaDiff> {
    let template = shadow.migrated().await?;
    let copy = shadow.copy(&template).await?;
    progress.step("Comparing");
    let from = copy.admin.connect().await?;
    let to = live.connect().await?;
    let found = migrate::schema_diff(&from, &to, &args.schema).await?;
    drop(from);
    shadow.discard(copy).await?;
    Ok(found)
}
