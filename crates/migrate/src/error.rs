use std::path::PathBuf;

use crate::Failure;

/// Why migrations or seeds could not be applied. Every message says where and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A statement failed.
    #[error("{0}")]
    Failed(Box<Failure>),
    /// Two files claim one version.
    #[error("two migrations have version {version}: {first} and {second}; give one of them another number")]
    DuplicateVersion {
        /// The version.
        version: String,
        /// A file.
        first: String,
        /// The other.
        second: String,
    },
    /// Applied migrations whose files changed.
    #[error(
        "edited after they were applied: {}; put the change into a new migration (`basalt migration new NAME`), or undo the edit",
        files.join(", ")
    )]
    Edited {
        /// Names of the files.
        files: Vec<String>,
    },
    /// Versions in the database that have no file.
    #[error(
        "the database has migrations that are not in supabase/migrations: {}; fetch the missing files, or run \
         `basalt migration repair --status reverted {}`",
        versions.join(", "), versions.join(" ")
    )]
    MissingFiles {
        /// The versions.
        versions: Vec<String>,
    },
    /// Files older than the newest applied one.
    #[error(
        "older than the last applied migration and not applied: {}; rename them to a later version, or apply them with --include-all",
        files.join(", ")
    )]
    OutOfOrder {
        /// Names of the files.
        files: Vec<String>,
    },
    /// A migration without a script that takes it back.
    #[error("no rollback script for {file}: write {}", path.display())]
    NoRollback {
        /// The migration.
        file: String,
        /// Where the script would be.
        path: PathBuf,
    },
    /// Nothing to take back.
    #[error("{0}")]
    Nothing(String),
    /// A file cannot be read or written.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// PostgreSQL failed outside of a user's statement.
    #[error(transparent)]
    Database(#[from] pg::Error),
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}
