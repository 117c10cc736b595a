//! Real servers, from nothing to stopped, and what can go wrong with each.

#![expect(clippy::unwrap_used, reason = "what a test did not expect fails it")]

mod crashes;
mod extensions;
mod refusals;
mod soak;
mod starts;
mod support;
