use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::jwk::Jwk;
use super::key::Key;
use super::{Algorithm, ClaimRules, KeyError, VerifyError, check_claims};

/// Which keys are tried for a token's `kid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KidRule {
    /// A token with a kid needs the key of that kid; one without tries every key (PostgREST).
    #[default]
    MustMatch,
    /// The same, but HS256 with an unknown kid may be signed with the plain secret (GoTrue).
    SecretFallback,
}

/// The keys that tokens are verified with, and the one that signs. Immutable: a change is a new set.
#[derive(Default)]
pub struct KeySet {
    keys: Vec<Key>,
    /// Which of `keys` signs.
    current: Option<usize>,
    public: Vec<Map<String, Value>>,
    rule: KidRule,
}

/// The header of a token, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The name of the key.
    pub kid: Option<String>,
}

/// A token whose signature is good. Its times are not checked yet: [`Verified::check`].
#[derive(Debug, Clone)]
pub struct Verified {
    /// The header.
    pub header: Header,
    /// The claims.
    pub claims: Map<String, Value>,
    /// The claims' JSON as received, for `request.jwt.claims`.
    pub payload: Bytes,
}

impl Verified {
    /// Judges times and audience; see [`check_claims`].
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self, now: i64, rules: ClaimRules<'_>) -> Result<(), VerifyError> {
        check_claims(&self.claims, now, rules)
    }

    /// A claim that is a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str)
    }
}

impl KeySet {
    /// PostgREST's `jwt-secret`: a JWKS, a JWK, or a secret of at least 32 characters, which is for HS256 alone. With `base64` the
    /// text is decoded first, whatever it holds.
    ///
    /// # Errors
    /// [`KeyError`], with a sentence on what is wrong.
    pub fn from_postgrest(text: &str, base64: bool) -> Result<Self, KeyError> {
        let secret = if base64 {
            // As PostgREST: the URL alphabet is taken too, and `.` for `=`.
            let standard = text.trim().replace('-', "+").replace('_', "/").replace('.', "=");
            STANDARD.decode(standard).map_err(|_| KeyError::NotBase64)?
        } else {
            text.as_bytes().to_vec()
        };
        let json = std::str::from_utf8(&secret).map(str::trim).ok().filter(|text| text.starts_with(['{', '[']));
        if let Some(json) = json {
            let all = parse_jwks(json)?;
            // The set of an identity provider may hold keys for other ends than signatures: nobody uses them here.
            let useful: Vec<Jwk> = all.iter().filter(|jwk| jwk.may_verify()).cloned().collect();
            return Self::from_jwks(if useful.is_empty() { &all } else { &useful });
        }
        if secret.len() < 32 {
            return Err(KeyError::SecretTooShort);
        }
        Ok(Self { keys: vec![Key::for_hs256(&secret)], current: Some(0), ..Self::default() })
    }

    /// One symmetric key without a name.
    pub fn from_secret(secret: &[u8]) -> Self {
        Self { keys: vec![Key::from_secret(secret)], current: Some(0), ..Self::default() }
    }

    /// Any keys; the first that can and may sign does.
    ///
    /// # Errors
    /// The first key that cannot be used. Keys for encryption (`"use":"enc"`) are passed over.
    pub fn from_jwks(jwks: &[Jwk]) -> Result<Self, KeyError> {
        let mut set = Self::default();
        for (at, jwk) in jwks.iter().enumerate().filter(|(_, jwk)| jwk.text("use") != Some("enc")) {
            set.push(at, jwk)?;
        }
        set.current = set.keys.iter().position(Key::can_sign);
        Ok(set)
    }

    /// GoTrue's `JWT_KEYS` (an array of JWKs, exactly one with `sign` in its `key_ops`) with `JWT_SECRET` behind it.
    ///
    /// Without any key, or with an empty array, the secret signs.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_gotrue(keys: Option<&str>, secret: Option<&str>) -> Result<Self, KeyError> {
        let jwks = match keys.map(str::trim).filter(|text| !text.is_empty()) {
            Some(text) => parse_jwks(text)?,
            None => Vec::new(),
        };
        let signing = jwks.iter().filter(|jwk| jwk.allows("sign") == Some(true)).count();
        if signing != 1 && !jwks.is_empty() {
            return Err(KeyError::SigningKeys(signing));
        }
        Self::from_keys_and_secret(&jwks, secret)
    }

    /// The keys of `signing_keys_path` (a JSON array as `supabase gen signing-key` writes it: the first one signs), with the
    /// project's secret behind them for the tokens that were made before.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_signing_keys(text: &str, secret: Option<&str>) -> Result<Self, KeyError> {
        Self::from_keys_and_secret(&parse_jwks(text)?, secret)
    }

    /// Keys (the first that may sign does) and a plain secret that verifies, and signs where no key can.
    pub(super) fn from_keys_and_secret(jwks: &[Jwk], secret: Option<&str>) -> Result<Self, KeyError> {
        let mut set = Self { rule: KidRule::SecretFallback, ..Self::default() };
        for (at, jwk) in jwks.iter().enumerate() {
            set.push(at, jwk)?;
            if set.current.is_none() && jwk.allows("sign") != Some(false) {
                set.current = set.keys.len().checked_sub(1).filter(|last| set.keys[*last].can_sign());
            }
        }
        if let Some(secret) = secret.filter(|secret| !secret.is_empty()) {
            set.keys.push(Key::from_secret(secret.as_bytes()));
            set.current = set.current.or(set.keys.len().checked_sub(1));
        }
        Ok(set)
    }

    fn push(&mut self, at: usize, jwk: &Jwk) -> Result<(), KeyError> {
        let key = Key::from_jwk(jwk).map_err(|reason| KeyError::Key {
            kid: jwk.kid().map_or_else(|| format!("number {}", at + 1), str::to_owned),
            reason,
        })?;
        self.keys.push(key);
        self.public.extend(jwk.public());
        Ok(())
    }

    /// The same keys under another rule for `kid`.
    #[must_use]
    pub fn with_rule(mut self, rule: KidRule) -> Self {
        self.rule = rule;
        self
    }

    /// Is there no key at all? PostgREST then answers PGRST300.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The name of the signing key, if it has one.
    pub fn signing_kid(&self) -> Option<&str> {
        self.current.and_then(|at| self.keys.get(at)?.kid.as_deref())
    }

    /// The algorithm of the signing key.
    pub fn signing_algorithm(&self) -> Option<Algorithm> {
        self.current.map(|at| self.keys[at].algorithm())
    }

    /// Checks the form and the signature of a token, and nothing else.
    ///
    /// # Errors
    /// [`VerifyError`], up to [`VerifyError::ClaimsUnreadable`].
    pub fn verify_signature(&self, token: &str) -> Result<Verified, VerifyError> {
        let (header, signed, payload, signature) = split(token)?;
        let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| VerifyError::Malformed("claims"))?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| VerifyError::Malformed("signature"))?;
        let kid = header.kid.as_deref();
        let suits = |key: &&Key| key.supports(header.algorithm) && (kid.is_none() || key.kid.as_deref() == kid);
        let mut candidates: Vec<&Key> = self.keys.iter().filter(suits).collect();
        if candidates.is_empty() && self.rule == KidRule::SecretFallback && header.algorithm == Algorithm::HS256 {
            candidates.extend(self.keys.iter().filter(|key| key.kid.is_none() && key.supports(Algorithm::HS256)));
        }
        if candidates.is_empty() {
            return Err(VerifyError::NoSuitableKey { kid: header.kid, algorithm: header.algorithm });
        }
        if !candidates.into_iter().any(|key| key.verify(header.algorithm, signed.as_bytes(), &signature)) {
            return Err(VerifyError::Signature);
        }
        let claims = serde_json::from_slice(&payload).map_err(|_| VerifyError::ClaimsUnreadable)?;
        Ok(Verified { header, claims, payload: payload.into() })
    }

    /// Signs claims with the current key. They are written in the order in which they serialize.
    ///
    /// # Errors
    /// [`KeyError::CannotSign`].
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, KeyError> {
        let json = serde_json::to_string(claims).map_err(|e| KeyError::Unreadable(e.to_string()))?;
        self.sign_json(&json)
    }

    /// Signs claims that are JSON already.
    ///
    /// # Errors
    /// [`KeyError::CannotSign`].
    pub fn sign_json(&self, claims: &str) -> Result<String, KeyError> {
        let key = self.current.map(|at| &self.keys[at]).ok_or(KeyError::CannotSign)?;
        // The order of GoTrue's header, which Go sorts.
        let header = match &key.kid {
            Some(kid) => json!({ "alg": key.algorithm().name(), "kid": kid, "typ": "JWT" }),
            None => json!({ "alg": key.algorithm().name(), "typ": "JWT" }),
        };
        let mut token = URL_SAFE_NO_PAD.encode(header.to_string());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = key.sign(token.as_bytes()).ok_or(KeyError::CannotSign)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    /// What `/.well-known/jwks.json` shows: public keys, never a symmetric one.
    pub fn public_jwks(&self) -> Value {
        json!({ "keys": self.public })
    }
}

/// The claims of a token that nobody has verified: only to choose a key or an issuer by.
///
/// # Errors
/// As [`KeySet::verify_signature`], without the keys.
pub fn unverified_claims(token: &str) -> Result<(Header, Map<String, Value>), VerifyError> {
    let (header, _, payload, _) = split(token)?;
    let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| VerifyError::ClaimsUnreadable)?;
    Ok((header, serde_json::from_slice(&payload).map_err(|_| VerifyError::ClaimsUnreadable)?))
}

/// Header, what is signed, claims and signature.
fn split(token: &str) -> Result<(Header, &str, &str, &str), VerifyError> {
    if token.is_empty() {
        return Err(VerifyError::Empty);
    }
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(VerifyError::Parts(token.split('.').count()));
    };
    let signed = &token[..header.len() + 1 + payload.len()];
    Ok((parse_header(header)?, signed, payload, signature))
}

fn parse_header(text: &str) -> Result<Header, VerifyError> {
    #[derive(Deserialize)]
    struct Wire {
        alg: String,
        kid: Option<String>,
        crit: Option<Value>,
    }
    let malformed = VerifyError::Malformed("header");
    let Ok(json) = URL_SAFE_NO_PAD.decode(text) else { return Err(malformed) };
    let Ok(wire) = serde_json::from_slice::<Wire>(&json) else { return Err(malformed) };
    if wire.alg == "none" {
        return Err(VerifyError::Unsecured);
    }
    // RFC 7515 §4.1.11: what is marked critical must be understood, and nothing of it is here.
    if wire.crit.is_some() {
        return Err(VerifyError::UnknownAlgorithm("crit".into()));
    }
    let algorithm = Algorithm::parse(&wire.alg).ok_or(VerifyError::UnknownAlgorithm(wire.alg))?;
    Ok(Header { algorithm, kid: wire.kid })
}

/// A JWKS, an array of JWKs, or one JWK.
pub(super) fn parse_jwks(text: &str) -> Result<Vec<Jwk>, KeyError> {
    let unreadable = |reason: String| KeyError::Unreadable(reason);
    // The parser's message would quote the text, which holds private keys: only the place is told.
    let value: Value = serde_json::from_str(text)
        .map_err(|e| unreadable(format!("not JSON at line {} column {}", e.line(), e.column())))?;
    let list = match value {
        Value::Object(mut members) => match members.shift_remove("keys") {
            Some(Value::Array(list)) => list,
            Some(_) => return Err(unreadable("\"keys\" is not an array".into())),
            None => vec![Value::Object(members)],
        },
        Value::Array(list) => list,
        _ => return Err(unreadable("neither an object nor an array".into())),
    };
    list.into_iter()
        .enumerate()
        .map(|(at, one)| match one {
            Value::Object(members) => Ok(Jwk::new(members)),
            _ => Err(unreadable(format!("key {} is not an object", at + 1))),
        })
        .collect()
}
