//! SQL on schema `auth`. Every function takes a transaction first; what is not named in SQL text here is not done.

pub(crate) mod audit;
pub(crate) mod cleanup;
pub(crate) mod client_states;
pub(crate) mod custom_providers;
pub(crate) mod factors;
pub(crate) mod flow_state;
pub(crate) mod identities;
pub(crate) mod oauth;
pub(crate) mod one_flush;
pub(crate) mod one_time_tokens;
pub(crate) mod refresh_tokens;
pub(crate) mod revoked;
pub(crate) mod sessions;
pub(crate) mod sso;
pub(crate) mod user_document;
pub(crate) mod users;
pub(crate) mod webauthn;

use pg::tokio_postgres::Row;
use pg::tokio_postgres::types::FromSql;

/// A column by name; a missing one is our fault and not the client's.
pub(crate) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: &str) -> Result<T, pg::Error> {
    Ok(row.try_get(column)?)
}
