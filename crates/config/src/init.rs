use std::fmt::Write as _;

use crate::reference::{Key, keys_table};

/// Sections that `basalt init` writes out; the rest have their defaults and are on the reference page.
const SECTIONS: &[&str] = &[
    "api",
    "db",
    "db.migrations",
    "db.seed",
    "realtime",
    "studio",
    "local_smtp",
    "storage",
    "auth",
    "auth.rate_limit",
    "auth.email",
    "auth.sms",
    "auth.mfa",
    "auth.mfa.totp",
    "edge_runtime",
];

/// Keys of those sections that are left out: filled by the loader, or of no use here.
const LEFT_OUT: &[&str] = &[
    "db.shadow_port",
    "db.health_timeout",
    "db.orioledb_version",
    "auth.jwt_issuer",
    "auth.external_url",
    "api.external_url",
    "auth.signing_keys_path",
];

/// The text of a new config.toml: the usual sections with their defaults and sentences.
pub fn init_toml(project_id: &str) -> String {
    let keys = keys_table();
    let id = Some(sanitize_project_id(project_id)).filter(|id| !id.is_empty()).unwrap_or_else(|| "project".to_owned());
    let mut out = format!(
        "# Settings of this project, with the keys of the Supabase CLI. All of them: docs/reference/configuration.md.\n\
         # A value may be env(NAME); put secrets into supabase/.env and keep that file out of git.\n\n\
         project_id = {id:?}\n"
    );
    for section in SECTIONS {
        let about =
            keys.iter().find(|key| key.kind == "table" && key.path == *section).map_or("", |key| key.doc.as_str());
        let _ = write!(out, "\n# {about}\n[{section}]\n");
        for key in keys.iter().filter(|key| is_direct(key, section)) {
            let name = &key.path[section.len() + 1..];
            let _ = writeln!(out, "# {}\n{name} = {}", key.doc, key.default);
        }
    }
    out
}

fn is_direct(key: &Key, section: &str) -> bool {
    key.kind != "table"
        && !key.default.is_empty()
        && !LEFT_OUT.contains(&key.path.as_str())
        && key
            .path
            .strip_prefix(section)
            .and_then(|rest| rest.strip_prefix('.'))
            .is_some_and(|name| !name.contains('.'))
}

/// A project id as the CLI allows it: letters, digits, `_`, `.` and `-`, starting with a letter or digit, 40 at most.
pub fn sanitize_project_id(id: &str) -> String {
    let mut out = String::with_capacity(id.len());
    let mut replaced = false;
    for c in id.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-') {
            out.push(c);
            replaced = false;
        } else if !replaced {
            out.push('_');
            replaced = true;
        }
    }
    out.trim_start_matches(['_', '.', '-']).chars().take(40).collect()
}
