//! Keys and what is done with them: JWT and JWKS, passwords, API keys, webhook signatures, one-time codes, encryption at rest.
//!
//! No IO, and no SQL. Chance comes from the operating system ([`random`]), time is an argument.
//!
//! - [`jwt`]: [`jwt::KeySet`] verifies and signs, [`jwt::KeyRing`] rotates, [`jwt::generate`] makes keys.
//! - [`password`]: bcrypt, argon2 and Firebase's scrypt; [`password::Hasher`] keeps them off the async threads.
//! - [`api_key`]: `sb_publishable_…` and `sb_secret_…`.
//! - [`webhook`]: Standard Webhooks.
//! - [`totp`]: RFC 6238.
//! - [`mod@seal`]: AES-256-GCM for values at rest.

pub mod api_key;
pub mod jwt;
pub mod password;
pub mod random;
pub mod seal;
pub mod totp;
pub mod webhook;

/// Are the bytes equal? In time that depends on their length only.
pub fn equal_in_constant_time(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// The HMAC-SHA-256 of a message.
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key);
    let mut out = [0; 32];
    out.copy_from_slice(aws_lc_rs::hmac::sign(&key, message).as_ref());
    out
}

/// The SHA-256 of a message.
pub fn sha256(message: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, message).as_ref());
    out
}

/// The SHA-224 of a message, in hexadecimal: how GoTrue stores one-time tokens.
pub fn sha224_hex(message: &[u8]) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA224, message).as_ref())
}
