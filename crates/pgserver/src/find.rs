//! Looks for PostgreSQL on the machine: `PATH`, `pg_config`, and the layouts of Debian, Red Hat, Homebrew and Postgres.app.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

/// The oldest major version that Basalt runs.
pub const OLDEST: u32 = 15;
/// The newest major version that Basalt runs.
pub const NEWEST: u32 = 18;

/// A complete PostgreSQL: its programs and the files they need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// The folder with `postgres` and `initdb`, links resolved.
    pub bin: PathBuf,
    /// The folder with `postgres.bki` and `extension/`.
    pub share: PathBuf,
    /// The folder with `plpgsql.so`.
    pub lib: PathBuf,
    /// As `postgres --version` says it after the name, e.g. `15.18 (Debian 15.18-0+deb12u1)`.
    pub version: String,
    /// 15 to 18.
    pub major: u32,
}

impl Installation {
    /// Examines a folder that may hold the programs. `None`: it does not, or not of a version that we run.
    pub async fn at(bin: &Path) -> Option<Self> {
        // `postgres` may be a link (/usr/local/bin) while its neighbours are not there: what it points to counts.
        let postgres = bin.join("postgres").canonicalize().ok()?;
        let bin = postgres.parent()?.to_owned();
        // A wrapper script (asdf and the like) cannot be copied into a prefix.
        if !is_native(&postgres) || !bin.join("initdb").is_file() {
            return None;
        }
        let version = version_of(&postgres).await?;
        let major = major_of(&version)?;
        let (share, lib) = match folders_by_pg_config(&bin).await {
            Some(found) => found,
            None => folders_by_layout(&bin, major)?,
        };
        Some(Self { bin, share, lib, version, major })
    }

    /// Has it a module of this name, such as `pg_stat_statements`?
    pub fn has_library(&self, name: &str) -> bool {
        ["so", "dylib"].iter().any(|ending| self.lib.join(format!("{name}.{ending}")).is_file())
    }
}

/// Every PostgreSQL of 15 to 18 that the machine's owner installed, best first: of the `preferred` major, then the newest.
/// `path`: the value of `PATH`.
pub async fn all(path: Option<&OsStr>, preferred: Option<u32>) -> Vec<Installation> {
    let mut folders = on_path(path);
    folders.extend(known_layouts());
    let mut found = among(&folders, preferred).await;
    if found.is_empty()
        && let Some(folder) =
            pg_config("pg_config", &["--bindir"]).await.and_then(|lines| lines.first().map(PathBuf::from))
    {
        found.extend(Installation::at(&folder).await);
    }
    found
}

/// Those in these folders, best first; of two with one major, the earlier folder's.
pub async fn among(folders: &[PathBuf], preferred: Option<u32>) -> Vec<Installation> {
    let mut found: Vec<Installation> = Vec::new();
    let mut seen: Vec<PathBuf> = Vec::new();
    for folder in folders {
        let Ok(real) = folder.join("postgres").canonicalize() else { continue };
        if !seen.contains(&real) {
            seen.push(real);
            found.extend(Installation::at(folder).await);
        }
    }
    found.sort_by_key(|installation| (Some(installation.major) != preferred, std::cmp::Reverse(installation.major)));
    found
}

/// Finds a tool such as `pg_dump` or `psql` for a server of `major`: beside the server, else anywhere in a version that is not older.
pub(crate) async fn tool(own_bin: &Path, name: &str, path: Option<&OsStr>, major: u32) -> Option<PathBuf> {
    let beside = own_bin.join(name);
    if beside.is_file() {
        return Some(beside);
    }
    let folders = known_layouts().into_iter().chain(on_path(path));
    for candidate in folders.map(|folder| folder.join(name)).filter(|file| file.is_file()) {
        if version_of(&candidate).await.and_then(|version| leading_number(&version)).is_some_and(|found| found >= major)
        {
            return Some(candidate);
        }
    }
    None
}

fn on_path(path: Option<&OsStr>) -> Vec<PathBuf> {
    match path {
        Some(path) => std::env::split_paths(path).filter(|folder| folder.is_absolute()).collect(),
        None => ["/usr/local/bin", "/usr/bin", "/bin", "/opt/homebrew/bin"].iter().map(PathBuf::from).collect(),
    }
}

fn known_layouts() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for major in (OLDEST..=NEWEST).rev() {
        folders.push(format!("/usr/lib/postgresql/{major}/bin")); // Debian, Ubuntu
        folders.push(format!("/usr/pgsql-{major}/bin")); // Red Hat
        folders.push(format!("/usr/libexec/postgresql{major}")); // Alpine
        for brew in ["/opt/homebrew/opt", "/usr/local/opt", "/home/linuxbrew/.linuxbrew/opt"] {
            folders.push(format!("{brew}/postgresql@{major}/bin"));
        }
        folders.push(format!("/Applications/Postgres.app/Contents/Versions/{major}/bin"));
        folders.push(format!("/usr/local/pgsql-{major}/bin"));
    }
    for folder in ["/opt/homebrew/opt/postgresql/bin", "/usr/local/pgsql/bin", "/usr/libexec/postgresql"] {
        folders.push(folder.to_owned());
    }
    folders.into_iter().map(PathBuf::from).collect()
}

/// Is it a program of the machine (ELF or Mach-O), not a script?
fn is_native(file: &Path) -> bool {
    let mut magic = [0_u8; 4];
    let read = std::fs::File::open(file).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok()
        && matches!(
            magic,
            [0x7f, b'E', b'L', b'F'] | [0xcf, 0xfa, 0xed, 0xfe] | [0xca, 0xfe, 0xba, 0xbe] | [0xfe, 0xed, 0xfa, 0xcf]
        )
}

/// What a program of PostgreSQL answers to `--version`, without its name: `postgres (PostgreSQL) 15.18 (Debian …)` → `15.18 (Debian …)`.
async fn version_of(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output().await.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (_, version) = text.trim().split_once("(PostgreSQL) ")?;
    output.status.success().then(|| version.to_owned())
}

fn leading_number(version: &str) -> Option<u32> {
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The major of a version that we run; `None` of others.
fn major_of(version: &str) -> Option<u32> {
    leading_number(version).filter(|major| (OLDEST..=NEWEST).contains(major))
}

async fn pg_config(program: impl AsRef<OsStr>, questions: &[&str]) -> Option<Vec<String>> {
    let output = Command::new(program).args(questions).stdin(Stdio::null()).output().await.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.lines().map(str::to_owned).collect())
}

async fn folders_by_pg_config(bin: &Path) -> Option<(PathBuf, PathBuf)> {
    let program = bin.join("pg_config");
    if !program.is_file() {
        return None;
    }
    let lines = pg_config(&program, &["--sharedir", "--pkglibdir"]).await?;
    let [share, lib] = lines.as_slice() else { return None };
    let (share, lib) = (PathBuf::from(share), PathBuf::from(lib));
    (holds_share(&share) && holds_lib(&lib)).then_some((share, lib))
}

/// Without `pg_config`: the places that builds use, relative to the programs and absolute.
fn folders_by_layout(bin: &Path, major: u32) -> Option<(PathBuf, PathBuf)> {
    let root = bin.parent()?;
    let shares = [
        root.join("share/postgresql"),
        root.join(format!("share/postgresql@{major}")),
        root.join("share"),
        root.join(format!("share/postgresql{major}")),
        PathBuf::from(format!("/usr/share/postgresql/{major}")),
        PathBuf::from(format!("/usr/share/postgresql{major}")),
        PathBuf::from("/usr/share/postgresql"),
        PathBuf::from("/usr/share/pgsql"),
    ];
    let libs = [
        root.join("lib/postgresql"),
        root.join(format!("lib/postgresql@{major}")),
        root.join("lib"),
        PathBuf::from(format!("/usr/lib/postgresql{major}")),
        PathBuf::from("/usr/lib/postgresql"),
        PathBuf::from("/usr/lib64/pgsql"),
    ];
    let share = shares.into_iter().find(|folder| holds_share(folder))?;
    let lib = libs.into_iter().find(|folder| holds_lib(folder))?;
    Some((share.canonicalize().ok()?, lib.canonicalize().ok()?))
}

fn holds_share(folder: &Path) -> bool {
    folder.join("postgres.bki").is_file()
}

fn holds_lib(folder: &Path) -> bool {
    folder.join("plpgsql.so").is_file() || folder.join("plpgsql.dylib").is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn majors_are_read_from_versions() {
        assert_eq!(major_of("15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(major_of("18beta1"), Some(18));
        assert_eq!(major_of("14.9"), None);
        assert_eq!(major_of("19.1"), None);
        assert_eq!(major_of("devel"), None);
    }

    #[tokio::test]
    async fn links_and_scripts_on_the_path_are_seen_for_what_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let real = all(None, None).await.into_iter().next().expect("these tests need a PostgreSQL on the machine");

        let links = dir.path().join("links");
        std::fs::create_dir(&links).unwrap();
        std::os::unix::fs::symlink(real.bin.join("postgres"), links.join("postgres")).unwrap();
        assert_eq!(Installation::at(&links).await, Some(real.clone()), "a folder with a link leads to the real one");

        let scripts = dir.path().join("scripts");
        std::fs::create_dir(&scripts).unwrap();
        std::fs::write(scripts.join("postgres"), "#!/bin/sh\necho 'postgres (PostgreSQL) 15.1'\n").unwrap();
        std::fs::write(scripts.join("initdb"), "#!/bin/sh\n").unwrap();
        assert_eq!(Installation::at(&scripts).await, None, "a wrapper script is no PostgreSQL");
    }
    #[tokio::test]
    async fn folders_are_found_by_layout_where_pg_config_is_missing() {
        let real = all(None, None).await.into_iter().next().expect("these tests need a PostgreSQL on the machine");
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        for folder in ["bin", "share/postgresql", "lib/postgresql"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        for program in ["postgres", "initdb"] {
            std::fs::copy(real.bin.join(program), root.join("bin").join(program)).unwrap();
        }
        std::fs::write(root.join("lib/postgresql/plpgsql.so"), "").unwrap();
        std::fs::write(root.join("share/postgresql/postgres.bki"), "").unwrap();
        let found = Installation::at(&root.join("bin")).await.unwrap();
        assert_eq!((found.share, found.lib), (root.join("share/postgresql"), root.join("lib/postgresql")));
    }
}
