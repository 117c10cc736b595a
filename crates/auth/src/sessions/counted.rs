//! Version 2 refresh tokens: no row each, but a counter in the session, signed with the session's key.
//!
//! base64url(`0x00` ‖ session id ‖ counter as uvarint ‖ 16 bytes of HMAC-SHA-256 over what came before ‖ 4 bytes of SHA-256 over all
//! before it). The checksum tells a token that was cut or mistyped from a forged one.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use uuid::Uuid;

const VERSION: u8 = 0;
const SIGNATURE_LEN: usize = 16;
const CHECKSUM_LEN: usize = 4;

/// What a version 2 token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CountedToken {
    pub session_id: Uuid,
    pub counter: i64,
}

/// A key for a new session.
pub(super) fn new_key() -> String {
    STANDARD.encode(crypto::random::bytes::<32>())
}

fn key_bytes(key: &str) -> Vec<u8> {
    [&STANDARD as &dyn Decode, &URL_SAFE, &URL_SAFE_NO_PAD]
        .into_iter()
        .find_map(|engine| engine.decode_text(key))
        .unwrap_or_else(|| key.as_bytes().to_vec())
}

trait Decode {
    fn decode_text(&self, text: &str) -> Option<Vec<u8>>;
}

impl<E: Engine> Decode for E {
    fn decode_text(&self, text: &str) -> Option<Vec<u8>> {
        self.decode(text).ok()
    }
}

impl CountedToken {
    pub fn encode(self, key: &str) -> String {
        let mut bytes = self.head();
        let signature = crypto::hmac_sha256(&key_bytes(key), &bytes);
        bytes.extend_from_slice(&signature[..SIGNATURE_LEN]);
        let checksum = crypto::sha256(&bytes);
        bytes.extend_from_slice(&checksum[..CHECKSUM_LEN]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn head(self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(self.session_id.as_bytes());
        let mut rest = self.counter.max(0) as u64;
        while rest >= 0x80 {
            bytes.push((rest as u8) | 0x80);
            rest >>= 7;
        }
        bytes.push(rest as u8);
        bytes
    }

    /// Reads a token without believing it; `None`: not of this form.
    pub fn decode(text: &str) -> Option<(Self, Vec<u8>)> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
        let (signed, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM_LEN)?)?;
        if crypto::sha256(signed)[..CHECKSUM_LEN] != *checksum {
            return None;
        }
        let (head, signature) = signed.split_at_checked(signed.len().checked_sub(SIGNATURE_LEN)?)?;
        let (version, head) = head.split_first()?;
        let (id, counter) = head.split_at_checked(16)?;
        if *version != VERSION || counter.is_empty() || counter.len() > 9 {
            return None;
        }
        let mut value = 0_u64;
        for (at, byte) in counter.iter().enumerate() {
            let last = at + 1 == counter.len();
            if (byte & 0x80 == 0) != last {
                return None;
            }
            value |= u64::from(byte & 0x7f) << (7 * at);
        }
        let token = Self { session_id: Uuid::from_slice(id).ok()?, counter: i64::try_from(value).ok()? };
        Some((token, signature.to_vec()))
    }

    /// Was it signed with the session's key?
    pub fn is_signed(self, signature: &[u8], key: &str) -> bool {
        let expected = crypto::hmac_sha256(&key_bytes(key), &self.head());
        crypto::equal_in_constant_time(&expected[..SIGNATURE_LEN], signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_read_back_and_no_bit_may_change() {
        let key = new_key();
        for counter in [0, 1, 127, 128, 300, i64::from(u32::MAX)] {
            let token = CountedToken { session_id: Uuid::from_u128(7), counter };
            let text = token.encode(&key);
            let (read, signature) = CountedToken::decode(&text).unwrap();
            assert_eq!(read, token);
            assert!(read.is_signed(&signature, &key));
            assert!(!read.is_signed(&signature, &new_key()));
            let mut bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
            for at in 0..bytes.len() {
                bytes[at] ^= 1;
                assert!(CountedToken::decode(&URL_SAFE_NO_PAD.encode(&bytes)).is_none(), "byte {at}");
                bytes[at] ^= 1;
            }
        }
        for text in ["", "abc", "0123456789ab", "AAAA"] {
            assert!(CountedToken::decode(text).is_none());
        }
    }
}
