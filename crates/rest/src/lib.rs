//! `/rest/v1`: PostgREST's language over PostgreSQL.
//!
//! A request walks named stages, each a module: `request` (what is asked) → `plan` (against the catalog) → `sql` (statements)
//! → `run` (the only one that waits) → `response` (what is answered). `service.rs` has the one function that shows the walk.

pub mod config;
mod context;
mod cors;
pub mod error;
mod fuzzy;
mod harmless;
pub mod jwt;
mod openapi;
mod plan;
mod request;
mod response;
mod run;
pub mod server;
mod service;
mod shapes;
mod sql;
mod timing;
mod work;

pub use config::{OpenApiMode, RestConfig, TxEnd};
pub use error::{Error, JwtError};
pub use service::{Reason, Rest};
