//! A person, a browser, an application, a provider.

use super::run;
use crate::world::{Folder, World, free_port, root};

/// Debian's name and those of others.
const BROWSERS: [&str; 3] = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

#[test]
fn a_person_signs_in_by_a_provider_in_a_browser() {
    let Some(browser) = BROWSERS.into_iter().find(|path| std::path::Path::new(path).exists()) else {
        eprintln!("SKIPPED: the browser test needs chromium (apt-get install chromium)");
        return;
    };
    let (application, provider) = (free_port().to_string(), free_port().to_string());
    let project = Folder::with_migrations(&[]);
    project.write(
        "supabase/config.toml",
        &format!(
            "project_id = \"browser\"\n[auth]\nsite_url = \"http://127.0.0.1:{application}\"\n\
             [auth.external.keycloak]\nenabled = true\nclient_id = \"client\"\nsecret = \"secret\"\n\
             url = \"http://127.0.0.1:{provider}\"\n"
        ),
    );
    let world = World::start_in(project, &[]);
    let status = world.status();
    let folder = root().join("tests/clients/browser");
    run(async {
        testkit::npm_install(&folder).await;
        let environment = [
            ("API_URL", &*status["API_URL"]),
            ("ANON_KEY", &*status["ANON_KEY"]),
            ("APP_PORT", &application),
            ("PROVIDER_PORT", &provider),
            ("CHROMIUM", browser),
        ];
        testkit::node(&folder.join("roundtrip.test.mjs"), &environment).await;
    });
}
