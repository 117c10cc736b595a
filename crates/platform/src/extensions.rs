/// The channel on which `pg_net`'s functions say that a request waits in `net.http_request_queue`.
pub const NET_CHANNEL: &str = "_basalt_net";

/// The channel on which a change of `cron.job` is told.
pub const CRON_CHANNEL: &str = "_basalt_cron";

/// A file for `share/extension` of the private prefix.
#[derive(Clone, Copy, Debug)]
pub struct ExtensionFile {
    /// Its name, e.g. `pg_cron.control` or `pg_cron--1.6.sql`.
    pub name: &'static str,
    /// Its text.
    pub contents: &'static str,
    /// Does it win over a real one that the machine has? Where not, and a real control file exists, it is left out.
    pub always_ours: bool,
}

macro_rules! extension {
    ($name:literal, $version:literal, $always:literal) => {
        [
            ExtensionFile {
                name: concat!($name, ".control"),
                contents: include_str!(concat!("../extensions/", $name, ".control")),
                always_ours: $always,
            },
            ExtensionFile {
                name: concat!($name, "--", $version, ".sql"),
                contents: include_str!(concat!("../extensions/", $name, "--", $version, ".sql")),
                always_ours: $always,
            },
        ]
    };
}

/// Our own extensions. `pg_cron`, `pg_net`, `pgmq`, `pgjwt` and `supabase_vault` are always ours, since the server carries
/// them out; `http`, `pgsodium`, `pg_tle` and `pg_graphql` stand in where there is no real one.
///
/// `supabase-dbdev` and `basejump-supabase_test_helpers` are what the tests of many projects install from database.dev.
///
/// All are trusted (a plain role creates them), survive dump and restore, and take `with schema …` as projects write it.
pub fn extension_files() -> Vec<ExtensionFile> {
    [
        extension!("pg_cron", "1.6", true),
        extension!("pg_net", "0.14.0", true),
        extension!("pgmq", "1.5.1", true),
        extension!("pgjwt", "0.2.0", true),
        extension!("supabase_vault", "0.3.1", true),
        extension!("http", "1.6", false),
        extension!("pgsodium", "3.1.8", false),
        extension!("pg_tle", "1.4.0", false),
        extension!("pg_graphql", "1.5.11", false),
        extension!("supabase-dbdev", "0.0.5", false),
        extension!("basejump-supabase_test_helpers", "0.0.6", false),
    ]
    .concat()
}

/// The script of one of our extensions, to be run as it is where no `create extension` is possible (a database by URL,
/// at a provider that takes no files of ours). `schema` is where its objects go, unless they have a schema of their own.
/// `None` for a name that is not ours, and for `supabase_vault`, which needs a superuser's function.
pub fn extension_script(name: &str, schema: &str) -> Option<String> {
    if name == "supabase_vault" {
        return None;
    }
    let prefix = format!("{name}--");
    let file = extension_files().into_iter().find(|file| file.name.starts_with(&prefix))?;
    let quoted = format!("\"{}\"", schema.replace('"', "\"\""));
    let script = file.contents.replace("@extschema@", &quoted);
    Some(format!(
        "create schema if not exists {quoted};\nset local search_path to {quoted}, extensions, public;\n{script}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_control_file_has_its_script() {
        let files = extension_files();
        for control in files.iter().filter(|f| f.name.ends_with(".control")) {
            let name = control.name.trim_end_matches(".control");
            let version = control
                .contents
                .lines()
                .find_map(|line| line.strip_prefix("default_version = '"))
                .and_then(|rest| rest.strip_suffix('\''))
                .expect("a version");
            assert!(files.iter().any(|f| f.name == format!("{name}--{version}.sql")), "{name} {version}");
            let anybody_creates_it =
                ["trusted = true", "superuser = false"].iter().any(|line| control.contents.contains(line));
            assert!(anybody_creates_it, "{name} is a superuser's");
        }
    }

    #[test]
    fn a_script_names_its_schema_and_the_vault_has_none() {
        let script = extension_script("pgjwt", "ext\"x").expect("ours");
        assert!(script.contains("\"ext\"\"x\".sign("));
        assert!(extension_script("supabase_vault", "vault").is_none());
        assert!(extension_script("postgis", "public").is_none());
    }
}
