//! The access crate against a real PostgreSQL.

mod explain;
mod mutants;
mod rows;
mod schema;
mod tap;
