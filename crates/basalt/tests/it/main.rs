//! The assembled binary, as a user runs it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod access_matrix;
mod auth;
mod background;
mod bad_input;
mod blueprints;
mod clients;
mod commands;
mod counterexamples;
mod crash;
mod ends;
mod folders;
mod gate;
mod guides;
mod interrupted;
mod keys;
mod lint;
mod mutants;
mod reference;
mod rights;
mod shadow;
mod standalone;
mod test_mail;
mod tools;
mod two_projects;
mod world;
