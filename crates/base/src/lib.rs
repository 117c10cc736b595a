//! The words that every crate speaks. No IO, no async, no knowledge of any service.
//!
//! - [`Clock`]: time as an argument, so that tests can turn it.
//! - [`Secret`]: a value that never reaches a log.
//! - [`Revocations`]: sessions whose access tokens are dead before they expire.

mod clock;
mod revocations;
mod secret;

pub use clock::Clock;
pub use revocations::Revocations;
pub use secret::Secret;
