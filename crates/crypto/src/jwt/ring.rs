//! Rotation: which key signs, which ones still verify.
//!
//! The ring is a JSON array of JWKs, readable as GoTrue's `JWT_KEYS`: the current key has `sign` in its `key_ops`, all others only
//! `verify`; a previous key has `exp`, the Unix second when its last token is dead.

use serde_json::{Value, json};

use super::jwk::Jwk;
use super::{KeyError, KeySet, keyset};

/// What a key of the ring is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Published so that caches learn it, signs nothing yet.
    Standby,
    /// Signs.
    Current,
    /// Verifies until then (Unix seconds).
    Previous {
        /// When it is forgotten.
        until: i64,
    },
}

/// Keys in rotation. At most one is current.
#[derive(Clone, Default)]
pub struct KeyRing(Vec<Jwk>);

impl KeyRing {
    /// Reads what [`KeyRing::to_json`] wrote, or a `signing_keys_path` file, where only the first signs.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut keys = keyset::parse_jwks(text)?;
        let mut signs = false;
        for key in &mut keys {
            if key.kid().is_none() {
                return Err(KeyError::Rotation("a key in rotation needs a \"kid\"".into()));
            }
            let may_sign = key.is_private() && key.allows("sign") != Some(false);
            set_signing(key, may_sign && !signs);
            signs |= may_sign;
        }
        Ok(Self(keys))
    }

    /// The array to keep, private parts included.
    pub fn to_json(&self) -> String {
        Value::Array(self.0.iter().map(|key| Value::Object(key.members().clone())).collect()).to_string()
    }

    /// Every kid with its state.
    pub fn states(&self) -> Vec<(String, KeyState)> {
        self.0.iter().map(|key| (key.kid().unwrap_or_default().to_owned(), state(key))).collect()
    }

    /// The keys, in order.
    pub fn keys(&self) -> &[Jwk] {
        &self.0
    }

    /// When the next key is to be forgotten (Unix seconds).
    pub fn next_end(&self) -> Option<i64> {
        let ends = self.0.iter().filter_map(|key| match state(key) {
            KeyState::Previous { until } => Some(until),
            KeyState::Standby | KeyState::Current => None,
        });
        ends.min()
    }

    /// Adds a key that is published and verifies, but does not sign yet. JWKS are cached for 10 minutes: rotate after that.
    ///
    /// # Errors
    /// A key without kid, without private part, or with a kid that is there already.
    pub fn add_standby(&mut self, mut key: Jwk) -> Result<(), KeyError> {
        let kid = key.kid().ok_or_else(|| KeyError::Rotation("a key in rotation needs a \"kid\"".into()))?.to_owned();
        if !key.is_private() {
            return Err(KeyError::Rotation(format!("key {kid} has no private part and could never sign")));
        }
        if self.0.iter().any(|known| known.kid() == Some(&kid)) {
            return Err(KeyError::Rotation(format!("key {kid} is in the ring already")));
        }
        set_signing(&mut key, false);
        self.0.push(key);
        Ok(())
    }

    /// The oldest standby key signs from now on; the key before it verifies for `grace_seconds` more: at least the lifetime of an
    /// access token.
    ///
    /// # Errors
    /// Where no key stands by.
    pub fn rotate(&mut self, now: i64, grace_seconds: i64) -> Result<(), KeyError> {
        let next = self
            .0
            .iter()
            .position(|key| state(key) == KeyState::Standby)
            .ok_or_else(|| KeyError::Rotation("no standby key: add one first".into()))?;
        self.sign_with(next, now, grace_seconds);
        Ok(())
    }

    /// As [`KeyRing::rotate`], with a standby key of one's choice.
    ///
    /// # Errors
    /// A kid that does not stand by.
    pub fn rotate_to(&mut self, kid: &str, now: i64, grace_seconds: i64) -> Result<(), KeyError> {
        let stands_by = |key: &Jwk| key.kid() == Some(kid) && state(key) == KeyState::Standby && key.is_private();
        let next = self
            .0
            .iter()
            .position(stands_by)
            .ok_or_else(|| KeyError::Rotation(format!("key {kid} does not stand by")))?;
        self.sign_with(next, now, grace_seconds);
        Ok(())
    }

    fn sign_with(&mut self, next: usize, now: i64, grace_seconds: i64) {
        for key in self.0.iter_mut().filter(|key| state(key) == KeyState::Current) {
            set_signing(key, false);
            key.set("exp", json!(now.saturating_add(grace_seconds)));
        }
        if let Some(key) = self.0.get_mut(next) {
            set_signing(key, true);
        }
    }

    /// Forgets a key at once: its tokens are dead. For a key that leaked.
    ///
    /// # Errors
    /// An unknown kid, or the current key: rotate first.
    pub fn revoke(&mut self, kid: &str) -> Result<(), KeyError> {
        let at = self
            .0
            .iter()
            .position(|key| key.kid() == Some(kid))
            .ok_or_else(|| KeyError::Rotation(format!("no key {kid} in the ring")))?;
        if state(&self.0[at]) == KeyState::Current {
            return Err(KeyError::Rotation(format!("key {kid} signs now: rotate before you revoke it")));
        }
        self.0.remove(at);
        Ok(())
    }

    /// Forgets previous keys whose grace is over.
    pub fn prune(&mut self, now: i64) {
        self.0.retain(|key| !matches!(state(key), KeyState::Previous { until } if until <= now));
    }

    /// The set to verify and sign with, and the project's secret behind it for older tokens.
    ///
    /// # Errors
    /// The first key that cannot be used.
    pub fn key_set(&self, secret: Option<&str>) -> Result<KeySet, KeyError> {
        KeySet::from_keys_and_secret(&self.0, secret)
    }
}

fn state(key: &Jwk) -> KeyState {
    match key.members().get("exp").and_then(Value::as_i64) {
        Some(until) => KeyState::Previous { until },
        None if key.allows("sign") == Some(true) => KeyState::Current,
        None => KeyState::Standby,
    }
}

fn set_signing(key: &mut Jwk, signs: bool) {
    key.set("key_ops", if signs { json!(["sign", "verify"]) } else { json!(["verify"]) });
    if signs {
        key.remove("exp");
    }
}
