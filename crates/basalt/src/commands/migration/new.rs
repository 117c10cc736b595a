//! `basalt migration new NAME`

use std::io::{IsTerminal, Read};
use std::path::PathBuf;

use anyhow::{Context, bail};
use base::Clock;
use config::Paths;

use crate::commands::target::Where;

/// Make an empty migration, or one with what is piped in.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  basalt migration new add_tags\n  basalt db diff | basalt migration new add_tags")]
pub struct Args {
    /// What it does, in a few words.
    #[arg(value_name = "NAME")]
    name: String,
    /// Make a script in supabase/rollback too, which takes it back.
    #[arg(long)]
    rollback: bool,
    #[command(flatten)]
    target: Where,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let paths = args.target.paths()?;
    let mut text = String::new();
    if !std::io::stdin().is_terminal() {
        std::io::stdin().read_to_string(&mut text).context("cannot read what is piped in")?;
    }
    let path = write(&paths, &args.name, &text)?;
    println!("Created {}", path.display());
    if args.rollback {
        let script = paths.rollback().join(path.file_name().unwrap_or_default());
        std::fs::create_dir_all(paths.rollback())?;
        std::fs::write(&script, "").with_context(|| format!("cannot write {}", script.display()))?;
        println!("Created {}", script.display());
    }
    Ok(())
}

/// Writes `supabase/migrations/<now>_<name>.sql`.
pub fn write(paths: &Paths, name: &str, text: &str) -> anyhow::Result<PathBuf> {
    let name: String =
        name.trim().chars().map(|c| if c.is_alphanumeric() || c == '-' || c == '.' { c } else { '_' }).collect();
    if name.trim_matches('_').is_empty() {
        bail!("a migration needs a name, for example: basalt migration new add_tags");
    }
    let now = Clock::system().now();
    let version = format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}",
        now.year(),
        u8::from(now.month()),
        now.day(),
        now.hour(),
        now.minute(),
        now.second()
    );
    let dir = paths.migrations();
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    if let Some(other) = migrate::migrations(&dir)?.files.iter().find(|file| file.version == version) {
        bail!("{} was made in this very second; try again", other.file_name());
    }
    let path = dir.join(format!("{version}_{name}.sql"));
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
