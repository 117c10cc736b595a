//! Decisions as pure functions over values: no clock, no database, no network.

pub(crate) mod contact;
pub(crate) mod password;
pub(crate) mod pkce;
pub(crate) mod redirect;
pub(crate) mod refresh;
pub(crate) mod session;
