//! `basalt keys …`

use std::path::PathBuf;

use anyhow::bail;
use base::Clock;
use clap::Subcommand;
use config::{Env, Keys, Mode};

use crate::project::{Location, run_file};

/// Show or replace the keys of a project.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The project's folder.
    #[arg(long, value_name = "DIR", default_value = ".", global = true)]
    workdir: PathBuf,
    /// Where its data is, if not in DIR/.basalt.
    #[arg(long, value_name = "DIR", global = true)]
    data_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show them: the default.
    Show,
    /// Make new ones; tokens and keys given out before stop working.
    Rotate {
        /// Secrets of its own, for `start --production`.
        #[arg(long, required_unless_present = "development")]
        production: bool,
        /// Back to the well-known keys. Never for data of real people.
        #[arg(long, conflicts_with = "production")]
        development: bool,
    },
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let folder = std::path::absolute(&args.workdir)?;
    let folder = config::find_project(&folder).unwrap_or(folder);
    let location = Location::new(&folder, args.data_dir.as_deref());
    let env = Env::from_iter(std::env::vars()).with_files(location.folder())?;
    let loaded = config::load(location.folder(), &env)?;
    let clock = Clock::system();
    let (mode, keys) = match args.command.unwrap_or(Command::Show) {
        Command::Show => match config::keys::mode_of(location.home())? {
            Some(mode) => (mode, config::keys::open(location.home(), mode, &loaded, &clock)?),
            None => (Mode::Development, Keys::development(&loaded.config.auth)),
        },
        Command::Rotate { development, .. } => {
            if let Some(info) = run_file::running(location.home())? {
                bail!("the project runs (process {}); stop it first: basalt stop", info.pid);
            }
            let mode = if development { Mode::Development } else { Mode::Production };
            (mode, config::keys::rotate(location.home(), mode, &loaded, &clock)?)
        }
    };
    eprintln!("Keys for {mode}:");
    for (name, value) in [
        ("PUBLISHABLE_KEY", &keys.publishable_key),
        ("SECRET_KEY", &keys.secret_key),
        ("ANON_KEY", &keys.anon_key),
        ("SERVICE_ROLE_KEY", &keys.service_role_key),
        ("JWT_SECRET", &keys.jwt_secret),
    ] {
        println!("{name}=\"{}\"", value.expose());
    }
    Ok(())
}
