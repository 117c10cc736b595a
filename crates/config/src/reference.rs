use std::fmt::Write as _;

use crate::ProjectConfig;
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

/// `docs/reference/configuration.md`: the same table for people.
pub fn reference() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         `supabase/config.toml`, with the keys and defaults of the Supabase CLI. This page is printed from the code.\n\n\
         A value may be `env(NAME)`; variables come from the process, then from `.env` files in `supabase/` and in the project \
         folder (`.env.development.local`, `.env.local`, `.env.development`, `.env`; `SUPABASE_ENV` names another environment). \
         `SUPABASE_AUTH_SITE_URL` overrides `auth.site_url`, and so on for every key with a fixed name. Durations are written \
         `1h30m`, sizes `50MiB`. Unknown keys are named in a warning.\n\n\
         `[remotes.NAME]` holds the same tables again; they are laid upon the others when the remote is named.\n",
    );
    let mut open = false;
    for key in keys_table() {
        if key.kind == "table" {
            open = false;
            if key.path.is_empty() {
                continue;
            }
            let _ = write!(page, "\n## `[{}]`\n\n{}\n", key.path, key.doc);
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
    fn every_knob_has_a_sentence() {
        for key in keys_table() {
            assert!(key.path.is_empty() || !key.doc.is_empty(), "{}", key.path);
        }
        assert!(reference().contains("| `auth.email.max_frequency` | duration | `\"1s\"` |"));
    }
}
