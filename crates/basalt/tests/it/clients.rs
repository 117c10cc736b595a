//! Published clients against a running project.

use crate::world::{Folder, World, root};

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn supabase_js_signs_up_reads_and_writes_under_rls() {
    let world = World::start(&root().join("blueprints/course-market"));
    let status = world.status();
    let folder = root().join("tests/clients/supabase");
    let environment: Vec<(&str, &str)> = status.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    run(async {
        testkit::npm_install(&folder).await;
        testkit::node(&folder.join("slice.test.mjs"), &environment).await;
        testkit::node(&folder.join("readme.test.mjs"), &environment).await;
    });
}

#[test]
fn postgrest_of_python_reads_and_writes() {
    let folder = root().join("tests/clients/python");
    run(async {
        let Some(python) = testkit::python_install(&folder).await else { return };
        let library = std::fs::read_to_string(folder.join("library.sql")).unwrap();
        let project = Folder::with_migrations(&[("20260101000000_library.sql", &library)]);
        project.write("supabase/config.toml", "project_id = \"library\"\n[api]\nschemas = [\"public\", \"cellar\"]\n");
        let world = World::start_in(project, &[]);
        let status = world.status();
        let environment: Vec<(&str, &str)> = status.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        python.unittest(&folder, "test_rest.py", &environment).await;
    });
}
