//! The assembled binary, as a user runs it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod auth;
mod bad_input;
mod clients;
mod crash;
mod folders;
mod shadow;
mod standalone;
mod two_projects;
mod world;
