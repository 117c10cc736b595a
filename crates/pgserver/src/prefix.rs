//! The private prefix: an installed PostgreSQL seen through links, with our own extensions beside the installed ones.
//!
//! A server finds `share` and `lib` relative to its own executable, after resolving links; hence `postgres` itself is copied and the rest
//! is linked. `<prefix>` mirrors the paths of the installation below their common ancestor, because the server only looks at relative
//! places whose tail is that of its build (`lib/postgresql/15/bin` → `share/postgresql/15` on Debian).
//!
//! Control files are copied with `trusted = true`: a plain role that may create in the database may then `CREATE EXTENSION`, as it may on
//! hosted Supabase. Languages that reach the operating system stay as they are.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};

use crate::error::{Error, IoContext};
use crate::find::Installation;
use crate::options::ExtensionFile;
use crate::user::open_tree;

/// Changes when the layout below changes, so that an old prefix is made anew.
const FORMAT: &str = "basalt prefix 2";

/// Never marked as trusted: they open the server's files or run programs as the server's user.
const UNTRUSTED: [&str; 8] =
    ["plperlu", "plpython2u", "plpython3u", "pltclu", "plsh", "file_fdw", "adminpack", "pg_surgery"];

/// A prefix that stands.
#[derive(Clone, Debug)]
pub struct Prefix {
    /// The copied server.
    pub postgres: PathBuf,
    /// The folder that `SHAREDIR` should say.
    pub share: PathBuf,
    /// Was it made or changed just now? A server that still runs on it must be restarted.
    pub changed: bool,
}

/// Does the prefix in `root` stand, with nothing changed since?
pub fn is_current(root: &Path, installation: &Installation, ours: &[ExtensionFile]) -> bool {
    let found = std::fs::read_to_string(root.join("stamp"));
    stamp(installation, ours).is_ok_and(|stamp| found.is_ok_and(|found| found == stamp))
}

/// Makes or refreshes the prefix in `root`; leaves it alone when nothing changed.
pub fn ensure(root: &Path, installation: &Installation, ours: &[ExtensionFile]) -> Result<Prefix, Error> {
    let shape = Shape::of(installation);
    let stamp = stamp(installation, ours)?;
    let prefix =
        |changed| Prefix { postgres: root.join(&shape.bin).join("postgres"), share: root.join(&shape.share), changed };
    if is_current(root, installation, ours) {
        return Ok(prefix(false));
    }
    // Built aside and moved into place, so that a half-made prefix is never used.
    let aside = root.with_extension("new");
    remove_tree(&aside)?;
    std::fs::create_dir_all(&aside).at("create", &aside)?;
    build(&aside, installation, &shape, ours)?;
    std::fs::write(aside.join("stamp"), &stamp).at("write", &aside)?;
    open_tree(&aside)?;
    let old = root.with_extension("old");
    remove_tree(&old)?;
    if root.symlink_metadata().is_ok() {
        std::fs::rename(root, &old).at("replace", root)?;
    }
    std::fs::rename(&aside, root).at("create", root)?;
    remove_tree(&old)?;
    Ok(prefix(true))
}

/// Where the parts lie below the common ancestor of an installation.
struct Shape {
    ancestor: PathBuf,
    bin: PathBuf,
    share: PathBuf,
    lib: PathBuf,
}

impl Shape {
    fn of(installation: &Installation) -> Self {
        let parts = [&installation.bin, &installation.share, &installation.lib];
        let ancestor = installation
            .bin
            .ancestors()
            .find(|candidate| parts.iter().all(|part| part.starts_with(candidate)))
            .unwrap_or(Path::new("/"))
            .to_owned();
        let below = |part: &Path| part.strip_prefix(&ancestor).unwrap_or(part).to_owned();
        let (bin, share, lib) = (below(&installation.bin), below(&installation.share), below(&installation.lib));
        Self { ancestor, bin, share, lib }
    }
}

fn build(root: &Path, installation: &Installation, shape: &Shape, ours: &[ExtensionFile]) -> Result<(), Error> {
    let bin = root.join(&shape.bin);
    std::fs::create_dir_all(&bin).at("create", &bin)?;
    let server = bin.join("postgres");
    std::fs::copy(installation.bin.join("postgres"), &server).at("create", &server)?;

    let share = root.join(&shape.share);
    std::fs::create_dir_all(&share).at("create", &share)?;
    link_entries(&installation.share, &share, &["extension"])?;
    build_extensions(&installation.share.join("extension"), &share.join("extension"), ours)?;

    // The server's own libraries (`$ORIGIN/../lib`) and its modules; whatever is there already is part of the mirror.
    if let (Some(real), Some(mirror)) = (installation.bin.parent(), bin.parent()) {
        link_if_absent(&real.join("lib"), &mirror.join("lib"))?;
    }
    let lib = root.join(&shape.lib);
    if !lib.exists() {
        if let Some(parent) = lib.parent() {
            std::fs::create_dir_all(parent).at("create", parent)?;
        }
        link_if_absent(&shape.ancestor.join(&shape.lib), &lib)?;
    }
    Ok(())
}

/// Control files are what the server looks for here; they tell it where the scripts are, so that those need no link each (a machine with
/// PostGIS has six hundred).
fn build_extensions(real: &Path, mirror: &Path, ours: &[ExtensionFile]) -> Result<(), Error> {
    std::fs::create_dir_all(mirror).at("create", mirror)?;
    for entry in real.read_dir().at("read", real)? {
        let entry = entry.at("read", real)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(extension) = name.strip_suffix(".control").filter(|name| !name.contains("--")) else { continue };
        if ours.iter().any(|file| extension_of(&file.name) == extension) {
            continue;
        }
        let (from, to) = (entry.path(), mirror.join(&name));
        let text = std::fs::read(&from).at("read", &from)?;
        let text = with_scripts_in(&text, real);
        let text = if UNTRUSTED.contains(&extension) { text } else { trusted(&text) };
        std::fs::write(&to, text).at("write", &to)?;
    }
    for file in ours {
        if file.name.contains('/') {
            return Err(Error::BadSetting {
                name: file.name.clone(),
                reason: "the name of an extension's file has no slash",
            });
        }
        let to = mirror.join(&file.name);
        let is_control = file.name.ends_with(".control");
        let contents = if is_control { trusted(&file.contents) } else { file.contents.to_vec() };
        std::fs::write(&to, contents).at("write", &to)?;
    }
    Ok(())
}

/// The control file with an absolute `directory`: `extensions`, the installed folder, or what the file says relative to its parent.
fn with_scripts_in(control: &[u8], extensions: &Path) -> Vec<u8> {
    let text = String::from_utf8_lossy(control);
    let mut said = text.lines().filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        let value = value.split('#').next()?.trim().trim_matches('\'');
        (key.trim() == "directory").then_some(value)
    });
    let share = extensions.parent().unwrap_or(extensions);
    let directory = said.next_back().map_or_else(|| extensions.to_owned(), |said| share.join(said));
    let quoted = directory.to_string_lossy().replace('\'', "''");
    with_line(control, &format!("directory = '{quoted}'"))
}

/// `pg_net--0.1.sql` and `pg_net.control` are files of `pg_net`.
fn extension_of(file: &str) -> &str {
    let stem = file.split_once("--").map_or(file, |(stem, _)| stem);
    stem.strip_suffix(".control").unwrap_or(stem)
}

/// The control file with `trusted = true`.
fn trusted(control: &[u8]) -> Vec<u8> {
    with_line(control, "trusted = true")
}

/// One more line, which wins over an earlier one of its key.
fn with_line(control: &[u8], line: &str) -> Vec<u8> {
    let mut text = control.to_vec();
    if !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    text.extend_from_slice(line.as_bytes());
    text.push(b'\n');
    text
}

fn link_entries(from: &Path, to: &Path, except: &[&str]) -> Result<(), Error> {
    for entry in from.read_dir().at("read", from)? {
        let entry = entry.at("read", from)?;
        if !except.iter().any(|name| entry.file_name() == *name) {
            link_if_absent(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn link_if_absent(target: &Path, link: &Path) -> Result<(), Error> {
    if target.exists() && link.symlink_metadata().is_err() {
        symlink(target, link).at("create", link)?;
    }
    Ok(())
}

/// All that the prefix depends on: the server's version and file, the list of installed extensions (a folder's time of change moves when
/// a package adds or replaces a file), and our own files.
fn stamp(installation: &Installation, ours: &[ExtensionFile]) -> Result<String, Error> {
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    add(FORMAT.as_bytes());
    add(installation.version.as_bytes());
    for path in [
        &installation.bin.join("postgres"),
        &installation.share,
        &installation.share.join("extension"),
        &installation.lib,
    ] {
        let meta = path.metadata().at("read", path)?;
        let changed = meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        add(path.as_os_str().as_encoded_bytes());
        add(&meta.len().to_le_bytes());
        add(&changed.as_nanos().to_le_bytes());
    }
    for file in ours {
        add(file.name.as_bytes());
        add(&file.contents);
    }
    Ok(hex::encode(hash.finalize()))
}

/// Removes a folder and all in it; a missing one is fine.
pub(crate) fn remove_tree(path: &Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path, error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installation(bin: &str, share: &str, lib: &str) -> Installation {
        Installation { bin: bin.into(), share: share.into(), lib: lib.into(), version: "15.1".into(), major: 15 }
    }

    #[test]
    fn the_mirror_keeps_the_tails_that_the_server_looks_for() {
        let debian = Shape::of(&installation(
            "/usr/lib/postgresql/15/bin",
            "/usr/share/postgresql/15",
            "/usr/lib/postgresql/15/lib",
        ));
        assert_eq!(
            (debian.ancestor.as_path(), debian.bin.as_path()),
            (Path::new("/usr"), Path::new("lib/postgresql/15/bin"))
        );
        let plain = Shape::of(&installation("/opt/pg/bin", "/opt/pg/share/postgresql", "/opt/pg/lib/postgresql"));
        assert_eq!((plain.bin.as_path(), plain.share.as_path()), (Path::new("bin"), Path::new("share/postgresql")));
    }

    #[test]
    fn an_extension_owns_its_control_and_its_scripts() {
        for file in ["pg_net.control", "pg_net--0.1.sql", "pg_net--0.1--0.2.sql"] {
            assert_eq!(extension_of(file), "pg_net");
        }
    }

    #[test]
    fn scripts_are_found_where_they_are_installed() {
        let extensions = Path::new("/usr/share/postgresql/15/extension");
        let plain = with_scripts_in(b"default_version = '1'", extensions);
        assert_eq!(plain, b"default_version = '1'\ndirectory = '/usr/share/postgresql/15/extension'\n");
        let own = String::from_utf8(with_scripts_in(b"directory = 'contrib' # theirs\n", extensions)).unwrap();
        assert!(own.ends_with("directory = '/usr/share/postgresql/15/contrib'\n"), "{own}");
    }

    #[test]
    fn trusted_is_the_last_word_of_a_control_file() {
        assert_eq!(trusted(b"trusted = false"), b"trusted = false\ntrusted = true\n");
    }
}
