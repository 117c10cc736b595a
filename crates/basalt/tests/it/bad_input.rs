//! Each mistake gets an error that a person can act on, and leaves the data as it was.

use crate::world::{Folder, World, free_port, http, run, stderr};

/// Starts and expects a refusal that says all of `words`.
fn refused(folder: &Folder, args: &[&str], words: &[&str]) {
    let (port, db_port) = (free_port().to_string(), free_port().to_string());
    let mut all = vec!["start", ".", "--port", &port, "--db-port", &db_port];
    all.extend(args);
    let output = run(&all, &folder.0);
    let text = stderr(&output);
    assert!(!output.status.success(), "it started: {text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in:\n{text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
fn no_config_and_broken_config() {
    refused(&Folder::new(), &[], &["supabase/config.toml", "basalt init"]);
    let broken = Folder::new();
    broken.write("supabase/config.toml", "project_id = \"x\"\n[api\nport = 1\n");
    refused(&broken, &[], &["config.toml", "2"]);
}

#[test]
fn a_syntax_error_names_file_line_and_statement_and_undoes_the_file() {
    let folder = Folder::with_migrations(&[
        ("20260101000000_one.sql", "create table public.one (id int);"),
        (
            "20260102000000_two.sql",
            "create table public.two (id int);\ninsert into public.two values (1);\n\ncreate tabel public.three (id int);\n",
        ),
    ]);
    refused(&folder, &[], &["20260102000000_two.sql", "4", "create tabel", "syntax error"]);
    folder.write("supabase/migrations/20260102000000_two.sql", "create table public.two (id int);");
    let world = World::start_in(folder, &[]);
    assert_eq!(world.sql("select count(*) from public.two").unwrap()[0][0].as_deref(), Some("0"));
}

#[test]
fn what_would_be_left_out_or_cannot_be_read_is_refused() {
    let one = "20260101000000_one.sql";
    let folder = Folder::with_migrations(&[(
        one,
        "create table public.one (id int);\n/* the rest;\ncreate table public.two (id int);",
    )]);
    refused(&folder, &[], &[one, "sql:2", "unterminated /* comment"]);
    std::fs::write(folder.0.join("supabase/migrations").join(one), b"select 1;\n-- caf\xe9").unwrap();
    refused(&folder, &[], &[one, "line 2 is not UTF-8"]);
    std::fs::remove_file(folder.0.join("supabase/migrations").join(one)).unwrap();
    std::os::unix::fs::symlink("/nowhere/x.sql", folder.0.join("supabase/migrations").join(one)).unwrap();
    refused(&folder, &[], &[one, "No such file"]);
    folder.write("supabase/config.toml", "project_id = \"x\"\n[auth]\njwt_secret = \"of-twenty-characters\"\n");
    refused(&folder, &[], &["config.toml:3", "auth.jwt_secret: 32 characters at least"]);
}

#[test]
fn two_migrations_of_one_version() {
    let folder =
        Folder::with_migrations(&[("20260101000000_one.sql", "select 1;"), ("20260101000000_other.sql", "select 2;")]);
    refused(&folder, &[], &["20260101000000_one.sql", "20260101000000_other.sql"]);
}

#[test]
fn a_port_in_use_and_a_data_directory_that_is_not_ours() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = Folder::with_migrations(&[]);
    let output = run(&["start", ".", "--port", &port, "--db-port", &free_port().to_string()], &folder.0);
    let text = stderr(&output);
    assert!(!output.status.success() && text.contains(&port) && text.contains("--port"), "{text}");
    folder.write("photos/pgdata/cat.jpg", "not a database");
    refused(&folder, &["--data-dir", "photos"], &["photos"]);
    assert_eq!(std::fs::read_to_string(folder.0.join("photos/pgdata/cat.jpg")).unwrap(), "not a database");
}

#[test]
fn a_taken_port_of_the_inbox_is_told_before_anything_is_made() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let inbox = taken.local_addr().unwrap().port();
    let folder = Folder::with_migrations(&[]);
    folder.write(
        "supabase/config.toml",
        &format!("[api]\nport = {}\n[db]\nport = {}\n[inbucket]\nport = {inbox}\n", free_port(), free_port()),
    );
    let output = run(&["start", "."], &folder.0);
    let text = stderr(&output);
    assert!(!output.status.success() && text.contains(&inbox.to_string()) && text.contains("inbox"), "{text}");
    assert!(!folder.0.join(".basalt/pgdata").exists(), "PostgreSQL was made before the port was looked at");
}

#[test]
fn a_folder_of_other_things_is_refused_and_not_touched() {
    let folder = Folder::with_migrations(&[]);
    folder.write("website/index.html", "<h1>ours</h1>");
    folder.write("website/storage/app/cat.jpg", "a cat");
    let names = || {
        let entries = std::fs::read_dir(folder.0.join("website")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    refused(&folder, &["--data-dir", "website"], &["website", "is not a data directory of Basalt", "--data-dir"]);
    refused(&folder, &["--data-dir", "website", "--detach"], &["is not a data directory of Basalt"]);
    refused(&folder, &["--data-dir", "website", "--production"], &["is not a data directory of Basalt"]);
    refused(&folder, &["--data-dir", "website/index.html"], &["index.html", "not a directory"]);
    assert_eq!(names(), before);
}

#[test]
fn an_unreachable_database_url() {
    let folder = Folder::with_migrations(&[]);
    let url = format!("postgresql://u:hunter2@127.0.0.1:{}/x", free_port());
    refused(&folder, &["--database-url", &url], &["127.0.0.1"]);
    let output = run(&["start", ".", "--database-url", &url], &folder.0);
    assert!(!stderr(&output).contains("hunter2"), "the password is shown");
    refused(&folder, &["--database-url", "mysql://u:hunter2@h/x"], &["mysql://", "postgresql://USER:PASSWORD@HOST"]);
}

#[test]
fn wrong_keys_large_bodies_and_broken_json() {
    let notes = (
        "20260101000000_notes.sql",
        "create table public.notes (id int primary key, body text); grant all on public.notes to anon;",
    );
    let world = World::start_in(Folder::with_migrations(&[notes]), &[]);
    let ask = |headers: &[(&str, &str)], body: &str| http(world.port, "POST", "/rest/v1/notes", headers, body).unwrap();
    let json = ("content-type", "application/json");
    let (status, body) = ask(&[json, ("apikey", "sb_secret_wrong")], "{}");
    assert_eq!(status, 401);
    assert!(body.contains("Invalid API key"), "{body}");
    let (status, body) = ask(&[json, ("authorization", "Bearer a.b.c")], "{}");
    assert_eq!(status, 401);
    assert!(body.contains("PGRST301"), "{body}");
    let (status, body) = ask(&[json], "{\"id\": 1,");
    assert_eq!(status, 400);
    assert!(body.contains("PGRST102"), "{body}");
    let length = (200_u64 << 20).to_string();
    let (status, body) = http(world.port, "POST", "/rest/v1/notes", &[json, ("content-length", &length)], "").unwrap();
    assert_eq!(status, 413);
    assert!(body.contains("limit"), "{body}");
    assert_eq!(world.sql("select count(*) from public.notes").unwrap()[0][0].as_deref(), Some("0"));
    // What no URI may hold is taken as it was meant.
    world.sql("insert into public.notes values (1, '<ä>')").unwrap();
    let found = http(world.port, "GET", "/rest/v1/notes?select=id&body=eq.<ä>", &[], "").unwrap();
    assert_eq!(found, (200, r#"[{"id":1}]"#.to_owned()));
}

#[test]
fn a_lost_key_of_the_vault_is_not_replaced() {
    let mut world = World::start_in(Folder::with_migrations(&[]), &[]);
    world.sql("select vault.create_secret('hush', 'one')").unwrap();
    assert!(world.terminate());
    let (key, aside) = (world.folder.0.join(".basalt/vault.key"), world.folder.0.join("aside"));
    std::fs::rename(&key, &aside).unwrap();
    let output = run(&["db", "dump"], &world.folder.0);
    let said = stderr(&output);
    assert!(!output.status.success() && said.contains("1 secret(s)") && said.contains("vault.key"), "{said}");
    std::fs::rename(&aside, &key).unwrap();
    world.restart();
    let secret = world.sql("select decrypted_secret from vault.decrypted_secrets where name = 'one'").unwrap();
    assert_eq!(secret, [[Some("hush".to_owned())]]);
}
