//! The server's three configuration files. They are ours: written at each start when they differ; `ALTER SYSTEM` adds to them.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::SUPERUSER;
use crate::error::{Error, IoContext};
use crate::user::RunUser;

/// What the settings depend on.
pub(crate) struct Conf<'a> {
    pub listen: &'a [IpAddr],
    pub port: u16,
    pub socket_dir: &'a Path,
    pub major: u32,
    /// Is pg_stat_statements installed? It is the one library that is loaded at the start.
    pub statements: bool,
    pub extra: &'a [(String, String)],
}

/// Sized for a small machine: what is reserved here is touched only when used.
const SETTINGS: &[(&str, &str)] = &[
    ("max_connections", "100"),
    ("shared_buffers", "32MB"),
    ("huge_pages", "off"),
    ("work_mem", "4MB"),
    ("maintenance_work_mem", "64MB"),
    ("jit", "off"),
    // Touched in full at the start, and rarely needed: a quarter of the default saves 1.3 MiB; serializable transactions lock by page sooner.
    ("max_pred_locks_per_transaction", "16"),
    // Logical replication for Realtime; a dead slot must not fill the disk.
    ("wal_level", "logical"),
    ("max_wal_senders", "10"),
    ("max_replication_slots", "10"),
    ("max_slot_wal_keep_size", "1GB"),
    ("max_wal_size", "1GB"),
    ("min_wal_size", "80MB"),
    ("compute_query_id", "on"),
    ("password_encryption", "scram-sha-256"),
    // English messages, whatever the machine speaks: programs read them.
    ("lc_messages", "C"),
    ("lc_monetary", "C"),
    ("lc_numeric", "C"),
    ("lc_time", "C"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("datestyle", "iso, mdy"),
    ("default_text_search_config", "pg_catalog.english"),
    ("logging_collector", "off"),
    ("log_line_prefix", "%m [%p] %q%u@%d "),
    ("log_checkpoints", "off"),
    ("unix_socket_permissions", "0700"),
];

impl Conf<'_> {
    /// postgresql.conf.
    pub fn settings(&self) -> Result<String, Error> {
        let mut text = String::from(
            "# Written by Basalt at each start; further settings go into config.toml or through ALTER SYSTEM.\n",
        );
        let addresses: Vec<String> = self.listen.iter().map(IpAddr::to_string).collect();
        let mut line = |name: &str, value: &str| -> Result<(), Error> {
            let bad = |reason| Error::BadSetting { name: name.to_owned(), reason };
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
            if name.is_empty() || !name.chars().all(plain) {
                return Err(bad("a name has letters, digits, `_` and `.` only"));
            }
            if value.contains(['\n', '\r', '\0']) {
                return Err(bad("a value is one line"));
            }
            let quoted = value.replace('\\', "\\\\").replace('\'', "''");
            writeln!(text, "{name} = '{quoted}'").map_err(|_| bad("out of memory"))
        };
        for (name, value) in SETTINGS {
            line(name, value)?;
        }
        line("listen_addresses", &addresses.join(","))?;
        line("port", &self.port.to_string())?;
        line("unix_socket_directories", &self.socket_dir.to_string_lossy())?;
        if self.statements {
            line("shared_preload_libraries", "pg_stat_statements")?;
            // A fifth of the default saves 1.5 MiB.
            line("pg_stat_statements.max", "1000")?;
        }
        if self.major >= 18 {
            // As before 18: three more processes are not worth it on a small machine.
            line("io_method", "sync")?;
        }
        for (name, value) in self.extra {
            line(name, value)?;
        }
        Ok(text)
    }
}

/// pg_hba.conf: everybody by password, but through the private socket. Only the cluster's user and root pass its folder (mode 0700), and
/// they may be any role: Basalt logs in as the role whose SQL it runs, since a session that begins as the superuser can return to it.
/// The superuser's own line asks the system who is there once more.
pub(crate) fn host_access() -> String {
    format!(
        "# Written by Basalt at each start.\n\
         local all {SUPERUSER} peer map=basalt\n\
         local replication {SUPERUSER} peer map=basalt\n\
         local all all trust\n\
         local replication all scram-sha-256\n\
         host all all all scram-sha-256\n\
         host replication all all scram-sha-256\n"
    )
}

/// pg_ident.conf: the system users that are the superuser on the private socket.
pub(crate) fn identities(names: &[&str]) -> String {
    let mut text = String::from("# Written by Basalt at each start.\n");
    for name in names {
        text.push_str(&format!("basalt \"{}\" {SUPERUSER}\n", name.replace('"', "\"\"")));
    }
    text
}

/// Writes a file of the cluster if it differs. A new one is moved into place, so that a link put there is not followed.
/// Not forced to the disk: one that a power cut spoils differs, and is written again. Returns whether it changed.
pub(crate) fn write_if_changed(user: &RunUser, path: &Path, text: &str) -> Result<bool, Error> {
    if std::fs::read_to_string(path).is_ok_and(|found| found == text) {
        return Ok(false);
    }
    let aside = path.with_extension("new");
    if let Err(error) = std::fs::remove_file(&aside)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(Error::io("replace", &aside, error));
    }
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside).at("create", &aside)?;
    file.write_all(text.as_bytes()).at("write", &aside)?;
    user.own_file(&file, &aside)?;
    std::fs::rename(&aside, path).at("write", path)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf<'a>(extra: &'a [(String, String)]) -> Conf<'a> {
        Conf { listen: &[], port: 5432, socket_dir: Path::new("/run/x"), major: 17, statements: false, extra }
    }

    #[test]
    fn values_are_quoted_and_later_ones_win() {
        let extra = [("application_name".to_owned(), r"it's a \ test".to_owned())];
        let text = conf(&extra).settings().unwrap();
        assert!(text.ends_with("application_name = 'it''s a \\\\ test'\n"), "{text}");
    }

    #[test]
    fn a_setting_cannot_smuggle_another() {
        for (name, value) in [("fsync", "off'\nlisten_addresses = '*"), ("fsync = off\nport", "1")] {
            let extra = [(name.to_owned(), value.to_owned())];
            assert!(matches!(conf(&extra).settings(), Err(Error::BadSetting { .. })));
        }
    }
}
