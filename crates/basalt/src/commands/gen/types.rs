//! `basalt gen types typescript`

use clap::ValueEnum;

use crate::commands::target::Where;
use crate::progress::Progress;

/// Types of tables, views and functions, as `supabase gen types` writes them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  basalt gen types typescript > src/database.types.ts")]
pub struct Args {
    /// The language.
    #[arg(value_enum, default_value_t = Language::Typescript)]
    language: Language,
    #[arg(long = "lang", value_enum, hide = true)]
    lang: Option<Language>,
    /// Schemas [default: those of `[api] schemas`].
    #[arg(short, long, value_name = "NAME", value_delimiter = ',')]
    schema: Vec<String>,
    #[command(flatten)]
    target: Where,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    Typescript,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let Language::Typescript = args.lang.unwrap_or(args.language);
    let progress = Progress::start();
    let plan = args.target.plan(&progress)?;
    let open = args.target.open(&plan, &progress).await?;
    let work = async {
        let client = open.admin.connect().await?;
        let mut schemas = args.schema.clone();
        if schemas.is_empty() {
            // config.toml may name schemas that a later migration makes.
            let wanted = &plan.config.api.schemas;
            let rows = client
                .query("select nspname::text from pg_catalog.pg_namespace where nspname = any ($1)", &[wanted])
                .await
                .map_err(pg::Error::from)?;
            schemas = rows.iter().map(|row| row.get(0)).collect();
        }
        anyhow::Ok(migrate::typescript(&client, &schemas).await?)
    };
    let result = work.await;
    let text = open.finish(result).await?;
    progress.done();
    print!("{text}");
    Ok(())
}
