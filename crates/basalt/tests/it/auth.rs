//! `basalt serve auth`, seen by published clients of two languages, a browser, and servers of letters that are not always there.

mod browser;
mod letters;
mod outside;

use outside::Outside;

use crate::world::root;

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// Every flow, by the client of JavaScript.
#[test]
fn auth_js_walks_every_flow() {
    run(async {
        let outside = Outside::start().await;
        let folder = root().join("tests/clients/auth");
        let files = ["contacts", "sessions", "oauth", "factors", "admin", "oauth_server", "hooks", "imported"];
        let files: Vec<_> = files.iter().map(|name| folder.join(format!("{name}.test.mjs"))).collect();
        testkit::node_all(&files, &outside.environment()).await;
    });
}

/// Every flow, by the client of Python.
#[test]
fn supabase_auth_of_python_walks_every_flow() {
    let folder = root().join("tests/clients/python");
    run(async {
        let Some(python) = testkit::python_install(&folder).await else { return };
        let outside = Outside::start().await;
        python.unittest(&folder, "test_auth*.py", &outside.environment()).await;
    });
}
