//! `basalt init`, `basalt new`, and the help.

use super::has;
use crate::world::{Folder, World, root, run, stderr};

fn said(folder: &Folder, args: &[&str], works: bool) -> String {
    let output = run(args, &folder.0);
    assert_eq!(output.status.success(), works, "basalt {}: {}", args.join(" "), stderr(&output));
    format!("{}{}", String::from_utf8_lossy(&output.stdout), stderr(&output))
}

#[test]
fn init_makes_a_folder_that_starts() {
    let folder = Folder::new();
    has(&said(&folder, &["init"], true), &["supabase/config.toml", "basalt start"]);
    let read = |path: &str| std::fs::read_to_string(folder.0.join(path)).unwrap();
    has(&read("supabase/config.toml"), &["project_id = \"basalt-it-", "[api]\n", "[auth.email]\n"]);
    has(&read(".gitignore"), &[".basalt/"]);
    has(&read("supabase/.gitignore"), &[".env"]);
    has(&said(&folder, &["init"], false), &["is there already", "--force"]);
    said(&folder, &["init", "--force"], true);
    let world = World::start_in(folder, &[]);
    assert!(!world.log().contains("unknown key"), "{}", world.log());
}

#[test]
fn new_makes_a_project_from_a_blueprint() {
    let folder = Folder::new();
    let names = said(&folder, &["new", "--list"], true);
    assert!(names.lines().count() >= 5 && names.contains("course-market"), "{names}");
    has(
        &said(&folder, &["new", "--blueprint", "course-market", "my-school"], true),
        &["my-school", "basalt start my-school"],
    );
    let of = |base: std::path::PathBuf| std::fs::read(base.join("supabase/seed.sql")).unwrap();
    assert_eq!(of(folder.0.join("my-school")), of(root().join("blueprints/course-market")));
    has(&said(&folder, &["new", "--blueprint", "course-market", "my-school"], false), &["not empty"]);
    has(&said(&folder, &["new", "--blueprint", "nothing", "x"], false), &["no blueprint nothing", "course-market"]);
}

#[test]
fn help_teaches() {
    let folder = Folder::new();
    has(&said(&folder, &["--help"], true), &["basalt new --blueprint course-market", "start", "migration"]);
    has(&said(&folder, &["start", "--help"], true), &["Examples:", "--detach", "--database-url", "--production"]);
    has(&said(&folder, &["status"], false), &["is not running", "basalt start"]);
    has(&said(&folder, &["strat"], false), &["start"]);
}
