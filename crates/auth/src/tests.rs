//! The service as clients see it: requests in, answers out, over a real PostgreSQL with a frozen clock.

mod admin;
mod client_suite;
mod email_change;
mod errors;
mod hooks;
mod hostile;
mod meanwhile;
mod mfa;
mod openapi;
mod otp;
mod pkce;
mod races;
mod refresh;
mod sequences;
mod sessions;
mod signup;
mod tokens;
mod user;
pub(crate) mod world;
