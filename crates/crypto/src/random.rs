//! Chance from the operating system, in the forms that tokens take.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// `N` random bytes.
///
/// # Panics
/// Where the operating system has no randomness to give: nothing may go on then.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    fill(&mut out);
    out
}

/// Fills a buffer with random bytes.
///
/// # Panics
/// As [`bytes`].
pub fn fill(out: &mut [u8]) {
    assert!(aws_lc_rs::rand::fill(out).is_ok(), "the operating system gives no randomness");
}

/// `N` random bytes as base64url without padding.
pub fn base64url<const N: usize>() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<N>())
}

/// A string of `len` characters, each drawn evenly from `alphabet` (at most 256 ASCII characters).
pub fn string(alphabet: &[u8], len: usize) -> String {
    debug_assert!(!alphabet.is_empty() && alphabet.len() <= 256);
    // Bytes at or beyond the last whole multiple would make the first characters likelier.
    let limit = 256 - 256 % alphabet.len();
    let mut out = String::with_capacity(len);
    while out.len() < len {
        for byte in bytes::<32>() {
            if usize::from(byte) < limit && out.len() < len {
                out.push(char::from(alphabet[usize::from(byte) % alphabet.len()]));
            }
        }
    }
    out
}

/// A one-time code of `len` decimal digits.
pub fn digits(len: usize) -> String {
    string(b"0123456789", len)
}

/// A token of lower-case letters and digits, as GoTrue's refresh tokens.
pub fn alphanumeric(len: usize) -> String {
    string(b"abcdefghijklmnopqrstuvwxyz0123456789", len)
}

/// A random (version 4) UUID.
pub fn uuid() -> uuid::Uuid {
    uuid::Builder::from_random_bytes(bytes()).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_length_and_alphabet() {
        for len in [0, 1, 6, 10, 100] {
            let code = digits(len);
            assert_eq!(code.len(), len);
            assert!(code.bytes().all(|b| b.is_ascii_digit()));
        }
        assert_ne!(alphanumeric(22), alphanumeric(22));
        assert_eq!(uuid().get_version_num(), 4);
    }
}
