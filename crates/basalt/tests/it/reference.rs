//! `docs/reference/configuration.md` is printed from the code. `BASALT_WRITE_DOCS=1 cargo test -p basalt reference` writes it anew.

use std::collections::BTreeSet;

use crate::world::{Folder, root, run};

/// `PGRST_*`, as `serve rest --dump-config` has them with nothing set.
fn serve_rest() -> String {
    let output = run(&["serve", "rest", "--dump-config"], &Folder::new().0);
    let text = String::from_utf8(output.stdout).unwrap();
    let mut page = String::from(
        "\n## `basalt serve rest`\n\nPostgREST's options, in its configuration file (`--config FILE`) under their names, or as variables, \
         which go before it.\n\n| option | variable | default |\n|---|---|---|\n",
    );
    for line in text.lines() {
        let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("no option: {line}"));
        let (name, value) = (name.trim(), value.trim());
        let variable = name.to_ascii_uppercase().replace(['-', '.'], "_");
        page.push_str(&format!("| `{name}` | `PGRST_{variable}` | `{value}` |\n"));
    }
    assert!(page.lines().count() > 40, "{page}");
    page
}

/// `GOTRUE_*`: the names that the reader of the environment has in its source.
fn serve_auth() -> String {
    let mut names = BTreeSet::new();
    for file in ["env.rs", "mailing.rs"] {
        let text = std::fs::read_to_string(root().join("crates/auth/src/config").join(file)).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for part in code.split('"').skip(1).step_by(2) {
            let plain = part.len() > 3 && part.contains('_') && !part.ends_with('_') && !part.starts_with('_');
            if plain && part.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_') {
                names.insert(part.strip_prefix("GOTRUE_").unwrap_or(part).to_owned());
            }
        }
    }
    assert!(names.len() > 40 && names.contains("SITE_URL"), "{names:?}");
    let list: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!(
        "\n## `basalt serve auth`\n\nGoTrue's variables, in a file of `NAME=value` lines (`--config FILE`) or in the environment, which goes \
         before it. Each is written with `GOTRUE_` before it; those of GoTrue's documentation without it (`API_EXTERNAL_URL`, `PORT`, …) \
         are taken so too. Providers, hooks, templates and the like have variables by their names: `EXTERNAL_GOOGLE_CLIENT_ID`, \
         `HOOK_SEND_SMS_URI`, `MAILER_TEMPLATES_INVITE`.\n\n{}\n",
        list.join(", ")
    )
}

#[test]
fn the_page_on_configuration_is_what_the_code_says() {
    let page = format!("{}{}{}", config::reference(), serve_rest(), serve_auth());
    let path = root().join("docs/reference/configuration.md");
    if std::env::var_os("BASALT_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    let first = page.lines().zip(there.lines()).find(|(new, old)| new != old);
    assert!(
        page == there,
        "docs/reference/configuration.md is not up to date (first difference: {first:?}); write it anew: \
         BASALT_WRITE_DOCS=1 cargo test -p basalt reference"
    );
}
