use tokio_postgres::error::SqlState;

/// Why a database could not be brought to the state that projects expect.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// [`crate::Rights::Superuser`] was promised, but the connection's role is none.
    #[error(
        "the platform's schemas need a superuser, and role {role} is none: connect as supabase_admin, or use managed rights"
    )]
    NotSuperuser {
        /// The connection's role.
        role: String,
    },
    /// A file was edited after it had been applied to this database.
    #[error(
        "{file} differs from what was applied to this database: it was set up by another build of Basalt. \
         Start that build, or begin with a fresh data directory and load a dump into it"
    )]
    Changed {
        /// The file's name.
        file: String,
    },
    /// The database knows a file that this build does not.
    #[error("this database was set up by a newer Basalt (it has {file}): start that version, or a later one")]
    Newer {
        /// The file's name.
        file: String,
    },
    /// A statement of ours failed.
    #[error("{file}, block \"{block}\": {}", message(.source))]
    Sql {
        /// The file's name.
        file: &'static str,
        /// The title of the block that failed.
        block: String,
        /// What PostgreSQL said.
        source: tokio_postgres::Error,
    },
    /// A question to the database failed.
    #[error("the database could not be inspected or set up: {}", message(.0))]
    Database(#[from] tokio_postgres::Error),
}

/// PostgreSQL's message with its detail and hint, which `tokio_postgres::Error` leaves out of its own text.
pub(crate) fn message(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        None => error.to_string(),
        Some(db) => {
            let mut text = db.message().to_owned();
            for more in [db.detail(), db.hint(), db.where_()].into_iter().flatten() {
                text.push_str("; ");
                text.push_str(more);
            }
            text
        }
    }
}

/// Did the provider refuse, as it does where superuser is not given away? Anything else is a fault of ours.
pub(crate) fn is_refusal(error: &tokio_postgres::Error) -> bool {
    matches!(
        error.code(),
        Some(
            &SqlState::INSUFFICIENT_PRIVILEGE
                | &SqlState::FEATURE_NOT_SUPPORTED
                | &SqlState::INVALID_GRANT_OPERATION
                | &SqlState::DEPENDENT_PRIVILEGE_DESCRIPTORS_STILL_EXIST
        )
    )
}
