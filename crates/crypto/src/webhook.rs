//! Standard Webhooks (the specification of that name): `webhook-id`, `webhook-timestamp` and `webhook-signature`.
//!
//! Secrets are written as GoTrue's settings have them: `v1,whsec_<base64>` for HMAC-SHA-256, `v1a,whpk_<base64>:whsk_<base64>` for
//! Ed25519, several joined by `|` during a rotation: each signs, any verifies.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Seconds that a timestamp may lie in the past or future.
pub const TOLERANCE_SECONDS: i64 = 300;

/// What is wrong with a secret or a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The text is none of the two forms.
    #[error("a webhook secret is `v1,whsec_<base64>` or `v1a,whpk_<base64>:whsk_<base64>`, several joined by `|`")]
    Secret,
    /// Older or newer than [`TOLERANCE_SECONDS`].
    #[error("the webhook's timestamp is missing or too far from now")]
    Timestamp,
    /// No signature fits.
    #[error("no signature of the webhook fits")]
    Signature,
}

enum Key {
    Shared(Box<hmac::Key>),
    Pair { public: Vec<u8>, private: Option<Box<Ed25519KeyPair>> },
}

/// One or more keys of a receiver.
pub struct WebhookKeys(Vec<Key>);

impl WebhookKeys {
    /// Reads the secrets of a setting.
    ///
    /// # Errors
    /// [`WebhookError::Secret`].
    pub fn parse(text: &str) -> Result<Self, WebhookError> {
        let keys = text.split('|').map(|part| parse_key(part.trim())).collect::<Option<Vec<_>>>();
        keys.filter(|keys| !keys.is_empty()).map(Self).ok_or(WebhookError::Secret)
    }

    /// The value of `webhook-signature` for a delivery; empty where only public keys are known.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let message = signed_bytes(id, &timestamp.to_string(), body);
        let mut out = String::new();
        for key in &self.0 {
            let (version, signature) = match key {
                Key::Shared(key) => ("v1", STANDARD.encode(hmac::sign(key, &message))),
                Key::Pair { private: Some(pair), .. } => ("v1a", STANDARD.encode(pair.sign(&message))),
                Key::Pair { private: None, .. } => continue,
            };
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(version);
            out.push(',');
            out.push_str(&signature);
        }
        out
    }

    /// Checks a delivery by its three headers.
    ///
    /// # Errors
    /// [`WebhookError::Timestamp`], [`WebhookError::Signature`].
    pub fn verify(
        &self,
        id: &str,
        timestamp: &str,
        signatures: &str,
        body: &[u8],
        now_unix: i64,
    ) -> Result<(), WebhookError> {
        let at: i64 = timestamp.parse().map_err(|_| WebhookError::Timestamp)?;
        if now_unix.abs_diff(at) > TOLERANCE_SECONDS as u64 {
            return Err(WebhookError::Timestamp);
        }
        let message = signed_bytes(id, timestamp, body);
        let fits = signatures.split(' ').filter_map(|one| one.split_once(',')).any(|(version, signature)| {
            STANDARD.decode(signature).is_ok_and(|signature| {
                self.0.iter().any(|key| match (key, version) {
                    (Key::Shared(key), "v1") => hmac::verify(key, &message, &signature).is_ok(),
                    (Key::Pair { public, .. }, "v1a") => {
                        UnparsedPublicKey::new(&ED25519, public).verify(&message, &signature).is_ok()
                    }
                    _ => false,
                })
            })
        });
        if fits { Ok(()) } else { Err(WebhookError::Signature) }
    }
}

fn signed_bytes(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(id.len() + timestamp.len() + body.len() + 2);
    message.extend_from_slice(id.as_bytes());
    message.push(b'.');
    message.extend_from_slice(timestamp.as_bytes());
    message.push(b'.');
    message.extend_from_slice(body);
    message
}

fn parse_key(text: &str) -> Option<Key> {
    if let Some(secret) = text.strip_prefix("v1,").unwrap_or(text).strip_prefix("whsec_") {
        let secret = STANDARD.decode(secret).ok().filter(|secret| !secret.is_empty())?;
        return Some(Key::Shared(Box::new(hmac::Key::new(hmac::HMAC_SHA256, &secret))));
    }
    let text = text.strip_prefix("v1a,").unwrap_or(text);
    let (public, private) = match text.split_once(':') {
        Some((public, private)) => (Some(public), Some(private)),
        None if text.starts_with("whsk_") => (None, Some(text)),
        None => (Some(text), None),
    };
    let private = match private {
        Some(private) => {
            let bytes = STANDARD.decode(private.strip_prefix("whsk_")?).ok()?;
            // 32 bytes are the seed; 64 the seed with the public key behind it.
            let seed = bytes.get(..32).filter(|_| matches!(bytes.len(), 32 | 64))?;
            Some(Box::new(Ed25519KeyPair::from_seed_unchecked(seed).ok()?))
        }
        None => None,
    };
    let public = match (public, &private) {
        (Some(public), _) => STANDARD.decode(public.strip_prefix("whpk_")?).ok()?,
        (None, Some(pair)) => pair.public_key().as_ref().to_vec(),
        (None, None) => return None,
    };
    (public.len() == 32).then_some(Key::Pair { public, private })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification.
    #[test]
    fn the_example_of_the_specification() {
        let keys = WebhookKeys::parse("v1,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = keys.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let check = |now, body: &[u8]| keys.verify("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", &signature, body, now);
        assert_eq!(check(1_614_265_400, body), Ok(()));
        assert_eq!(check(1_614_265_400, b"{}"), Err(WebhookError::Signature));
        assert_eq!(check(1_614_266_000, body), Err(WebhookError::Timestamp));
    }

    #[test]
    fn each_key_signs_and_any_verifies() {
        let seed = [3_u8; 32];
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let both = format!(
            "v1,whsec_{}|v1a,whpk_{}:whsk_{}",
            STANDARD.encode([1; 24]),
            STANDARD.encode(pair.public_key().as_ref()),
            STANDARD.encode(seed)
        );
        let signature = WebhookKeys::parse(&both).unwrap().sign("m", 5, b"x");
        assert_eq!(signature.split(' ').count(), 2);
        let public_only = format!("v1a,whpk_{}", STANDARD.encode(pair.public_key().as_ref()));
        for one in [public_only.as_str(), both.split('|').next().unwrap()] {
            assert_eq!(WebhookKeys::parse(one).unwrap().verify("m", "5", &signature, b"x", 5), Ok(()));
        }
    }

    #[test]
    fn a_bad_secret_is_refused() {
        for bad in ["", "v1,", "v1,whsec_", "v1,whsec_%%", "v1a,whpk_AAAA", "hunter2", "v1,whsec_AAAA|"] {
            assert_eq!(WebhookKeys::parse(bad).err(), Some(WebhookError::Secret), "{bad}");
        }
    }
}
