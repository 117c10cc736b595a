//! The access crate against a real PostgreSQL.

mod explain;
mod rows;
mod schema;
mod tap;
