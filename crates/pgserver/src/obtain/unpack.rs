//! Unpacks what was obtained, inside its folder only.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, IoContext};

/// More than any PostgreSQL holds: an archive that goes on beyond is refused. In bytes.
const UNPACKED_MAX: u64 = 1024 * 1024 * 1024;

/// npm packages hold no links; this file lists those to make.
const LINKS: &str = "pg-symlinks.json";

/// Unpacks those files of an archive that `select` accepts.
pub(super) fn unpack(archive: &Path, into: &Path, select: fn(&Path) -> bool) -> Result<(), Error> {
    let mut file = File::open(archive).at("read", archive)?;
    let mut magic = [0_u8; 2];
    file.read_exact(&mut magic).and_then(|()| file.rewind()).at("read", archive)?;
    match magic {
        [0x1f, 0x8b] => untar(file, archive, into, select)?,
        [b'P', b'K'] => unzip(file, archive, into, select)?,
        _ => return Err(bad(archive, "neither a .tar.gz nor a .zip")),
    }
    make_links(into)
}

fn bad(archive: &Path, message: impl Into<String>) -> Error {
    Error::Program { program: format!("unpacking {}", archive.display()), message: message.into() }
}

fn untar(file: File, archive: &Path, into: &Path, select: fn(&Path) -> bool) -> Result<(), Error> {
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(file).take(UNPACKED_MAX));
    tar.set_preserve_mtime(true);
    for entry in tar.entries().at("read", archive)? {
        let mut entry = entry.at("read", archive)?;
        let path = entry.path().at("read", archive)?.into_owned();
        if select(&path) && !superfluous(&path) {
            // Refuses what would land outside, also through a link of the archive.
            entry.unpack_in(into).at("unpack", into.join(&path))?;
        }
    }
    Ok(())
}

fn unzip(file: File, archive: &Path, into: &Path, select: fn(&Path) -> bool) -> Result<(), Error> {
    let mut zip = zip::ZipArchive::new(file).map_err(|error| bad(archive, error.to_string()))?;
    let mut left = UNPACKED_MAX;
    for index in 0..zip.len() {
        let entry = zip.by_index(index).map_err(|error| bad(archive, error.to_string()))?;
        let Some(path) = entry.enclosed_name() else {
            return Err(bad(archive, format!("entry {index} leads outside")));
        };
        if !entry.is_file() || !select(&path) || superfluous(&path) {
            continue;
        }
        let target = into.join(&path);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent).at("create", parent)?;
        }
        let mode = entry.unix_mode().unwrap_or(0o644) & 0o755;
        let mut out =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&target).at("create", &target)?;
        left -= std::io::copy(&mut entry.take(left), &mut out).at("unpack", &target)?;
        if left == 0 {
            return Err(bad(archive, "it is larger than any PostgreSQL"));
        }
    }
    Ok(())
}

/// What only builds of extensions need.
fn superfluous(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "a")
        || path.components().any(|part| matches!(part, Component::Normal(name) if name == "pgxs" || name == "include"))
}

#[derive(Deserialize)]
struct Link {
    /// The real file, relative to the package.
    source: PathBuf,
    /// The link, relative to the package.
    target: PathBuf,
}

/// Makes the links that an npm package lists, relative so that the folder can be moved.
fn make_links(into: &Path) -> Result<(), Error> {
    let package = into.join("package");
    let list = package.join("native").join(LINKS);
    let Ok(text) = std::fs::read(&list) else { return Ok(()) };
    let links: Vec<Link> = serde_json::from_slice(&text).map_err(|error| bad(&list, error.to_string()))?;
    for link in links {
        let inside = |path: &Path| path.components().all(|part| matches!(part, Component::Normal(_)));
        if !inside(&link.source) || !inside(&link.target) {
            return Err(bad(&list, format!("{} leads outside", link.target.display())));
        }
        let place = package.join(&link.target);
        if superfluous(&link.target) || place.symlink_metadata().is_ok() {
            continue;
        }
        if let Some(parent) = place.parent() {
            std::fs::create_dir_all(parent).at("create", parent)?;
        }
        let up: PathBuf = link.target.components().skip(1).map(|_| "..").collect();
        symlink(up.join(&link.source), &place).at("create", &place)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tar_gz(path: &Path, entries: &[(&str, &str)]) {
        let gz = flate2::write::GzEncoder::new(File::create(path).unwrap(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gz);
        for (name, text) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o755);
            // Written past the builder's own check: an archive of an attacker would not use it.
            header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            tar.append(&header, text.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap();
    }

    #[test]
    fn links_are_made_and_moved_with_the_tree() {
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("a.tgz");
        let list = r#"[{"source":"native/lib/libpq.so.5.17","target":"native/lib/libpq.so.5"}]"#;
        tar_gz(
            &archive,
            &[
                ("package/native/lib/libpq.so.5.17", "lib"),
                ("package/native/lib/libpq.a", "static"),
                ("package/native/pg-symlinks.json", list),
                ("package/dist/index.js", "js"),
            ],
        );
        let into = dir.path().join("into");
        std::fs::create_dir(&into).unwrap();
        unpack(&archive, &into, |path| path.starts_with("package/native")).unwrap();
        std::fs::rename(&into, dir.path().join("moved")).unwrap();
        let lib = dir.path().join("moved/package/native/lib");
        assert_eq!(std::fs::read_to_string(lib.join("libpq.so.5")).unwrap(), "lib");
        assert!(!lib.join("libpq.a").exists() && !dir.path().join("moved/package/dist").exists());
    }

    #[test]
    fn nothing_is_written_outside() {
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("a.tgz");
        tar_gz(&archive, &[("../escaped", "x")]);
        let into = dir.path().join("into");
        std::fs::create_dir(&into).unwrap();
        let _ = unpack(&archive, &into, |_| true);
        assert!(!dir.path().join("escaped").exists());

        let list = r#"[{"source":"../../../etc/passwd","target":"native/lib/x"}]"#;
        tar_gz(&archive, &[("package/native/pg-symlinks.json", list)]);
        assert!(unpack(&archive, &into, |_| true).unwrap_err().to_string().contains("leads outside"));
    }
}
