//! Folders as the Supabase CLI and real teams write them start unchanged.

use crate::world::{World, root};

#[test]
fn every_imitated_folder_starts() {
    let mut seen = 0;
    for entry in std::fs::read_dir(root().join("tests/projects")).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.join("supabase/config.toml").exists() {
            continue;
        }
        let mut world = World::start(&folder);
        let applied = world.sql("select count(*) from supabase_migrations.schema_migrations").unwrap();
        let files = std::fs::read_dir(folder.join("supabase/migrations")).map_or(0, |files| {
            files.filter(|f| f.as_ref().is_ok_and(|f| f.path().extension().is_some_and(|e| e == "sql"))).count()
        });
        assert_eq!(applied[0][0].as_deref(), Some(files.to_string().as_str()), "{}", folder.display());
        assert!(world.terminate(), "{} stops cleanly", folder.display());
        seen += 1;
    }
    assert!(seen >= 5, "only {seen} folders in tests/projects");
}
