//! `basalt new --blueprint NAME DIR`

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rust_embed::Embed;

/// The blueprints, in the binary.
#[derive(Embed)]
#[folder = "../../blueprints"]
#[exclude = "*/node_modules/*"]
#[exclude = "*/.basalt/*"]
struct Blueprints;

/// Make a project from a blueprint.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The new folder.
    #[arg(value_name = "DIR", required_unless_present = "list")]
    folder: Option<PathBuf>,
    /// The blueprint.
    #[arg(long, value_name = "NAME", required_unless_present = "list")]
    blueprint: Option<String>,
    /// Name the blueprints that there are.
    #[arg(long)]
    list: bool,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let names = names();
    let (Some(folder), Some(blueprint)) = (&args.folder, &args.blueprint) else {
        for name in names {
            println!("{name}");
        }
        return Ok(());
    };
    if !names.contains(blueprint) {
        bail!("there is no blueprint {blueprint}; there are: {}", names.join(", "));
    }
    if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("{} is there and not empty; choose a new folder", folder.display());
    }
    let prefix = format!("{blueprint}/");
    for path in Blueprints::iter().filter(|path| path.starts_with(&prefix)) {
        let Some(file) = Blueprints::get(&path) else { continue };
        write(&folder.join(&path[prefix.len()..]), &file.data)?;
    }
    super::init::keep_data_out_of_git(folder)?;
    println!("Made {} from the blueprint {blueprint}.\nNext: basalt start {}", folder.display(), folder.display());
    Ok(())
}

fn write(path: &Path, data: &[u8]) -> anyhow::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    }
    std::fs::write(path, data).with_context(|| format!("cannot write {}", path.display()))
}

/// Those that can be started: with a config.toml.
fn names() -> Vec<String> {
    let mut names: Vec<String> =
        Blueprints::iter().filter_map(|path| path.strip_suffix("/supabase/config.toml").map(str::to_owned)).collect();
    names.sort();
    names
}
