//! Who may do what, proven on the database itself.
//!
//! - [`schema`]: the database as authorization sees it: relations, policies, grants, functions, roles, keys and checks. One immutable
//!   value, which everything below is computed from.
//! - [`expr`]: conditions of policies as trees, with the place of each part in the text.
//! - [`lint`]: what can be seen wrong without trying anything.
//! - [`rows`]: valid, lifelike, reproducible rows for any schema; `basalt db seed --rows` and the fixtures of the matrix.
//! - [`spec`]: `access.toml`, what should be.
//! - [`identities`]: the people that are tried as.
//! - [`matrix`]: what is, by trying: identities × objects × operations × columns, in transactions that are rolled back.
//! - [`tap`]: the project's pgTAP tests.
//! - [`mutants`]: policies changed on purpose; does anything notice?
//! - [`gate`]: may this migration be applied?
//! - [`explain`]: which policy lets a user see a row, or stops him.
//!
//! Never works on users' data: callers hand it a shadow database, replayed from the migrations. Knows no command and no project folder.

mod error;
pub mod explain;
pub mod expr;
pub mod gate;
pub mod identities;
pub mod lint;
pub mod matrix;
pub mod mutants;
pub mod rows;
pub mod schema;
pub mod spec;
pub mod sql;
pub mod tap;

pub use error::Error;
pub use schema::Schema;
pub use spec::Spec;
