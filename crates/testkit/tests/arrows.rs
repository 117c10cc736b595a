//! Which crate may use which: a new arrow is a change of this table, which a reviewer sees.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Crate → the crates of ours that it may depend on, outside of tests.
const ARROWS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("crypto", &["base"]),
    ("config", &["base", "crypto"]),
    ("telemetry", &[]),
    ("pg", &["base"]),
    ("pgserver", &["base"]),
    ("platform", &["base"]),
    ("catalog", &["base", "pg"]),
    ("service", &["base", "pg"]),
    ("jobs", &["base", "pg", "service"]),
    ("mail", &["base", "crypto", "pg", "service"]),
    ("migrate", &["base", "catalog", "config", "pg"]),
    ("web", &["base", "service"]),
    ("rest", &["base", "catalog", "crypto", "pg", "service"]),
    ("auth", &["base", "config", "crypto", "mail", "pg", "service"]),
    ("access", &["base", "config", "migrate", "pg"]),
    ("testkit", &["base", "pg", "pgserver", "platform"]),
];

/// Those that wire everything together.
const TOP: &[&str] = &["basalt", "bench"];

#[test]
fn every_arrow_is_in_the_table() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let table: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let names: BTreeSet<String> = std::fs::read_dir(&crates)
        .unwrap()
        .filter_map(Result::ok)
        .filter(|entry| entry.path().join("Cargo.toml").exists())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    let mut strangers = Vec::new();
    for name in names.iter().filter(|name| !TOP.contains(&name.as_str())) {
        let manifest = std::fs::read_to_string(crates.join(name).join("Cargo.toml")).unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        let Some(allowed) = table.get(name.as_str()) else {
            strangers.push(format!("{name} is not in the table"));
            continue;
        };
        let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table);
        for used in dependencies.into_iter().flat_map(toml::Table::keys).filter(|used| names.contains(*used)) {
            if !allowed.contains(&used.as_str()) {
                strangers.push(format!("{name} → {used}"));
            }
        }
    }
    assert!(strangers.is_empty(), "arrows that nobody allowed: {strangers:#?}");
}
