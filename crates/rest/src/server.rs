//! `serve rest`: what stands around the service when it runs alone, as the PostgREST binary does.

pub mod config;
pub mod config_file;
