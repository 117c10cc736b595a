//! `basalt status [DIR] -o pretty|env|json`

use std::path::PathBuf;

use anyhow::bail;
use clap::ValueEnum;

use crate::project::{self, Location, run_file};

/// Show URLs and keys of a project that runs.
#[derive(Debug, clap::Args)]
#[command(after_help = "In a shell:\n  eval \"$(basalt status -o env)\" && psql \"$DB_URL\"\n\n\
    For what the shell starts, too:\n  set -a; eval \"$(basalt status -o env)\"; set +a; node app.mjs")]
pub struct Args {
    /// The project's folder.
    #[arg(value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
    /// How it is printed.
    #[arg(short, long, value_enum, default_value_t = Output::Pretty)]
    pub output: Output,
    /// Where its data is, if not in DIR/.basalt.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// The forms of the Supabase CLI.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Output {
    /// For people.
    Pretty,
    /// `KEY="value"` lines that a shell can read.
    Env,
    /// One object.
    Json,
}

/// Prints the state of a project that runs; fails where it does not.
pub fn run(args: Args) -> anyhow::Result<()> {
    let location = Location::find(&args.folder, args.data_dir.as_deref());
    let Some(info) = run_file::running(location.home())? else {
        bail!("{} is not running\n  start it: basalt start", location.folder().display());
    };
    let rows = project::status::rows(&location, &info)?;
    match args.output {
        Output::Pretty => print!("{}", project::status::pretty(&rows)),
        Output::Env => rows.iter().for_each(|(key, value)| println!("{key}=\"{value}\"")),
        Output::Json => {
            let object: serde_json::Map<String, serde_json::Value> =
                rows.iter().map(|(key, value)| ((*key).to_owned(), value.clone().into())).collect();
            println!("{}", serde_json::to_string_pretty(&object)?);
        }
    }
    Ok(())
}
