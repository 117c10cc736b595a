//! What every request passes before a service sees it.
//!
//! One listener stands where Supabase's gateway stands: it finds the service by prefix ([`Edge`]), maps API keys to tokens
//! ([`gateway`]), answers CORS ([`cors`]), bounds what comes in ([`Limits`]), counts and logs ([`metrics`]). It knows no service.

pub mod cors;
mod edge;
pub mod gateway;
mod listener;
pub mod metrics;
mod tls;
mod validity;

pub use edge::{Edge, Limits, Readiness};
pub use listener::{Listener, Running};
pub use tls::{Certificate, TlsError};
pub use validity::Validity;
