//! `basalt db push|rollback|diff|dump|seed|reset`

use super::{fails, has, notes, one, works};
use crate::world::{Folder, World};

#[test]
fn push_refuses_what_is_not_plain() {
    let world = World::start_in(notes(), &[]);
    let write = |name: &str, sql: &str| world.folder.write(&format!("supabase/migrations/{name}"), sql);
    has(&works(&world, &["db", "push"]), &["up to date"]);
    write("20260102000000_tags.sql", "create table public.tags (id int);");
    has(&works(&world, &["db", "push", "--dry-run"]), &["Would apply 20260102000000_tags.sql"]);
    assert_eq!(one(&world, "select to_regclass('public.tags')"), "", "a dry run applies nothing");
    has(&works(&world, &["db", "push"]), &["Applied 20260102000000_tags.sql"]);
    write("20260101120000_late.sql", "create table public.late (id int);");
    has(&fails(&world, &["db", "push"]), &["20260101120000_late.sql", "--include-all"]);
    has(&works(&world, &["db", "push", "--include-all"]), &["Applied 20260101120000_late.sql"]);
    write("20260102000000_tags.sql", "create table public.tags (id bigint);");
    has(&fails(&world, &["db", "push"]), &["edited after", "20260102000000_tags.sql"]);
    write("20260102000000_tags.sql", "create table public.tags (id int);");
    std::fs::remove_file(world.folder.0.join("supabase/migrations/20260101120000_late.sql")).unwrap();
    has(&fails(&world, &["db", "push"]), &["20260101120000", "migration repair"]);
    // By URL, as to any other database.
    let url = world.status()["DB_URL"].clone();
    works(&world, &["migration", "repair", "--status", "reverted", "20260101120000", "--db-url", &url]);
    has(&works(&world, &["db", "push", "--db-url", &url]), &["up to date"]);
    has(&fails(&world, &["db", "push", "--db-url", "mysql://h/x"]), &["postgresql://"]);
    has(&fails(&world, &["db", "push", "--linked"]), &["--db-url"]);
}

#[test]
fn commands_find_the_database_by_url_that_the_project_was_started_with() {
    let server = World::start_in(Folder::with_migrations(&[]), &[]);
    server.sql("create database elsewhere").unwrap();
    let url = format!("postgresql://postgres:postgres@127.0.0.1:{}/elsewhere", server.db_port);
    let world = World::start_in(notes(), &["--database-url", &url]);
    has(&works(&world, &["migration", "list"]), &["20260101000000"]);
    world.folder.write("supabase/migrations/20260102000000_tags.sql", "create table public.tags (id int);");
    has(&works(&world, &["db", "push"]), &["Applied 20260102000000_tags.sql"]);
    let found = crate::world::query(&url, "select to_regclass('public.tags')").unwrap();
    assert_eq!(found[0][0].as_deref(), Some("tags"));
    has(&works(&world, &["db", "dump"]), &["\"public\".\"tags\""]);
    has(&fails(&world, &["db", "reset"]), &["project's own PostgreSQL"]);
}

#[test]
fn rollback_takes_the_newest_back() {
    let world = World::start_in(notes(), &[]);
    has(&works(&world, &["db", "rollback"]), &["Took back 20260101000000_notes.sql"]);
    assert_eq!(one(&world, "select to_regclass('public.notes')"), "");
    has(&fails(&world, &["db", "rollback"]), &["nothing to take back"]);
}

#[test]
fn a_change_becomes_a_migration_and_a_dump_has_it() {
    let world = World::start_in(notes(), &[]);
    world.sql("create table public.by_hand (id int primary key, note text); insert into public.by_hand values (7, 'it''s')").unwrap();
    world.sql("create role reporting with login password 'hidden-from-dumps'").unwrap();

    has(&works(&world, &["db", "diff"]).to_lowercase(), &["create table", "by_hand"]);
    has(&works(&world, &["db", "diff", "-f", "by_hand"]), &["Wrote", "_by_hand.sql"]);

    let schema = works(&world, &["db", "dump"]);
    has(&schema, &["CREATE TABLE", "\"public\".\"by_hand\"", "\"public\".\"notes\""]);
    assert!(!schema.contains("INSERT INTO") && !schema.contains("\"auth\".\"users\" ("), "{schema}");
    let data = works(&world, &["db", "dump", "--data-only"]);
    has(&data, &["INSERT INTO \"public\".\"by_hand\"", "'it''s'", "'seeded'"]);
    let roles = works(&world, &["db", "dump", "--role-only"]);
    has(&roles, &["CREATE ROLE \"reporting\""]);
    assert!(!roles.contains("SCRAM") && !roles.contains("ROLE \"supabase_admin\""), "{roles}");
    works(&world, &["db", "dump", "-f", "schema.sql", "--schema", "public"]);
    has(&std::fs::read_to_string(world.folder.0.join("schema.sql")).unwrap(), &["by_hand"]);

    works(&world, &["db", "reset"]);
    assert_eq!(one(&world, "select to_regclass('public.by_hand')"), "by_hand", "its migration made it");
    assert_eq!(one(&world, "select count(*) from public.by_hand"), "0");
    assert_eq!(works(&world, &["db", "diff"]), "");
}

#[test]
fn a_dump_starts_as_the_migration_of_another_project() {
    let world = World::start_in(notes(), &[]);
    world
        .sql(
            "create extension if not exists pgcrypto with schema extensions; create extension if not exists citext with schema public;
             create type public.\"Odd \"\"enum\" as enum ('a b', 'it''s');
             create table public.\"Tàble\" (\"Id\" int primary key, e public.\"Odd \"\"enum\", mail citext)",
        )
        .unwrap();
    world.sql("insert into public.\"Tàble\" values (1, 'it''s', 'A@b.co')").unwrap();
    let schema = works(&world, &["db", "dump"]);
    let data = works(&world, &["db", "dump", "--data-only"]);
    let folder = Folder::with_migrations(&[("20260101000000_dump.sql", &schema)]);
    folder.write("supabase/seed.sql", &data);
    let other = World::start_in(folder, &[]);
    assert_eq!(one(&other, "select count(*) from public.\"Tàble\" where e = 'it''s' and mail = 'a@B.co'"), "1");
    assert_eq!(one(&other, "select string_agg(body, ',') from public.notes"), "seeded");
}

#[test]
fn reset_and_seed_bring_the_first_data_back() {
    let world = World::start_in(notes(), &[]);
    world.sql("insert into public.notes values (2, 'by hand')").unwrap();
    let notes = "select string_agg(body, ',' order by id) from public.notes";
    has(&works(&world, &["db", "reset"]), &["Reset the database of it"]);
    assert_eq!(one(&world, notes), "seeded");
    works(&world, &["db", "reset", "--no-seed"]);
    assert_eq!(one(&world, notes), "");
    has(&works(&world, &["db", "seed"]), &["Seeded from supabase/seed.sql"]);
    has(&works(&world, &["db", "seed"]), &["Loaded before: supabase/seed.sql"]);
    assert_eq!(one(&world, notes), "seeded");

    // One that fails leaves the database as it was, with the requests that it answers.
    world
        .folder
        .write("supabase/migrations/20260102000000_broken.sql", "create table public.half (id int);\nselect 1/0;\n");
    has(&fails(&world, &["db", "reset"]), &["20260102000000_broken.sql:2", "division by zero"]);
    assert_eq!(one(&world, notes), "seeded");
    assert_eq!(one(&world, "select to_regclass('public.half')"), "");
    has(&fails(&world, &["db", "reset", "--db-url", "postgresql://h/x"]), &["left alone"]);
}

#[test]
fn commands_start_what_does_not_run() {
    let folder = notes();
    let (mut config, port) =
        (std::fs::read_to_string(folder.0.join("supabase/config.toml")).unwrap(), crate::world::free_port());
    config.push_str(&format!("[db]\nport = {port}\n"));
    folder.write("supabase/config.toml", &config);
    let output = crate::world::run(&["migration", "up"], &folder.0);
    assert!(output.status.success(), "{}", crate::world::stderr(&output));
    let output = crate::world::run(&["migration", "list"], &folder.0);
    has(&String::from_utf8_lossy(&output.stdout), &["20260101000000 | 20260101000000 | notes"]);
    assert!(!folder.0.join(".basalt/pgdata/postmaster.pid").exists(), "it was stopped again");
}
