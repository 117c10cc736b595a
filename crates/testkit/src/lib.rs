//! What tests stand on.
//!
//! [`database`] gives a fresh database with the whole platform installed, cloned from a template on a cluster that the test binary
//! starts once and that dies with it. [`node`] and [`Python`] run published clients.

mod cluster;
mod node;
mod port;
mod python;

pub use cluster::{Database, TEMPLATE, database, empty_database};
pub use node::{node, node_all, npm_install};
pub use port::free_port;
pub use python::{Python, python_install};
