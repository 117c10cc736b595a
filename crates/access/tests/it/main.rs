//! The access crate against a real PostgreSQL.

mod explain;
mod schema;
mod tap;
