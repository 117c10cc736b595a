//! `basalt db test`: equal, a leak, and the way to agree with it.

use crate::world::{Folder, root, run, stderr};

#[test]
fn a_leak_fails_and_names_its_cause_and_update_shows_it_as_a_diff() {
    let folder = Folder::copy_of(&root().join("blueprints/portfolio"));
    let dir = folder.0.to_str().unwrap();
    // pgTAP may not be there; the matrix needs none.
    std::fs::remove_dir_all(folder.0.join("supabase/tests")).unwrap();
    let sound = run(&["db", "test", dir], &folder.0);
    let text = String::from_utf8_lossy(&sound.stdout).into_owned();
    assert!(sound.status.success(), "{text}{}", stderr(&sound));
    assert!(text.contains("all as access.toml says"), "{text}");

    let fault = std::fs::read_to_string(root().join("tests/blueprints/faults/portfolio/drafts_in_public.sql")).unwrap();
    folder.write("supabase/migrations/20990101000000_fault.sql", &fault);
    let leaky = run(&["db", "test", dir], &folder.0);
    let text = String::from_utf8_lossy(&leaky.stdout).into_owned();
    assert_eq!(leaky.status.code(), Some(1), "{text}{}", stderr(&leaky));
    for part in ["LEAK public.projects: select as anon", "Visitors read published projects", "set local role \"anon\""]
    {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    let junit = run(&["db", "test", dir, "-o", "junit"], &folder.0);
    assert!(String::from_utf8_lossy(&junit.stdout).contains("<failure message="));

    let before = std::fs::read_to_string(folder.0.join("access.toml")).unwrap();
    let updated = run(&["db", "test", dir, "--update"], &folder.0);
    assert!(updated.status.success(), "{}", stderr(&updated));
    let after = std::fs::read_to_string(folder.0.join("access.toml")).unwrap();
    let changed: Vec<_> = after.lines().filter(|line| !before.lines().any(|old| old == *line)).collect();
    assert!(
        !changed.is_empty() && changed.iter().all(|line| line.starts_with("anon") || line.starts_with("user")),
        "{changed:#?}"
    );
    let agreed = run(&["db", "test", dir], &folder.0);
    assert!(agreed.status.success(), "{}{}", String::from_utf8_lossy(&agreed.stdout), stderr(&agreed));

    folder.write("access.toml", "version = 1\n\n[tables.\"public.projects\"]\nanon = { select = \"publishd\" }\n");
    let wrong = run(&["db", "test", dir], &folder.0);
    assert!(!wrong.status.success() && stderr(&wrong).contains("access.toml:4"), "{}", stderr(&wrong));
}
