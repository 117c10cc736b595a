//! JSON Web Tokens: verified by any key of a [`KeySet`], signed by its current one.
//!
//! The signature and the times are two steps, because REST caches the first and repeats the second.

mod algorithm;
mod claims;
mod error;
mod generate;
mod jwk;
mod key;
mod keyset;
mod ring;
#[cfg(test)]
mod tests;

pub use algorithm::Algorithm;
pub use claims::{ClaimRules, check_claims, numeric_date};
pub use error::{KeyError, VerifyError};
pub use generate::generate;
pub use jwk::Jwk;
pub use keyset::{Header, KeySet, KidRule, Verified, unverified_claims};
pub use ring::{KeyRing, KeyState};
