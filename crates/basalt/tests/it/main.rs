//! The assembled binary, as a user runs it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod access_matrix;
mod auth;
mod bad_input;
mod blueprints;
mod clients;
mod crash;
mod folders;
mod keys;
mod shadow;
mod standalone;
mod test_mail;
mod two_projects;
mod world;
