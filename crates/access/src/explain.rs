//! Why may this user see, or change, this row? Grants and policies, one by one, evaluated on the row itself.
//!
//! Everything happens in one read-only transaction that is rolled back. The row is fetched as the superuser, so that "there is no such
//! row" and "he cannot see it" are different answers; conditions are evaluated as the caller, with his claims.

mod answer;
mod caller;
mod key;
mod look;
mod render;
mod verdict;

pub use answer::{Action, Applies, Condition, Explanation, Grants, PolicyAnswer, Security, Seen, Truth, Verdict};
pub use caller::Caller;
pub use look::{Question, explain};
pub use render::render;

/// Why a question cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// No relation of that name.
    #[error("there is no table or view {name}{}", if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) })]
    NoTable {
        /// What was asked for.
        name: String,
        /// Names that are alike.
        near: Vec<String>,
    },
    /// The key does not fit the table.
    #[error("{0}")]
    Key(String),
    /// Nobody of that name.
    #[error("{0}")]
    Nobody(String),
    /// PostgreSQL, or the catalog.
    #[error(transparent)]
    Access(#[from] crate::Error),
}

impl From<pg::tokio_postgres::Error> for Trouble {
    fn from(error: pg::tokio_postgres::Error) -> Self {
        Self::Access(error.into())
    }
}
