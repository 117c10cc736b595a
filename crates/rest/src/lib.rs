//! `/rest/v1`: PostgREST's language over PostgreSQL.
//!
//! A request walks named stages, each a module: [`request`] (what is asked) → [`plan`] (against the catalog) → [`sql`] (statements)
//! → [`run`] (the only one that waits) → [`response`] (what is answered). `service.rs` is the one function that shows the walk.

pub mod config;
pub mod error;
mod fuzzy;
pub mod jwt;
mod request;
pub mod server;

pub use config::{OpenApiMode, RestConfig, TxEnd};
pub use error::{Error, JwtError};
