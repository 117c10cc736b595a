//! `basalt keys`, and what production makes of them.

use super::{fails, has, notes, works};
use crate::world::{World, run, stderr};

/// The key that a hosted project's example also shows.
const WELL_KNOWN_SECRET: &str = "super-secret-jwt-token-with-at-least-32-characters-long";

fn keys(text: &str) -> std::collections::BTreeMap<&str, &str> {
    text.lines().filter_map(|line| line.split_once('=')).map(|(key, value)| (key, value.trim_matches('"'))).collect()
}

#[test]
fn keys_are_shown_and_replaced() {
    let mut world = World::start_in(notes(), &[]);
    let before = works(&world, &["keys"]);
    assert_eq!(keys(&before)["JWT_SECRET"], WELL_KNOWN_SECRET);
    let status = world.status();
    for (name, value) in keys(&before) {
        assert_eq!(status[name], value, "{name} in status");
    }
    has(&fails(&world, &["keys", "rotate", "--production"]), &["basalt stop"]);
    assert!(world.terminate());

    let refused = run(&["start", "--production"], &world.folder.0);
    assert!(!refused.status.success());
    has(&stderr(&refused), &["public development keys", "keys rotate --production"]);
    let own = works(&world, &["keys", "rotate", "--production"]);
    for (name, value) in keys(&own) {
        assert!(value.len() > 30 && value != keys(&before)[name], "{name}={value}");
    }
    assert_eq!(works(&world, &["keys"]), own);
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(world.folder.0.join(".basalt/secrets/keys.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let refused = run(&["start"], &world.folder.0);
    has(&stderr(&refused), &["production keys", "--production"]);
    assert_eq!(keys(&works(&world, &["keys", "rotate", "--development"]))["JWT_SECRET"], WELL_KNOWN_SECRET);
}
