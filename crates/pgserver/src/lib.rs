//! A PostgreSQL of one's own: found on the machine or obtained, made in a project's data directory, started, watched, stopped.
//!
//! - [`Server::start`] does it all; [`Options`] say where.
//! - [`find`] looks for installed ones, [`obtain`] gets one where none is, [`prefix`] adds our extensions to one without touching it.
//!
//! It knows nothing of services, and only one role: the superuser [`SUPERUSER`].

pub mod find;
pub mod obtain;
pub mod prefix;
pub mod testing;

mod choose;
mod cluster;
mod conf;
mod error;
mod failure;
mod home;
mod options;
mod orphan;
mod ports;
mod postmaster;
mod room;
mod server;
mod site;
mod superuser;
mod supervise;
mod user;
mod watchdog;

pub use error::Error;
pub use home::check_home;
pub use options::{ExtensionFile, Lifetime, Options};
pub use orphan::stop_orphan;
pub use server::Server;
pub use supervise::State;

/// The superuser of every cluster, as on Supabase. Over the private socket it needs no password, over TCP a random one.
pub const SUPERUSER: &str = "supabase_admin";

/// Who hears of steps that take long.
pub(crate) type Progress<'a> = &'a (dyn Fn(&str) + Send + Sync);
