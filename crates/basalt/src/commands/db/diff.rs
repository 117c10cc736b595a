//! `basalt db diff`

use anyhow::Context;
use migrate::Options;
use pg::ident;

use crate::commands::platform_schema;
use crate::commands::target::{Open, Where};
use crate::progress::Progress;
use crate::project::{Database, Plan};

/// The name of the shadow: one in the project's own cluster, made and dropped by each diff.
const SHADOW: &str = "_basalt_shadow";

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
    let own = Where { db_url: None, ..args.target.clone() };
    let open = own.open(&plan, &progress).await?;
    let result = diff(&args, &plan, &open, &progress).await;
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
            let path = crate::commands::migration::new::write(&plan, name, &sql)?;
            println!("Wrote {}", path.display());
        }
        None => print!("{sql}"),
    }
    Ok(())
}

async fn diff(args: &Args, plan: &Plan, open: &Open, progress: &Progress) -> anyhow::Result<migrate::SchemaDiff> {
    let cluster = open.own.as_ref().context("db diff needs the project's own PostgreSQL for its shadow")?;
    let live = match &args.target.db_url {
        Some(url) => pg::Target::parse(url).map_err(anyhow::Error::msg)?,
        None => open.admin.clone(),
    };
    let maker = open.admin.with_database("template1").connect().await?;
    let drop_it = format!("drop database if exists {} with (force)", ident(SHADOW));
    maker.batch_execute(&drop_it).await.map_err(pg::Error::from)?;
    maker
        .batch_execute(&format!("create database {} template template0", ident(SHADOW)))
        .await
        .map_err(pg::Error::from)?;
    let work = async {
        progress.step("Replaying the migrations in a shadow database");
        let admin = open.admin.with_database(SHADOW);
        let shadow = Database { admin: admin.clone(), callers: admin.clone(), rights: cluster.rights, server: None };
        // Roles and their passwords are the cluster's: they stay as they are.
        let passwords = migrate::passwords(&maker, platform_schema::ROLES).await?;
        let installed = platform_schema::install(plan, &shadow, None).await;
        migrate::restore_passwords(&maker, &passwords).await?;
        installed?;
        let files = migrate::migrations(&plan.paths.migrations())?.files;
        let from = admin.connect().await?;
        migrate::up(&from, &files, Options::development(open.run_as), &|_| {}).await?;
        progress.step("Comparing");
        let to = live.connect().await?;
        anyhow::Ok(migrate::schema_diff(&from, &to, &args.schema).await?)
    };
    let result = work.await;
    maker.batch_execute(&drop_it).await.map_err(pg::Error::from)?;
    result
}
