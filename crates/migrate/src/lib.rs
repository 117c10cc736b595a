//! The user's SQL, as opposed to the platform's: what lies in `supabase/migrations`, `supabase/rollback` and the seed files.
//!
//! - [`split()`]: a file → statements, by psql's rules.
//! - [`migrations`], [`matching`]: a folder → files.
//! - [`Session`]: runs files as `postgres`, lifting an allow-list of statements to the superuser as hosted projects do.
//! - [`up`], [`down`], [`seed`]: history in `supabase_migrations`, as the Supabase CLI keeps it.
//! - [`Failure`]: file, line, statement, and PostgreSQL's words.
//!
//! Knows no service and no request.

mod adapt;
mod classify;
mod diff;
mod error;
mod failure;
mod files;
mod history;
mod lexer;
mod reset;
mod rights;
mod run;
mod seed;
mod session;
mod split;
mod types;
mod up;

pub use diff::{NOT_COVERED, SchemaDiff, schema_diff};
pub use error::Error;
pub use failure::{Failure, Stayed};
pub use files::{Migration, Migrations, SqlFile, matching, migrations, parse_name};
pub use history::{Applied, applied};
pub use reset::{passwords, recover_from_reset, reset, reset_under_way, restore_passwords};
pub use seed::{SeedReport, buckets, roles, seed, vault_secrets};
pub use session::{RunAs, Session};
pub use split::{Kind, Statement, split};
pub use types::typescript;
pub use up::{Entry, OnEdited, Options, Plan, Report, Step, down, list, plan, repair, up};

#[cfg(test)]
mod tests;
