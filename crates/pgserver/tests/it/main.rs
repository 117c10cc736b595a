//! Real servers, from nothing to stopped, and what can go wrong with each.

mod crashes;
mod extensions;
mod refusals;
mod starts;
mod support;
