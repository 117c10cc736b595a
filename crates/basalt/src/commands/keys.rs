//! `basalt keys …`

mod signing;

use std::path::PathBuf;

use anyhow::bail;
use base::Clock;
use clap::Subcommand;
use config::{Env, Keys, Loaded, Mode};

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
    /// Show API keys and secret: the default.
    Show,
    /// List the keys that sign access tokens, or still verify them.
    List,
    /// Sign access tokens with a new key; those of the old one stay good for a while. A running project takes it up at once.
    #[command(after_help = "Examples:\n  basalt keys rotate                    a new ES256 key signs from now on\n  \
        basalt keys rotate --grace 0s         and tokens of the old one are refused at once\n  \
        basalt keys rotate --standby          only publish a new key; it signs with --kid KID later\n  \
        basalt keys rotate --production       all keys anew, API keys too: everybody must sign in again")]
    Rotate(Rotate),
    /// Refuse the tokens of a key that no longer signs, at once.
    Revoke {
        /// Its name, as `basalt keys list` shows it.
        kid: String,
    },
}

#[derive(Debug, clap::Args)]
struct Rotate {
    #[command(flatten)]
    signing: signing::Rotation,
    /// All keys anew, for `start --production`: secrets of its own. What was given out before stops working.
    #[arg(long, conflicts_with_all = ["algorithm", "grace", "standby", "kid"])]
    production: bool,
    /// All keys back to the well-known ones. Never for data of real people.
    #[arg(long, conflicts_with_all = ["algorithm", "grace", "standby", "kid", "production"])]
    development: bool,
}

/// A project's folder, read but not started.
struct Project {
    location: Location,
    loaded: Loaded,
    clock: Clock,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let folder = std::path::absolute(&args.workdir)?;
    let folder = config::find_project(&folder).unwrap_or(folder);
    let location = Location::new(&folder, args.data_dir.as_deref());
    let env = Env::from_iter(std::env::vars()).with_files(location.folder())?;
    let loaded = config::load(location.folder(), &env)?;
    let project = Project { location, loaded, clock: Clock::system() };
    match args.command.unwrap_or(Command::Show) {
        Command::Show => show(&project),
        Command::List => signing::list(&project),
        Command::Rotate(Rotate { production: true, .. }) => renew(&project, Mode::Production),
        Command::Rotate(Rotate { development: true, .. }) => renew(&project, Mode::Development),
        Command::Rotate(Rotate { signing: rotation, .. }) => signing::rotate(&project, &rotation).await,
        Command::Revoke { kid } => signing::revoke(&project, &kid).await,
    }
}

fn show(project: &Project) -> anyhow::Result<()> {
    let Project { location, loaded, clock } = project;
    let (mode, keys) = match config::keys::mode_of(location.home())? {
        Some(mode) => (mode, config::keys::open(location.home(), mode, loaded, clock)?),
        None => (Mode::Development, Keys::development(&loaded.config.auth)),
    };
    print(mode, &keys);
    Ok(())
}

fn renew(project: &Project, mode: Mode) -> anyhow::Result<()> {
    let Project { location, loaded, clock } = project;
    if let Some(info) = run_file::running(location.home())? {
        bail!("the project runs (process {}); stop it first: basalt stop", info.pid);
    }
    print(mode, &config::keys::rotate(location.home(), mode, loaded, clock)?);
    Ok(())
}

fn print(mode: Mode, keys: &Keys) {
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
}
