//! Published clients against a running project.

use crate::world::{World, root};

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
