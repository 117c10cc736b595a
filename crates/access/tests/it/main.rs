//! The access crate against a real PostgreSQL.

mod explain;
mod lint;
mod matrix;
mod mutants;
mod rows;
mod schema;
mod tap;
