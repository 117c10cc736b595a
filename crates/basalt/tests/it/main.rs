//! The assembled binary, as a user runs it.

mod bad_input;
mod clients;
mod crash;
mod folders;
mod two_projects;
mod world;
