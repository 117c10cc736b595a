//! Signing keys rotate while a project runs.

use serde_json::{Value, json};

use crate::world::{Folder, PATIENCE, World, http, http_get, run, stderr};

fn project() -> Folder {
    let rooms = "create table public.rooms (id int primary key); insert into public.rooms values (1);
        grant select on public.rooms to authenticated;";
    Folder::with_migrations(&[("20260101000000_rooms.sql", rooms)])
}

/// Runs `basalt keys …` in the project; what it printed.
fn keys(world: &World, args: &[&str]) -> String {
    let output = run(&[&["keys"], args].concat(), &world.folder.0);
    assert!(output.status.success(), "{args:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn session(world: &World, path: &str) -> Value {
    let body = json!({"email": "ada@x.test", "password": "correct horse"}).to_string();
    let (status, answer) = http(world.port, "POST", path, &[("content-type", "application/json")], &body).unwrap();
    assert_eq!(status, 200, "{answer}");
    serde_json::from_str(&answer).unwrap()
}

fn sign_in(world: &World) -> String {
    session(world, "/auth/v1/token?grant_type=password")["access_token"].as_str().unwrap().to_owned()
}

/// What auth and REST say to a token.
fn statuses(world: &World, token: &str) -> (u16, u16) {
    let bearer = format!("Bearer {token}");
    let get = |path: &str| http_get(world.port, path, &[("authorization", &bearer)]).unwrap().0;
    (get("/auth/v1/user"), get("/rest/v1/rooms"))
}

fn published(world: &World) -> Vec<String> {
    let (_, text) = http_get(world.port, "/auth/v1/.well-known/jwks.json", &[]).unwrap();
    let jwks: Value = serde_json::from_str(&text).unwrap();
    assert!(!text.contains("\"d\""), "private parts stay here");
    jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn keys_rotate_with_a_grace_and_nobody_is_signed_out() {
    let world = World::start_in(project(), &[]);
    let by_secret = session(&world, "/auth/v1/signup")["access_token"].as_str().unwrap().to_owned();
    assert!(keys(&world, &["list"]).contains("HS256  signs"));
    assert!(published(&world).is_empty());

    // The first rotation leaves the secret.
    keys(&world, &["rotate"]);
    let first = published(&world);
    assert_eq!(first.len(), 1);
    let by_first = sign_in(&world);
    assert!(by_first.starts_with("eyJhbGciOiJFUzI1NiI"), "ES256: {by_first}");
    assert_eq!((statuses(&world, &by_secret), statuses(&world, &by_first)), ((200, 200), (200, 200)));

    // The second shows both keys; the old one still verifies.
    keys(&world, &["rotate", "--algorithm", "EdDSA"]);
    let both = published(&world);
    assert_eq!((both.len(), &both[0]), (2, &first[0]));
    let by_second = sign_in(&world);
    assert!(by_second.starts_with("eyJhbGciOiJFZERTQSI"), "EdDSA: {by_second}");
    assert_eq!((statuses(&world, &by_first), statuses(&world, &by_second)), ((200, 200), (200, 200)));
    let listed = keys(&world, &["list"]);
    let line = |kid: &str| listed.lines().find(|line| line.starts_with(kid)).unwrap().to_owned();
    assert!(line(&both[0]).contains("verifies until") && line(&both[1]).contains("EdDSA  signs"), "{listed}");

    // What leaked is revoked at once; what signs is not.
    let refused = run(&["keys", "revoke", &both[1]], &world.folder.0);
    assert!(!refused.status.success() && stderr(&refused).contains("rotate"), "{}", stderr(&refused));
    keys(&world, &["revoke", &both[0]]);
    assert_eq!(published(&world), [both[1].clone()]);
    assert_eq!((statuses(&world, &by_first), statuses(&world, &by_second)), ((403, 401), (200, 200)));

    // A key stands by, then signs; the grace of the one before it ends by itself.
    keys(&world, &["rotate", "--standby", "--algorithm", "RS256"]);
    let standby = published(&world)[1].clone();
    assert_eq!(statuses(&world, &sign_in(&world)), (200, 200));
    keys(&world, &["rotate", "--kid", &standby, "--grace", "2s"]);
    let by_third = sign_in(&world);
    let deadline = std::time::Instant::now() + PATIENCE;
    while published(&world).len() > 1 {
        assert!(std::time::Instant::now() < deadline, "the old key is still published");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!((statuses(&world, &by_second), statuses(&world, &by_third)), ((403, 401), (200, 200)));
}

#[test]
fn keys_may_rotate_while_nothing_runs_and_the_file_is_private() {
    let folder = project();
    let output = run(&["keys", "rotate"], &folder.0);
    assert!(output.status.success(), "{}", stderr(&output));
    let file = folder.0.join(".basalt/secrets/signing-keys.json");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    // A file that config.toml names is the one that is written.
    folder.write("supabase/config.toml", "project_id = \"it\"\n[auth]\nsigning_keys_path = \"./signing_keys.json\"\n");
    assert!(run(&["keys", "rotate", "--algorithm", "RS256"], &folder.0).status.success());
    let named = std::fs::read_to_string(folder.0.join("supabase/signing_keys.json")).unwrap();
    assert!(named.contains("RS256"));
    let unknown = run(&["keys", "rotate", "--kid", "nobody"], &folder.0);
    assert!(!unknown.status.success() && stderr(&unknown).contains("nobody"), "{}", stderr(&unknown));
    // All keys anew: with them go those that signed.
    folder.write("supabase/config.toml", "project_id = \"it\"\n");
    assert!(run(&["keys", "rotate", "--production"], &folder.0).status.success());
    assert!(!file.exists());
}
