//! `basalt init [DIR]`

use std::path::PathBuf;

use anyhow::{Context, bail};

/// What of a project folder is not for git.
const GITIGNORE: &str = "# Made by `basalt init`\n.branches\n.temp\n.env\n.env.*\n!.env.example\n";

/// Make supabase/config.toml in a folder.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder.
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Write over a config.toml that is there.
    #[arg(long)]
    force: bool,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let folder = std::path::absolute(&args.folder)?;
    let paths = config::Paths::of(&folder);
    if paths.config.exists() && !args.force {
        bail!("{} is there already; give --force to write over it", paths.config.display());
    }
    std::fs::create_dir_all(paths.migrations())
        .with_context(|| format!("cannot create {}", paths.migrations().display()))?;
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let write = |path: PathBuf, text: &str| {
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    write(paths.config.clone(), &config::init_toml(&name))?;
    if !paths.supabase.join(".gitignore").exists() {
        write(paths.supabase.join(".gitignore"), GITIGNORE)?;
    }
    keep_data_out_of_git(&folder)?;
    println!("Made {}\nNext: basalt migration new NAME, basalt start", paths.config.display());
    Ok(())
}

/// `.basalt/` holds data and secrets.
pub fn keep_data_out_of_git(folder: &std::path::Path) -> anyhow::Result<()> {
    let path = folder.join(".gitignore");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    if text.lines().any(|line| line.trim().trim_matches('/') == ".basalt") {
        return Ok(());
    }
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    std::fs::write(&path, format!("{text}{gap}.basalt/\n")).with_context(|| format!("cannot write {}", path.display()))
}
