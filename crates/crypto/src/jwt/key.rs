//! One key, ready to use: parsed once, bound to the algorithms of its type.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPairComponents;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, Ed25519KeyPair, ParsedPublicKey, RsaKeyPair,
    RsaParameters, RsaPublicKeyComponents, RsaSignatureEncoding,
};

use super::Algorithm as A;
use super::jwk::Jwk;

pub(super) struct Key {
    pub(super) kid: Option<String>,
    /// In the order of preference for signing.
    verifiers: Vec<(A, Verifier)>,
    signer: Option<Signer>,
}

enum Verifier {
    Hmac(Box<hmac::Key>),
    Public(Box<ParsedPublicKey>),
}

enum Signer {
    Hmac(Box<hmac::Key>),
    Rsa(Box<RsaKeyPair>, &'static RsaSignatureEncoding),
    Ec(Box<EcdsaKeyPair>),
    Ed(Box<Ed25519KeyPair>),
}

impl Key {
    /// A plain secret: all three HMACs, no kid.
    pub(super) fn from_secret(secret: &[u8]) -> Self {
        Self::hmac(None, secret, &[A::HS256, A::HS384, A::HS512])
    }

    /// A plain secret as PostgREST binds it: HS256 and nothing else, no kid.
    pub(super) fn for_hs256(secret: &[u8]) -> Self {
        Self::hmac(None, secret, &[A::HS256])
    }

    pub(super) fn from_jwk(jwk: &Jwk) -> Result<Self, String> {
        let declared = match jwk.text("alg") {
            Some(name) => Some(A::parse(name).ok_or_else(|| format!("algorithm {name:?} is not supported"))?),
            None => None,
        };
        let kid = jwk.kid().map(str::to_owned);
        // A key is only good for the algorithm it names; without a name, for all of its type.
        let bound = |of_type: &[A]| -> Result<Vec<A>, String> {
            match declared {
                Some(one) if of_type.contains(&one) => Ok(vec![one]),
                Some(one) => Err(format!("algorithm {one} does not go with this type of key")),
                None => Ok(of_type.to_vec()),
            }
        };
        match (jwk.text("kty"), jwk.text("crv")) {
            (Some("oct"), _) => {
                let secret = jwk.bytes("k")?;
                if secret.is_empty() {
                    return Err("\"k\" is empty".into());
                }
                Ok(Self::hmac(kid, &secret, &bound(&[A::HS256, A::HS384, A::HS512])?))
            }
            (Some("RSA"), _) => {
                Self::rsa(kid, jwk, &bound(&[A::RS256, A::RS384, A::RS512, A::PS256, A::PS384, A::PS512])?)
            }
            (Some("EC"), Some("P-256")) => Self::ec(kid, jwk, bound(&[A::ES256])?[0]),
            (Some("EC"), Some("P-384")) => Self::ec(kid, jwk, bound(&[A::ES384])?[0]),
            (Some("EC"), Some("P-521")) => Self::ec(kid, jwk, bound(&[A::ES512])?[0]),
            (Some("OKP"), Some("Ed25519")) => {
                bound(&[A::EdDSA])?;
                Self::ed(kid, jwk)
            }
            (kty, crv) => Err(format!("a key of type {kty:?} on curve {crv:?} is not supported")),
        }
    }

    fn hmac(kid: Option<String>, secret: &[u8], algorithms: &[A]) -> Self {
        let key = |algorithm: A| hmac::Key::new(hmac_hash(algorithm), secret);
        Self {
            kid,
            verifiers: algorithms.iter().map(|a| (*a, Verifier::Hmac(Box::new(key(*a))))).collect(),
            signer: Some(Signer::Hmac(Box::new(key(algorithms[0])))),
        }
    }

    fn rsa(kid: Option<String>, jwk: &Jwk, algorithms: &[A]) -> Result<Self, String> {
        let trimmed = |name: &str| jwk.bytes(name).map(without_leading_zeros);
        let public = RsaPublicKeyComponents { n: trimmed("n")?, e: trimmed("e")? };
        let mut verifiers = Vec::new();
        for algorithm in algorithms {
            let (parameters, _) = rsa_parameters(*algorithm);
            let parsed = public
                .to_parsed_public_key(parameters)
                .map_err(|_| "the RSA key is refused (it must have 2048 to 8192 bits)".to_owned())?;
            verifiers.push((*algorithm, Verifier::Public(Box::new(parsed))));
        }
        let signer = if jwk.is_private() {
            let pair = RsaKeyPair::from_components(&KeyPairComponents {
                public_key: public,
                d: jwk.bytes("d")?,
                p: jwk.bytes("p")?,
                q: jwk.bytes("q")?,
                dP: jwk.bytes("dp")?,
                dQ: jwk.bytes("dq")?,
                qInv: jwk.bytes("qi")?,
            })
            .map_err(|_| "the private RSA key is inconsistent".to_owned())?;
            Some(Signer::Rsa(Box::new(pair), rsa_parameters(algorithms[0]).1))
        } else {
            None
        };
        Ok(Self { kid, verifiers, signer })
    }

    fn ec(kid: Option<String>, jwk: &Jwk, algorithm: A) -> Result<Self, String> {
        let (verification, signing, width) = ec_parameters(algorithm);
        let mut point = vec![4];
        point.extend(padded(jwk.bytes("x")?, width)?);
        point.extend(padded(jwk.bytes("y")?, width)?);
        let parsed = ParsedPublicKey::new(verification, &point)
            .map_err(|_| "\"x\" and \"y\" are no point of the curve".to_owned())?;
        let signer = if jwk.is_private() {
            let private = padded(jwk.bytes("d")?, width)?;
            let pair = EcdsaKeyPair::from_private_key_and_public_key(signing, &private, &point)
                .map_err(|_| "\"d\" does not belong to \"x\" and \"y\"".to_owned())?;
            Some(Signer::Ec(Box::new(pair)))
        } else {
            None
        };
        Ok(Self { kid, verifiers: vec![(algorithm, Verifier::Public(Box::new(parsed)))], signer })
    }

    fn ed(kid: Option<String>, jwk: &Jwk) -> Result<Self, String> {
        let public = jwk.bytes("x")?;
        let parsed = ParsedPublicKey::new(&signature::ED25519, &public)
            .map_err(|_| "\"x\" is no public key of Ed25519".to_owned())?;
        let signer = if jwk.is_private() {
            let pair = Ed25519KeyPair::from_seed_and_public_key(&jwk.bytes("d")?, &public)
                .map_err(|_| "\"d\" does not belong to \"x\"".to_owned())?;
            Some(Signer::Ed(Box::new(pair)))
        } else {
            None
        };
        Ok(Self { kid, verifiers: vec![(A::EdDSA, Verifier::Public(Box::new(parsed)))], signer })
    }

    /// The algorithm that [`Key::sign`] uses.
    pub(super) fn algorithm(&self) -> A {
        self.verifiers[0].0
    }

    pub(super) fn supports(&self, algorithm: A) -> bool {
        self.verifiers.iter().any(|(own, _)| *own == algorithm)
    }

    pub(super) fn can_sign(&self) -> bool {
        self.signer.is_some()
    }

    pub(super) fn verify(&self, algorithm: A, message: &[u8], signature: &[u8]) -> bool {
        self.verifiers.iter().any(|(own, verifier)| {
            *own == algorithm
                && match verifier {
                    Verifier::Hmac(key) => hmac::verify(key, message, signature).is_ok(),
                    Verifier::Public(key) => key.verify_sig(message, signature).is_ok(),
                }
        })
    }

    /// `None` where only the public part is known, or the operating system has no randomness.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let rng = SystemRandom::new();
        match self.signer.as_ref()? {
            Signer::Hmac(key) => Some(hmac::sign(key, message).as_ref().to_vec()),
            Signer::Rsa(pair, encoding) => {
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &rng, message, &mut out).ok()?;
                Some(out)
            }
            Signer::Ec(pair) => Some(pair.sign(&rng, message).ok()?.as_ref().to_vec()),
            Signer::Ed(pair) => Some(pair.sign(message).as_ref().to_vec()),
        }
    }
}

fn hmac_hash(algorithm: A) -> hmac::Algorithm {
    match algorithm {
        A::HS384 => hmac::HMAC_SHA384,
        A::HS512 => hmac::HMAC_SHA512,
        _ => hmac::HMAC_SHA256,
    }
}

fn rsa_parameters(algorithm: A) -> (&'static RsaParameters, &'static RsaSignatureEncoding) {
    match algorithm {
        A::RS384 => (&signature::RSA_PKCS1_2048_8192_SHA384, &signature::RSA_PKCS1_SHA384),
        A::RS512 => (&signature::RSA_PKCS1_2048_8192_SHA512, &signature::RSA_PKCS1_SHA512),
        A::PS256 => (&signature::RSA_PSS_2048_8192_SHA256, &signature::RSA_PSS_SHA256),
        A::PS384 => (&signature::RSA_PSS_2048_8192_SHA384, &signature::RSA_PSS_SHA384),
        A::PS512 => (&signature::RSA_PSS_2048_8192_SHA512, &signature::RSA_PSS_SHA512),
        _ => (&signature::RSA_PKCS1_2048_8192_SHA256, &signature::RSA_PKCS1_SHA256),
    }
}

/// Verification, signing, and the bytes of a coordinate (RFC 7518 §6.2.1.2).
fn ec_parameters(algorithm: A) -> (&'static EcdsaVerificationAlgorithm, &'static EcdsaSigningAlgorithm, usize) {
    match algorithm {
        A::ES384 => (&signature::ECDSA_P384_SHA384_FIXED, &signature::ECDSA_P384_SHA384_FIXED_SIGNING, 48),
        A::ES512 => (&signature::ECDSA_P521_SHA512_FIXED, &signature::ECDSA_P521_SHA512_FIXED_SIGNING, 66),
        _ => (&signature::ECDSA_P256_SHA256_FIXED, &signature::ECDSA_P256_SHA256_FIXED_SIGNING, 32),
    }
}

fn without_leading_zeros(bytes: Vec<u8>) -> Vec<u8> {
    match bytes.iter().position(|b| *b != 0) {
        Some(0) | None => bytes,
        Some(first) => bytes[first..].to_vec(),
    }
}

/// Some writers drop leading zeros of coordinates.
fn padded(bytes: Vec<u8>, width: usize) -> Result<Vec<u8>, String> {
    if bytes.len() > width {
        return Err(format!("a coordinate of this curve has {width} bytes, this one {}", bytes.len()));
    }
    let mut out = vec![0; width - bytes.len()];
    out.extend(bytes);
    Ok(out)
}
