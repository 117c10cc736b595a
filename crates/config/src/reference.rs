use std::fmt::Write as _;

use crate::ProjectConfig;
use crate::load::{ELSEWHERE, RENAMED};
use crate::setting::Setting;

/// A knob of config.toml, as the reference page and the tests see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Dotted path; `<name>` stands for a name of the project's own.
    pub path: String,
    /// `boolean`, `integer`, `string`, `secret`, `duration`, `size`, `list`, `choice`, or `table` for a section.
    pub kind: &'static str,
    /// The default as TOML; empty when there is none.
    pub default: String,
    /// A sentence.
    pub doc: String,
}

impl Key {
    pub(crate) fn section(path: &str, doc: &str) -> Self {
        Self { path: path.to_owned(), kind: "table", default: String::new(), doc: doc.to_owned() }
    }
}

/// Every knob, in the order of declaration.
pub fn keys_table() -> Vec<Key> {
    let mut keys = Vec::new();
    ProjectConfig::default().describe("", "", &mut keys);
    keys
}

/// What is read and checked, and changes nothing: the section or key, and why.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("analytics", "Basalt logs to its own output."),
    ("db.health_timeout", "A start that takes long says what it waits for."),
    ("db.migrations.schema_paths", "`db diff` compares with the database."),
    ("db.network_restrictions", "It is a setting of the hosted platform; PostgreSQL listens where `--host` says."),
    ("db.orioledb_version", "Only PostgreSQL's own storage is supported."),
    ("db.pooler", "Requests share connections already."),
    ("db.shadow_port", "The shadow of `db diff` is a database in the same server."),
    ("db.ssl_enforcement", "It is a setting of the hosted platform."),
    ("edge_runtime", "There is no `/functions/v1` yet."),
    ("experimental", "These are trials of the CLI."),
    ("functions", "There is no `/functions/v1` yet."),
    ("realtime", "There is no `/realtime/v1` yet."),
    ("storage.analytics", "It is a part of the hosted platform."),
    ("storage.image_transformation", "There is no `/storage/v1` yet."),
    ("storage.s3_protocol", "There is no `/storage/v1` yet."),
    ("storage.vector", "It is a part of the hosted platform."),
    ("studio", "There are no pages for developers yet."),
];

fn lower_first(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// Why a key changes nothing; `None` where it does.
fn without_effect(path: &str) -> Option<&'static str> {
    let covers = |prefix: &str| path == prefix || path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'));
    WITHOUT_EFFECT.iter().find(|(prefix, _)| covers(prefix)).map(|(_, why)| *why)
}

/// `docs/reference/configuration.md`: the same table for people.
pub fn reference() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         `supabase/config.toml`, with the keys and defaults of the Supabase CLI. This page is printed from the code.\n\n\
         A value may be `env(NAME)`; variables come from the process, then from `.env` files in `supabase/` and in the project \
         folder (`.env.development.local`, `.env.local`, `.env.development`, `.env`; `SUPABASE_ENV` names another environment). \
         `SUPABASE_AUTH_SITE_URL` overrides `auth.site_url`, and so on for every key with a fixed name. Durations are written \
         `1h30m`, sizes `50MiB`. Unknown keys are named in a warning.\n\n\
         `[remotes.NAME]` holds the same tables again; they are laid upon the others when the remote is named.\n\n\
         Older names are taken too: ",
    );
    let renamed: Vec<String> = RENAMED.iter().map(|(old, new)| format!("`{old}` for `{new}`")).collect();
    let elsewhere: Vec<String> = ELSEWHERE.iter().map(|table| format!("`[{table}]`")).collect();
    let _ = write!(
        page,
        "{}. Tables of the CLI that say nothing to a server are passed over: {}.\n\n## Accepted and not needed\n\n\
         These keys are read, checked, and change nothing, so that a folder of the CLI starts as it is.\n\n| | why |\n|---|---|\n",
        renamed.join(", "),
        elsewhere.join(", ")
    );
    for (path, why) in WITHOUT_EFFECT {
        let _ = writeln!(page, "| `{path}` | {why} |");
    }
    let mut open = false;
    for key in keys_table() {
        if key.kind == "table" {
            open = false;
            if key.path.is_empty() {
                continue;
            }
            let _ = write!(page, "\n## `[{}]`\n\n{}\n", key.path, key.doc);
            if let Some(why) = without_effect(&key.path).filter(|_| !key.path.contains(".<")) {
                let _ = write!(page, "\nAccepted and not needed: {}\n", lower_first(why));
            }
            continue;
        }
        if !open {
            page.push_str("\n| key | type | default | |\n|---|---|---|---|\n");
            open = true;
        }
        let default = if key.default.is_empty() { String::new() } else { format!("`{}`", key.default) };
        let _ = writeln!(page, "| `{}` | {} | {default} | {} |", key.path, key.kind, key.doc.replace('|', "\\|"));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_needed_is_a_key() {
        let keys = keys_table();
        for (path, _) in WITHOUT_EFFECT {
            assert!(keys.iter().any(|key| key.path == *path || key.path.starts_with(&format!("{path}."))), "{path}");
        }
    }

    #[test]
    fn every_knob_has_a_sentence() {
        for key in keys_table() {
            assert!(key.path.is_empty() || !key.doc.is_empty(), "{}", key.path);
        }
        assert!(reference().contains("| `auth.email.max_frequency` | duration | `\"1s\"` |"));
    }
}
