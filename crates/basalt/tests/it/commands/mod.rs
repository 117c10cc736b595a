//! Each command against a project that runs, and what it says when it cannot.

mod db;
mod r#gen;
mod keys;
mod migration;
mod project;

use crate::world::{Folder, World, run, stderr};

/// A project with one migration, its rollback script and a seed file.
fn notes() -> Folder {
    let folder = Folder::with_migrations(&[(
        "20260101000000_notes.sql",
        "create table public.notes (id int primary key, body text not null);\n",
    )]);
    folder.write("supabase/rollback/20260101000000_notes.sql", "drop table public.notes;\n");
    folder.write("supabase/seed.sql", "insert into public.notes values (1, 'seeded');\n");
    folder
}

/// Runs a command that works; gives what it printed.
fn works(world: &World, args: &[&str]) -> String {
    let output = run(args, &world.folder.0);
    assert!(output.status.success(), "basalt {}: {}", args.join(" "), stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that refuses; gives what it said.
fn fails(world: &World, args: &[&str]) -> String {
    let output = run(args, &world.folder.0);
    let said = stderr(&output);
    assert!(!output.status.success(), "basalt {} works: {said}", args.join(" "));
    assert!(!said.contains("panicked"), "{said}");
    said
}

/// The one value of a query.
fn one(world: &World, sql: &str) -> String {
    world.sql(sql).unwrap()[0][0].clone().unwrap_or_default()
}

#[track_caller]
fn has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in:\n{text}");
    }
}
