//! The platform on a real PostgreSQL: what projects may do, and what nobody may.

mod cluster;
mod installing;
