//! The database that Supabase projects expect, made on a plain PostgreSQL 15 to 18.
//!
//! Two halves. [`extension_files`] are extensions of our own (`pg_cron`, `pg_net`, `pgmq`, `pgjwt`, `supabase_vault` and
//! some placeholders) that the embedded server puts beside PostgreSQL's, so that `create extension` is the real thing.
//! [`install`] brings a database to the state that migrations rely on: roles, schemas, the tables and functions of `auth`,
//! `storage` and `realtime`, grants, default privileges, event triggers.
//!
//! The SQL lies in `sql/NNNN_<schema>_<what>.sql` and goes forward only: an applied file is never edited, a change is a
//! further file. What is applied is written in `_basalt.platform_migrations`, with a checksum.
//!
//! Never here: a connection of its own, a service's logic, a user's SQL.

mod error;
mod expose;
mod extensions;
mod files;
mod further;
mod inspect;
mod install;
mod scram;
mod secrets;

pub use error::Error;
pub use expose::expose_new_tables;
pub use extensions::{CRON_CHANNEL, ExtensionFile, NET_CHANNEL, extension_files, extension_script};
pub use files::fingerprint;
pub use further::apply_further;
pub use install::{Install, Report, Rights, install};
