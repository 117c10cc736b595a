use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Padding is forbidden by RFC 7515 but written by some.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A JSON Web Key (RFC 7517), kept as it was written. It may hold a private key: it has no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Jwk(Map<String, Value>);

impl Jwk {
    /// Takes a JSON object.
    pub fn new(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// A symmetric key.
    pub fn from_secret(secret: &[u8], kid: Option<&str>) -> Self {
        let mut members = Map::new();
        members.insert("kty".into(), "oct".into());
        members.insert("k".into(), LENIENT.encode(secret).into());
        members.insert("alg".into(), "HS256".into());
        if let Some(kid) = kid {
            members.insert("kid".into(), kid.into());
        }
        Self(members)
    }

    /// The members as written.
    pub fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The name of the key.
    pub fn kid(&self) -> Option<&str> {
        self.text("kid")
    }

    /// A member that is a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A member in base64url.
    pub(super) fn bytes(&self, name: &str) -> Result<Vec<u8>, String> {
        let text = self.text(name).ok_or_else(|| format!("{name:?} is missing"))?;
        LENIENT.decode(text).map_err(|_| format!("{name:?} is not base64url"))
    }

    /// Is it of a type, and for an algorithm if it names one, that signs?
    pub(super) fn may_verify(&self) -> bool {
        let type_is_known = matches!(self.text("kty"), Some("oct" | "RSA" | "EC" | "OKP"));
        type_is_known && self.text("alg").is_none_or(|name| super::Algorithm::parse(name).is_some())
    }

    /// Is there a private part?
    pub fn is_private(&self) -> bool {
        self.0.contains_key("d") || self.text("kty") == Some("oct")
    }

    /// Does `key_ops` name the operation? `None` where there is no `key_ops`.
    pub(super) fn allows(&self, operation: &str) -> Option<bool> {
        let operations = self.0.get("key_ops")?.as_array()?;
        Some(operations.iter().any(|one| one.as_str() == Some(operation)))
    }

    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.into(), value);
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.shift_remove(name);
    }

    /// What may be published: `None` for a symmetric key.
    pub fn public(&self) -> Option<Map<String, Value>> {
        let names: &[&str] = match self.text("kty")? {
            "RSA" => &["alg", "e", "kid", "kty", "n"],
            "EC" => &["alg", "crv", "kid", "kty", "x", "y"],
            "OKP" => &["alg", "crv", "kid", "kty", "x"],
            _ => return None,
        };
        let mut public = Map::new();
        for name in names {
            if let Some(value) = self.0.get(*name) {
                public.insert((*name).to_owned(), value.clone());
            }
        }
        public.insert("use".into(), "sig".into());
        public.insert("key_ops".into(), Value::Array(vec!["verify".into()]));
        Some(public)
    }
}

pub(super) fn encode(bytes: &[u8]) -> Value {
    Value::String(LENIENT.encode(bytes))
}
