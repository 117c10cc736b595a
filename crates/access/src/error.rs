//! What can go wrong while looking, as opposed to what is found.

/// Why a check could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `access.toml` says something that cannot be asked.
    #[error(transparent)]
    Spec(#[from] crate::spec::Error),
    /// PostgreSQL refused something that must work.
    #[error(transparent)]
    Database(#[from] pg::Error),
    /// The catalog's answer is not what we read it as: a defect of ours.
    #[error("cannot read the catalog ({what}): {source}")]
    Catalog {
        /// Which part.
        what: &'static str,
        /// What serde says.
        source: serde_json::Error,
    },
    /// There is no room for more rows.
    #[error("the disk is full, so that PostgreSQL takes no more rows ({0}); what was made before stays")]
    DiskFull(String),
}

impl From<pg::tokio_postgres::Error> for Error {
    fn from(error: pg::tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}
