//! Which project and which database a command works on.

use std::path::PathBuf;

use anyhow::bail;
use config::{Mode, Paths, keys};
use migrate::RunAs;
use pg::Target;

use crate::progress::Progress;
use crate::project::{Database, Location, Overrides, Plan, schema};

/// The flags of all commands that work on a database.
#[derive(Debug, Clone, clap::Args)]
pub struct Where {
    /// The project's folder.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub workdir: PathBuf,
    /// Where its data is, if not in DIR/.basalt.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Work on this database instead of the project's own.
    #[arg(long, visible_alias = "database-url", value_name = "URL")]
    pub db_url: Option<String>,
    /// Work on the project's own database: the default, taken for the sake of scripts.
    #[arg(long, conflicts_with = "db_url")]
    pub local: bool,
    /// Use the section [remotes.NAME] of config.toml.
    #[arg(long, value_name = "NAME")]
    pub remote: Option<String>,
    #[arg(long, hide = true)]
    pub linked: bool,
}

/// A database to work on, and the cluster that was started for it.
pub struct Open {
    /// As its most powerful role.
    pub admin: Target,
    /// As whom the user's SQL runs.
    pub run_as: RunAs,
    /// The project's own database; `None` with `--db-url`.
    pub own: Option<Database>,
}

impl Where {
    /// Where the project is, for a command that needs neither its settings nor its data.
    pub fn paths(&self) -> anyhow::Result<Paths> {
        let paths = Paths::of(&self.folder()?);
        if !paths.config.is_file() {
            return Err(config::Error::NoProject { dir: paths.project }.into());
        }
        Ok(paths)
    }

    /// As the CLI does: from anywhere inside of a project.
    fn folder(&self) -> anyhow::Result<PathBuf> {
        let folder = std::path::absolute(&self.workdir)?;
        Ok(config::find_project(&folder).unwrap_or(folder))
    }

    /// Reads the project.
    pub fn plan(&self, progress: &Progress) -> anyhow::Result<Plan> {
        if self.linked {
            bail!("--linked needs an account of the hosted platform; give the database by --db-url");
        }
        let folder = self.folder()?;
        let location = Location::new(&folder, self.data_dir.as_deref());
        let overrides = Overrides {
            data_dir: self.data_dir.clone(),
            remote: self.remote.clone(),
            // A command follows what the project was started as.
            production: keys::mode_of(location.home())? == Some(Mode::Production),
            ..Overrides::default()
        };
        Plan::read(&folder, &overrides, progress)
    }

    /// Opens the database: the one by URL, the one that runs, or the project's own, started for as long as the command takes.
    pub async fn open(&self, plan: &Plan, progress: &Progress) -> anyhow::Result<Open> {
        if let Some(url) = &self.db_url {
            let admin = Target::parse(url).map_err(anyhow::Error::msg)?;
            return Ok(Open { admin, run_as: RunAs::Connection, own: None });
        }
        let database = Database::open_or_join(plan, progress).await?;
        let run_as = schema::run_as(&database);
        Ok(Open { admin: database.admin.clone(), run_as, own: Some(database) })
    }
}

impl Open {
    /// Runs `work`, then stops what was started for it, whatever came of it.
    pub async fn finish<T>(self, result: anyhow::Result<T>) -> anyhow::Result<T> {
        match self.own {
            Some(database) => database.finish(result).await,
            None => result,
        }
    }
}
