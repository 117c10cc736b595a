//! The access crate against a real PostgreSQL.
#![expect(clippy::unwrap_used, reason = "tests")]

mod schema;
