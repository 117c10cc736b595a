//! The shell blocks of `docs/guides`, run as they are printed.

use std::process::{Command, Stdio};

use crate::world::{Folder, free_port, root};

/// The blocks marked `sh` of a guide, in order: one script. Blocks marked otherwise are not run.
fn script(guide: &str) -> String {
    let text = std::fs::read_to_string(root().join("docs/guides").join(guide)).unwrap();
    let mut script = String::new();
    let mut inside = false;
    for line in text.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            _ if inside => {
                script.push_str(line);
                script.push('\n');
            }
            _ => {}
        }
    }
    assert!(script.contains("basalt"), "{guide} has no commands");
    script
}

/// Runs a guide in an empty folder, on ports of its own in place of those of config.toml.
fn follow(guide: &str) {
    let folder = Folder::new();
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_basalt"));
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var_os("PATH").unwrap().display());
    let mut command = Command::new("bash");
    command.env("XDG_CACHE_HOME", crate::world::cache());
    command.args(["-euo", "pipefail", "-m", "-c", &script(guide)]).current_dir(&folder.0).env("PATH", path);
    for name in ["SUPABASE_API_PORT", "SUPABASE_DB_PORT", "SUPABASE_LOCAL_SMTP_PORT"] {
        command.env(name, free_port().to_string());
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{guide}:\n{said}");
}

#[test]
fn start_a_project() {
    follow("start-a-project.md");
}

#[test]
fn your_own_folder() {
    follow("your-own-folder.md");
}

#[test]
fn production() {
    follow("production.md");
}

#[test]
fn database_commands() {
    follow("database-commands.md");
}

#[test]
fn serve_rest() {
    follow("serve-rest.md");
}

#[test]
fn every_guide_is_followed_and_in_the_index() {
    let index = std::fs::read_to_string(root().join("docs/README.md")).unwrap();
    let here = std::fs::read_to_string(file!()).or_else(|_| std::fs::read_to_string(root().join(file!()))).unwrap();
    for entry in std::fs::read_dir(root().join("docs/guides")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(index.contains(&format!("guides/{name}")), "docs/README.md does not name {name}");
        let runs = std::fs::read_to_string(root().join("docs/guides").join(&name)).unwrap().contains("```sh\n");
        assert!(!runs || here.contains(&format!("follow(\"{name}\")")), "{name} is not run");
    }
}
