//! The REST service against a real PostgreSQL: what a client sees.

mod asking;
mod calling;
mod client;
mod junk;
mod reading;
mod robustness;
mod writing;
