//! The SQL files of a project.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::Error;

/// A file in `supabase/migrations`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The digits before the first `_`.
    pub version: String,
    /// What stands between version and `.sql`.
    pub name: String,
    /// The file.
    pub path: PathBuf,
}

/// What lies in `supabase/migrations`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Migrations {
    /// In the order in which they are applied.
    pub files: Vec<Migration>,
    /// Names that are not of the form `<version>_<name>.sql` and are skipped.
    pub skipped: Vec<String>,
}

impl Migration {
    /// The name of the file.
    pub fn file_name(&self) -> String {
        format!("{}_{}.sql", self.version, self.name)
    }

    /// Where the script that takes it back would be.
    pub fn rollback_path(&self, rollback_dir: &Path) -> PathBuf {
        rollback_dir.join(self.file_name())
    }
}

/// The migrations of a folder, in the order of their file names, as the CLI has them. A folder that is not there is empty.
///
/// # Errors
/// Two files of one version; a folder that cannot be read.
pub fn migrations(dir: &Path) -> Result<Migrations, Error> {
    let mut found = Migrations::default();
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        Err(source) => return Err(Error::File { path: dir.to_owned(), source }),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| Error::File { path: dir.to_owned(), source })?;
        // A link that leads nowhere is told when it is read.
        if !entry.path().is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    for file in names {
        match parse_name(&file) {
            Some((version, name)) => found.files.push(Migration {
                version: version.to_owned(),
                name: name.to_owned(),
                path: dir.join(&file),
            }),
            None if file.starts_with('.') => {}
            None => found.skipped.push(file),
        }
    }
    let mut by_version: Vec<&Migration> = found.files.iter().collect();
    by_version.sort_by(|a, b| a.version.cmp(&b.version));
    if let Some([a, b]) = by_version.windows(2).find(|pair| pair[0].version == pair[1].version).map(|w| [w[0], w[1]]) {
        return Err(Error::DuplicateVersion {
            version: a.version.clone(),
            first: a.file_name(),
            second: b.file_name(),
        });
    }
    Ok(found)
}

/// `20260101120000_add_users.sql` → version and name.
pub fn parse_name(file: &str) -> Option<(&str, &str)> {
    let (version, name) = file.strip_suffix(".sql")?.split_once('_')?;
    (!version.is_empty() && version.bytes().all(|b| b.is_ascii_digit())).then_some((version, name))
}

/// A SQL file, read.
#[derive(Debug, Clone)]
pub struct SqlFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

impl SqlFile {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or is not UTF-8.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let file = |source| Error::File { path: path.to_owned(), source };
        let bytes = std::fs::read(path).map_err(file)?;
        let text = String::from_utf8(bytes).map_err(|error| file(not_utf8(&error)))?;
        Ok(Self { path: path.to_owned(), text })
    }

    /// SHA-256 in hex: what `seed_files` keeps.
    pub fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.text.as_bytes()))
    }
}

fn not_utf8(error: &std::string::FromUtf8Error) -> std::io::Error {
    let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    std::io::Error::new(std::io::ErrorKind::InvalidData, format!("line {line} is not UTF-8; save the file as UTF-8"))
}

/// The files that patterns name: in the order of the patterns, sorted within one, each once. A folder means the `.sql` files below it.
///
/// Gives the files, and the patterns that match nothing.
pub fn matching(patterns: &[String]) -> (Vec<PathBuf>, Vec<String>) {
    let mut files: Vec<PathBuf> = Vec::new();
    let mut empty = Vec::new();
    for pattern in patterns {
        let pattern_text = if Path::new(pattern).is_dir() { format!("{pattern}/**/*.sql") } else { pattern.clone() };
        let mut found: Vec<PathBuf> = glob::glob(&pattern_text)
            .map(|paths| paths.flatten().filter(|p| p.is_file()).collect())
            .unwrap_or_default();
        found.sort();
        if found.is_empty() {
            empty.push(pattern.clone());
        }
        for path in found {
            if !files.contains(&path) {
                files.push(path);
            }
        }
    }
    (files, empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            std::fs::write(dir.path().join(file), "select 1;").unwrap();
        }
        dir
    }

    #[test]
    fn migrations_are_known_by_their_names() {
        let dir = folder(&["2_b.sql", "1_a_long-name.sql", "README.md", "no_version.sql", "3.sql", ".keep"]);
        let found = migrations(dir.path()).unwrap();
        let names: Vec<(&str, &str)> = found.files.iter().map(|m| (m.version.as_str(), m.name.as_str())).collect();
        assert_eq!(names, [("1", "a_long-name"), ("2", "b")]);
        assert_eq!(found.skipped, ["3.sql", "README.md", "no_version.sql"]);
        assert_eq!(migrations(&dir.path().join("none")).unwrap(), Migrations::default());
    }

    #[test]
    fn two_of_one_version_are_refused_by_name() {
        let dir = folder(&["20260101000000_a.sql", "20260101000000_b.sql", "20260101000001_c.sql"]);
        let error = migrations(dir.path()).unwrap_err().to_string();
        assert!(error.contains("20260101000000_a.sql") && error.contains("20260101000000_b.sql"), "{error}");
    }

    #[test]
    fn patterns_name_files_once_and_in_order() {
        let dir = folder(&["b.sql", "a.sql", "c.txt"]);
        let pattern = |p: &str| dir.path().join(p).to_string_lossy().into_owned();
        let (files, empty) = matching(&[pattern("b.sql"), pattern("*.sql"), pattern("none.sql")]);
        let names: Vec<_> = files.iter().map(|f| f.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["b.sql", "a.sql"]);
        assert_eq!(empty, [pattern("none.sql")]);
    }
}
