//! AES-256-GCM for values at rest: a random nonce before the ciphertext, the tag behind it.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::random;

/// Why a value could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Another key, other associated data, or changed bytes; which of them, nobody can tell.
    #[error("the value was sealed with another key, for another place, or was changed")]
    Rejected,
    /// Sealing failed; only for values beyond 64 GiB.
    #[error("the value cannot be sealed")]
    Failed,
}

/// A key that seals and opens values.
pub struct SealKey(LessSafeKey);

impl SealKey {
    /// Takes 256 bits.
    ///
    /// # Errors
    /// Never for 32 bytes; the cipher's own check is passed on.
    pub fn new(key: &[u8; 32]) -> Result<Self, SealError> {
        UnboundKey::new(&AES_256_GCM, key).map(|key| Self(LessSafeKey::new(key))).map_err(|_| SealError::Failed)
    }

    /// Encrypts. `place` (a column, a row id) is bound to the value and must be given again to open it.
    ///
    /// # Errors
    /// [`SealError::Failed`] for a value too large.
    pub fn seal(&self, plain: &[u8], place: &[u8]) -> Result<Vec<u8>, SealError> {
        let nonce = random::bytes::<NONCE_LEN>();
        let mut out = Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
        out.extend_from_slice(&nonce);
        let mut body = plain.to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place), &mut body)
            .map_err(|_| SealError::Failed)?;
        out.extend_from_slice(&body);
        Ok(out)
    }

    /// Decrypts what [`SealKey::seal`] made.
    ///
    /// # Errors
    /// [`SealError::Rejected`].
    pub fn open(&self, sealed: &[u8], place: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or(SealError::Rejected)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Rejected)?;
        let mut body = body.to_vec();
        let plain = self.0.open_in_place(nonce, Aad::from(place), &mut body).map_err(|_| SealError::Rejected)?;
        Ok(plain.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_with_the_key_at_the_place_and_unchanged() {
        let key = SealKey::new(&[7; 32]).unwrap();
        let mut sealed = key.seal(b"otp secret", b"mfa_factors:1").unwrap();
        assert_eq!(key.open(&sealed, b"mfa_factors:1").unwrap(), b"otp secret");
        assert_eq!(key.open(&sealed, b"mfa_factors:2"), Err(SealError::Rejected));
        assert_eq!(SealKey::new(&[8; 32]).unwrap().open(&sealed, b"mfa_factors:1"), Err(SealError::Rejected));
        sealed[20] ^= 1;
        assert_eq!(key.open(&sealed, b"mfa_factors:1"), Err(SealError::Rejected));
        assert_eq!(key.open(&[1, 2], b""), Err(SealError::Rejected));
    }
}
