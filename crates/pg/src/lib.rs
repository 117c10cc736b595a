//! The doors to PostgreSQL. No connection is made outside of this crate (and `pgserver`, which starts the server).
//!
//! - [`Target`]: where a database is and who connects.
//! - [`Db`]: the pool for our own work; its two doors are [`Db::as_caller`] and [`Db::as_platform`].
//! - [`exec::Executor`]: the hot path, one flush per request.
//! - [`Error`]: what PostgreSQL said, with its SQLSTATE.
//! - [`ident`]: the one function that quotes an identifier. Values are always parameters.

mod db;
mod error;
pub mod exec;
mod idle;
mod listen;
mod quote;
mod target;
mod tls;

pub use db::{Caller, CallerTx, Db, Mode, PlatformTx, Purpose};
pub use error::{Error, ServerError};
pub use listen::{Heard, listen};
pub use quote::{ident, qualified};
pub use target::{Address, Target, Tls};
pub use tokio_postgres;
