//! The platform on a real PostgreSQL: what projects may do, and what nobody may.

mod attacks;
mod cluster;
mod dumping;
mod installing;
mod managed;
mod migrations;
mod our_extensions;
mod projects;
mod storage;
mod vault;
