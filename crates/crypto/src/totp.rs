//! Time-based one-time codes (RFC 6238) as authenticator apps make them: SHA-1, 6 digits, steps of 30 s.

use aws_lc_rs::hmac;

use crate::{equal_in_constant_time, random};

/// Seconds that a code is shown.
const STEP_SECONDS: i64 = 30;
const DIGITS: usize = 6;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A new secret of 160 bits (the length of the hash, RFC 4226 §4) in base32 without padding.
pub fn generate_secret() -> String {
    encode_base32(&random::bytes::<20>())
}

/// Which step the code belongs to, if it is that of now or of one step before or after (clocks drift).
///
/// The caller keeps the step and refuses codes at or before it, so that a code seen over a shoulder cannot be used again.
/// `None` also for a secret that is not base32.
pub fn verify(secret_base32: &str, code: &str, now_unix: i64) -> Option<i64> {
    let secret = decode_base32(secret_base32)?;
    let step = now_unix.div_euclid(STEP_SECONDS);
    // All three are compared, so that time says nothing about which one it was.
    [step, step - 1, step + 1]
        .into_iter()
        .filter(|step| equal_in_constant_time(code_at(&secret, *step).as_bytes(), code.as_bytes()))
        .min_by_key(|candidate| (candidate - step).abs())
}

/// The code shown at a moment, for tests and for tools that play the authenticator. `None` for a secret that is not base32.
pub fn code(secret_base32: &str, now_unix: i64) -> Option<String> {
    Some(code_at(&decode_base32(secret_base32)?, now_unix.div_euclid(STEP_SECONDS)))
}

/// The `otpauth://` URL that authenticator apps read from a QR code (Google Authenticator's key URI format).
pub fn uri(issuer: &str, account: &str, secret_base32: &str) -> String {
    format!(
        "otpauth://totp/{}:{}?algorithm=SHA1&digits={DIGITS}&issuer={}&period={STEP_SECONDS}&secret={secret_base32}",
        percent(issuer),
        percent(account),
        percent(issuer),
    )
}

/// RFC 4226 §5.3, with the step as the counter.
fn code_at(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let mac = hmac::sign(&key, &step.to_be_bytes());
    let mac = mac.as_ref();
    let at = usize::from(mac[mac.len() - 1] & 0xf);
    let number = u32::from_be_bytes([mac[at] & 0x7f, mac[at + 1], mac[at + 2], mac[at + 3]]);
    format!("{:0width$}", number % 1_000_000, width = DIGITS)
}

fn encode_base32(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut buffer, mut bits) = (0_u32, 0);
    for byte in bytes {
        buffer = (buffer << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(char::from(BASE32[((buffer >> bits) & 31) as usize]));
        }
    }
    if bits > 0 {
        out.push(char::from(BASE32[((buffer << (5 - bits)) & 31) as usize]));
    }
    out
}

/// Reads base32 with or without padding, in either case, as people type it.
fn decode_base32(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 5 / 8);
    let (mut buffer, mut bits) = (0_u32, 0);
    for c in text.trim_end_matches('=').bytes() {
        let value = BASE32.iter().position(|known| *known == c.to_ascii_uppercase())?;
        buffer = (buffer << 5) | value as u32;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push((buffer >> bits) as u8);
        }
    }
    (!out.is_empty()).then_some(out)
}

fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'@') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 6238 appendix B, SHA-1; the table has eight digits, of which the last six are ours.
    #[test]
    fn the_vectors_of_rfc_6238() {
        let secret = encode_base32(b"12345678901234567890");
        for (at, expect) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(code(&secret, at).unwrap(), expect[2..], "at {at}");
            assert_eq!(verify(&secret, &expect[2..], at), Some(at / 30));
        }
    }

    #[test]
    fn one_step_of_drift_is_allowed_and_no_more() {
        let secret = generate_secret();
        assert_eq!(secret.len(), 32);
        let now = 1_700_000_010;
        let shown = code(&secret, now).unwrap();
        assert!(verify(&secret, &shown, now + 30).is_some());
        assert!(verify(&secret, &shown, now - 30).is_some());
        assert!(verify(&secret, &shown, now + 90).is_none());
        assert!(verify(&secret, "12345", now).is_none());
        assert!(verify("not base32!", &shown, now).is_none());
    }

    #[test]
    fn the_uri_escapes_names() {
        assert_eq!(
            uri("My Shop", "ada@example.org", "ABC"),
            "otpauth://totp/My%20Shop:ada@example.org?algorithm=SHA1&digits=6&issuer=My%20Shop&period=30&secret=ABC"
        );
    }

    proptest! {
        #[test]
        fn base32_comes_back(bytes in proptest::collection::vec(any::<u8>(), 1..40)) {
            prop_assert_eq!(decode_base32(&encode_base32(&bytes)).unwrap(), bytes);
        }
    }
}
