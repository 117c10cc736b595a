//! New signing keys.

use aws_lc_rs::encoding::{AsBigEndian, AsDer, Curve25519SeedBin, EcPrivateKeyBin, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair as RsaPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair,
};
use serde_json::{Map, Value, json};

use super::jwk::{Jwk, encode};
use super::{Algorithm, KeyError};
use crate::random;

/// Makes a private JWK with a random kid, as `supabase gen signing-key` does: it may sign and verify.
///
/// # Errors
/// Where the cryptographic library fails.
pub fn generate(algorithm: Algorithm) -> Result<Jwk, KeyError> {
    let mut members = Map::new();
    members.insert("kid".into(), random::uuid().to_string().into());
    members.insert("alg".into(), algorithm.name().into());
    members.insert("use".into(), "sig".into());
    members.insert("key_ops".into(), json!(["sign", "verify"]));
    let made = match algorithm {
        Algorithm::HS256 => symmetric(&random::bytes::<32>()),
        Algorithm::HS384 => symmetric(&random::bytes::<48>()),
        Algorithm::HS512 => symmetric(&random::bytes::<64>()),
        Algorithm::ES256 | Algorithm::ES384 | Algorithm::ES512 => elliptic(algorithm),
        Algorithm::EdDSA => edwards(),
        _ => rsa(),
    };
    let made = made.ok_or_else(|| KeyError::Unreadable(format!("no {algorithm} key could be made")))?;
    members.extend(made);
    Ok(Jwk::new(members))
}

type Members = Vec<(String, Value)>;

fn member(name: &str, bytes: &[u8]) -> (String, Value) {
    (name.to_owned(), encode(bytes))
}

fn symmetric(secret: &[u8]) -> Option<Members> {
    Some(vec![("kty".into(), "oct".into()), member("k", secret)])
}

fn elliptic(algorithm: Algorithm) -> Option<Members> {
    let (parameters, curve, width) = match algorithm {
        Algorithm::ES384 => (&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384", 48),
        Algorithm::ES512 => (&ECDSA_P521_SHA512_FIXED_SIGNING, "P-521", 66),
        _ => (&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256", 32),
    };
    let pair = EcdsaKeyPair::generate(parameters).ok()?;
    let private: EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes().ok()?;
    // 0x04, x, y (SEC 1 §2.3.3).
    let point = pair.public_key().as_ref();
    Some(vec![
        ("kty".into(), "EC".into()),
        ("crv".into(), curve.into()),
        member("x", point.get(1..=width)?),
        member("y", point.get(1 + width..)?),
        member("d", private.as_ref()),
    ])
}

fn edwards() -> Option<Members> {
    let pair = Ed25519KeyPair::generate().ok()?;
    let seed = pair.seed().ok()?;
    let private: Curve25519SeedBin<'_> = seed.as_be_bytes().ok()?;
    Some(vec![
        ("kty".into(), "OKP".into()),
        ("crv".into(), "Ed25519".into()),
        member("x", pair.public_key().as_ref()),
        member("d", private.as_ref()),
    ])
}

fn rsa() -> Option<Members> {
    let pair = RsaPair::generate(KeySize::Rsa2048).ok()?;
    let pkcs8: Pkcs8V1Der<'_> = pair.as_der().ok()?;
    // PKCS#8: SEQUENCE { version, algorithm, OCTET STRING { RFC 8017 A.1.2 RSAPrivateKey } }
    let (_, outer, _) = der(pkcs8.as_ref())?;
    let (_, _, rest) = der(outer)?;
    let (_, _, rest) = der(rest)?;
    let (_, inner, _) = der(rest)?;
    let (_, mut numbers, _) = der(inner)?;
    let (_, _, after_version) = der(numbers)?;
    numbers = after_version;
    let mut members: Members = vec![("kty".into(), "RSA".into())];
    for name in ["n", "e", "d", "p", "q", "dp", "dq", "qi"] {
        let (_, number, rest) = der(numbers)?;
        let unsigned = match number {
            [0, rest @ ..] if !rest.is_empty() => rest,
            all => all,
        };
        members.push(member(name, unsigned));
        numbers = rest;
    }
    Some(members)
}

/// One DER element: tag, content, what follows.
fn der(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (len, rest) = if first & 0x80 == 0 {
        (usize::from(*first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        (digits.iter().try_fold(0_usize, |len, digit| len.checked_mul(256)?.checked_add(usize::from(*digit)))?, rest)
    };
    let (content, rest) = rest.split_at_checked(len)?;
    Some((*tag, content, rest))
}
