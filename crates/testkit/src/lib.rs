//! What tests stand on.
//!
//! [`database`] gives a fresh database with the whole platform installed, cloned from a template on a cluster that the test binary
//! starts once and that dies with it. [`node`] runs a published client.

mod cluster;
mod node;

pub use cluster::{Database, database, empty_database};
pub use node::{node, npm_install};
