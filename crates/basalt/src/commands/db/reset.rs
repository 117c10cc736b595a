//! `basalt db reset`

use anyhow::bail;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::commands::platform_schema;
use crate::commands::target::Where;
use crate::progress::Progress;
use crate::project::{Database, schema};

/// Make the database anew: migrations, then seeds. If one fails, the old database is put back as it was.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Where,
    /// Leave the seed files out.
    #[arg(long)]
    no_seed: bool,
    /// Needed in production: all data is lost.
    #[arg(long)]
    yes: bool,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    if args.target.db_url.is_some() {
        bail!(
            "db reset makes the project's own database anew; a database by URL is left alone (drop and create it yourself, then `basalt db push --db-url …`)"
        );
    }
    let progress = Progress::start();
    let mut plan = args.target.plan(&progress)?;
    if plan.production && !args.yes {
        bail!("this is production data, and all of it would be lost; give --yes if that is meant");
    }
    plan.config.db.seed.enabled &= !args.no_seed;
    let mut interrupted = Interrupted::listen()?;
    let open = args.target.open(&plan, &progress).await?;
    let result = match &open.own {
        Some(database) if database.rights == platform::Rights::Superuser => {
            progress.step("Making the database anew");
            // First: an earlier one may have left a database that lets nobody in.
            migrate::recover_from_reset(&database.admin, platform_schema::ROLES).await?;
            let vault_key = platform_schema::vault_key_file(&database.admin).await?;
            migrate::reset(&database.admin, platform_schema::ROLES, async |admin| {
                let fresh = Database { admin: admin.clone(), callers: admin, rights: database.rights, server: None };
                let build = async {
                    platform_schema::install(&plan, &fresh, vault_key.as_deref()).await?;
                    schema::apply(&plan, &fresh, &progress).await
                };
                // Ctrl-C is a failure like others: the old database comes back.
                tokio::select! {
                    built = build => built,
                    () = interrupted.told() => bail!("interrupted"),
                }
            })
            .await
        }
        _ => Err(anyhow::anyhow!("db reset needs the project's own PostgreSQL; here it is one by URL")),
    };
    open.finish(result).await?;
    progress.done();
    println!("Reset the database of {}.", plan.config.project_id);
    Ok(())
}

/// Ctrl-C, SIGTERM and the end of the terminal.
struct Interrupted([Signal; 3]);

impl Interrupted {
    fn listen() -> std::io::Result<Self> {
        let on = |kind| signal(kind);
        Ok(Self([on(SignalKind::interrupt())?, on(SignalKind::terminate())?, on(SignalKind::hangup())?]))
    }

    async fn told(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
