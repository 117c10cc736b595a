//! The keys that sign access tokens, where a project has others than its secret: a JSON list of private JWKs, of which the first that
//! may sign does.
//!
//! The file is `auth.signing_keys_path`, or one beside the other secrets, which `basalt keys rotate` makes.

use std::path::{Path, PathBuf};

use base::Secret;

use crate::Auth;
use crate::keys::{KeysError, Mode};
use crate::private_file::{private_folder, replace_private};

/// The file of a project whose data is in `home`.
pub fn path(home: &Path, auth: &Auth) -> PathBuf {
    match auth.signing_keys_path.as_str() {
        "" => own(home),
        given => PathBuf::from(given),
    }
}

fn own(home: &Path) -> PathBuf {
    home.join("secrets").join("signing-keys.json")
}

/// What the file says; `None` where there is none, and tokens are signed with the secret.
///
/// # Errors
/// A file that cannot be read, or is no list of JWKs. In production, a file that config.toml names must be there.
pub fn read(home: &Path, mode: Mode, auth: &Auth) -> Result<Option<Secret>, KeysError> {
    let path = path(home, auth);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        // Folders keep the file out of git: in development its absence means the secret, as in the CLI.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && (mode == Mode::Development || path == own(home)) => {
            return Ok(None);
        }
        Err(source) => return Err(KeysError::File { path, source }),
    };
    check(&path, &text)?;
    Ok(Some(Secret::new(text)))
}

fn check(path: &Path, text: &str) -> Result<(), KeysError> {
    let broken = |message: &str| KeysError::Broken { path: path.to_owned(), message: message.to_owned() };
    let keys: Vec<serde_json::Value> =
        serde_json::from_str(text).map_err(|_| broken("a JSON list of JWKs is expected"))?;
    if keys.iter().any(|key| key.get("kty").is_none()) {
        return Err(broken("a key has no \"kty\""));
    }
    Ok(())
}

/// Writes the file, for its owner only.
///
/// # Errors
/// A file that cannot be written.
pub fn replace(home: &Path, auth: &Auth, text: &str) -> Result<PathBuf, KeysError> {
    let path = path(home, auth);
    let folder = if path == own(home) { private_folder(&home.join("secrets")) } else { Ok(()) };
    match folder.and_then(|()| replace_private(&path, text)) {
        Ok(()) => Ok(path),
        Err(source) => Err(KeysError::File { path, source }),
    }
}

/// Removes the file that is not config.toml's.
pub(crate) fn forget(home: &Path) -> Result<(), KeysError> {
    let path = own(home);
    match std::fs::remove_file(&path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(KeysError::File { path, source }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_beside_the_secrets_is_kept_for_its_owner_and_may_be_absent() {
        let home = tempfile::tempdir().unwrap();
        let auth = Auth::default();
        assert_eq!(read(home.path(), Mode::Production, &auth).unwrap(), None);
        let path = replace(home.path(), &auth, "[{\"kty\":\"EC\"}]").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        assert!(read(home.path(), Mode::Production, &auth).unwrap().is_some());
        replace(home.path(), &auth, "{}").unwrap();
        assert!(read(home.path(), Mode::Development, &auth).is_err());
        forget(home.path()).unwrap();
        forget(home.path()).unwrap();
        assert_eq!(read(home.path(), Mode::Development, &auth).unwrap(), None);
    }

    #[test]
    fn a_file_that_is_named_must_be_there_in_production() {
        let home = tempfile::tempdir().unwrap();
        let named = home.path().join("signing_keys.json").display().to_string();
        let auth = Auth { signing_keys_path: named, ..Auth::default() };
        assert_eq!(read(home.path(), Mode::Development, &auth).unwrap(), None);
        assert!(read(home.path(), Mode::Production, &auth).is_err());
    }
}
