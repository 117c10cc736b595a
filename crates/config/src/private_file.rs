//! Files of secrets: for their owner alone, and whole or not there at all, whoever else writes at the same time.

use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Writes a file that is not there yet. `false`, and nothing written, where it is: two starts at once then agree on one secret.
///
/// # Errors
/// The folder or the file cannot be written.
pub fn create_private(path: &Path, text: &str) -> io::Result<bool> {
    if path.exists() {
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        private_folder(folder)?;
    }
    let beside = write_beside(path, text)?;
    match std::fs::hard_link(&beside, path) {
        // There are file systems without links.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => std::fs::rename(&beside, path).map(|()| true),
        linked => std::fs::remove_file(&beside).map(|()| linked.is_ok()),
    }
}

/// Writes a file anew: a crash leaves the old text or the new one, never half of it.
pub(crate) fn replace_private(path: &Path, text: &str) -> io::Result<()> {
    std::fs::rename(write_beside(path, text)?, path)
}

/// Makes a folder that only its owner can look into.
pub(crate) fn private_folder(folder: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
}

fn write_beside(path: &Path, text: &str) -> io::Result<PathBuf> {
    let beside = path.with_extension(format!("{:08x}.new", rand::random::<u32>()));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written.map(|()| beside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_at_once_agree_on_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets/key");
        let made: usize = std::thread::scope(|scope| {
            let all: Vec<_> = (0..8)
                .map(|n| {
                    scope.spawn({
                        let path = &path;
                        move || create_private(path, &format!("{n:>1000}")).unwrap()
                    })
                })
                .collect();
            all.into_iter().map(|one| usize::from(one.join().unwrap())).sum()
        });
        assert_eq!(made, 1);
        assert_eq!(std::fs::read_to_string(&path).unwrap().len(), 1000);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(path.parent().unwrap().read_dir().unwrap().count(), 1, "nothing is left beside it");
    }
}
