//! The access crate against a real PostgreSQL.

mod schema;
