//! `basalt migration new|list|up|down|repair`

use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;

use super::{fails, has, notes, one, works};
use crate::world::{World, basalt};

/// The file whose name ends so.
fn file(world: &World, folder: &str, end: &str) -> PathBuf {
    let entries = std::fs::read_dir(world.folder.0.join("supabase").join(folder)).unwrap();
    entries.map(|entry| entry.unwrap().path()).find(|path| path.to_string_lossy().ends_with(end)).unwrap()
}

#[test]
fn migrations_go_up_and_down_and_are_listed() {
    let world = World::start_in(notes(), &[]);

    let made = works(&world, &["migration", "new", "add tags", "--rollback"]);
    let path = file(&world, "migrations", "_add_tags.sql");
    let version = path.file_name().unwrap().to_str().unwrap().split('_').next().unwrap().to_owned();
    assert_eq!((version.len(), made.lines().count()), (14, 2), "{made}");
    std::fs::write(&path, "create table public.tags (id int);\n").unwrap();
    std::fs::write(file(&world, "rollback", "_add_tags.sql"), "drop table public.tags;\n").unwrap();
    has(
        &works(&world, &["migration", "list"]),
        &["20260101000000 | 20260101000000 | notes", &format!("{version} |                | add_tags")],
    );

    has(&works(&world, &["migration", "up"]), &["Applied", "_add_tags.sql"]);
    has(&works(&world, &["migration", "up"]), &["up to date"]);
    assert_eq!(one(&world, "select to_regclass('public.tags')"), "tags");
    std::fs::write(&path, "create table public.tags (id bigint);\n").unwrap();
    has(&works(&world, &["migration", "list"]), &["edited after it was applied"]);

    has(&works(&world, &["migration", "down"]), &["Took back", "_add_tags.sql"]);
    assert_eq!(one(&world, "select to_regclass('public.tags')"), "");
    std::fs::remove_file(file(&world, "rollback", "_add_tags.sql")).unwrap();
    works(&world, &["migration", "up"]);
    has(&fails(&world, &["migration", "down"]), &["no rollback script", "supabase/rollback", "_add_tags.sql"]);

    works(&world, &["migration", "repair", "--status", "reverted", &version]);
    has(&works(&world, &["migration", "list"]), &[&format!("{version} |                | add_tags")]);
    works(&world, &["migration", "repair", "--status", "applied", &version]);
    has(&works(&world, &["migration", "list"]), &[&format!("{version} | {version} | add_tags")]);
    has(&fails(&world, &["migration", "repair", "--status", "applied", "123"]), &["123", "supabase/migrations"]);
    has(&fails(&world, &["migration", "new", "  "]), &["needs a name"]);
}

#[test]
fn what_is_piped_in_becomes_the_migration() {
    let folder = notes();
    let mut child = basalt();
    child.args(["migration", "new", "piped"]).current_dir(&folder.0).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = child.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"select 'piped';\n").unwrap();
    assert!(child.wait().unwrap().success());
    let entries = std::fs::read_dir(folder.0.join("supabase/migrations")).unwrap();
    let texts: Vec<String> = entries.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    assert!(texts.iter().any(|text| text == "select 'piped';\n"), "{texts:?}");
}
