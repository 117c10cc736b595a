//! Supabase's own advisor, as its CLI runs it, on the same schema.

use std::collections::BTreeSet;
use std::path::Path;

use pg::Address;

use super::{FAULTS, findings};

/// The advisor looks for these in a way that a stock server cannot answer, or differs for a reason.
const APART: &[&str] = &["unused_index", "extension_versions_outdated", "table_bloat"];

#[tokio::test]
async fn finds_what_the_advisor_finds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/cli");
    testkit::npm_install(&folder).await;
    let database = testkit::database().await;
    database.run(FAULTS).await;
    let found = findings(&database).await;

    let Address::Socket(socket) = &database.admin.address else { panic!("tests use a socket") };
    let url = format!(
        "postgresql://{}:{}@localhost:{}/{}?host={}",
        database.admin.user,
        database.admin.password.expose(),
        database.admin.port,
        database.admin.database,
        socket.display()
    );
    let output = tokio::process::Command::new(folder.join("node_modules/@supabase/cli-linux-x64/bin/supabase"))
        .args(["db", "advisors", "--level", "info", "-o", "json", &format!("--remote={url}")])
        .current_dir(&folder)
        .output()
        .await
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let start = printed.find('[').unwrap_or_else(|| panic!("{printed}\n{}", String::from_utf8_lossy(&output.stderr)));
    let theirs: serde_json::Value = serde_json::from_str(&printed[start..]).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let theirs: BTreeSet<(String, String)> = theirs
        .as_array()
        .unwrap()
        .iter()
        .map(|f| (text(&f["name"]), format!("{}.{}", text(&f["metadata"]["schema"]), text(&f["metadata"]["name"]))))
        // The platform's own tables are not the project's.
        .filter(|(rule, name)| !APART.contains(&rule.as_str()) && !name.starts_with("_basalt."))
        .collect();
    assert!(theirs.len() > 20, "{theirs:#?}");
    // From 0025 on, the CLI's advisor is older than the list of rules.
    let known: BTreeSet<_> = theirs.iter().map(|(rule, _)| rule.as_str()).collect();
    let ours: BTreeSet<(String, String)> = found
        .iter()
        .filter(|f| f.rule.code < "0025" && known.contains(f.rule.name))
        .map(|f| (f.rule.name.to_owned(), format!("{}.{}", f.object.schema, f.object.name)))
        .collect();
    let missed: Vec<_> = theirs.difference(&ours).collect();
    let surplus: Vec<_> = ours.difference(&theirs).filter(|(rule, _)| !APART.contains(&rule.as_str())).collect();
    assert!(missed.is_empty() && surplus.is_empty(), "only theirs: {missed:#?}\nonly ours: {surplus:#?}");
}
