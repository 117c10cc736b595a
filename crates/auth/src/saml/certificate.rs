//! X.509 as SAML uses it: a wrapping around a public key, trusted because an administrator stored it.

use aws_lc_rs::signature::{self, RsaParameters, UnparsedPublicKey, VerificationAlgorithm};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The key of an identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublicKey {
    kind: Kind,
    /// SubjectPublicKeyInfo for RSA; the bare point for a curve.
    der: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
    P521,
}

/// Signatures that are good today; what says SHA-1, DSA or HMAC is not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    RsaSha256,
    RsaSha384,
    RsaSha512,
    EcdsaSha256,
    EcdsaSha384,
    EcdsaSha512,
}

impl Scheme {
    /// By the URI of XML Signature (RFC 6931).
    pub fn parse(uri: &str) -> Option<Self> {
        Some(match uri {
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" => Self::RsaSha256,
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384" => Self::RsaSha384,
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512" => Self::RsaSha512,
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256" => Self::EcdsaSha256,
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384" => Self::EcdsaSha384,
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512" => Self::EcdsaSha512,
            _ => return None,
        })
    }
}

impl PublicKey {
    /// The key in a certificate, in base64 with any white space, as metadata has it.
    ///
    /// # Errors
    /// A sentence: no certificate, or a kind of key that is not supported.
    pub fn of_certificate(base64: &str) -> Result<Self, String> {
        let compact: String = base64.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let der = STANDARD.decode(compact).map_err(|_| "a certificate is not base64".to_owned())?;
        let info = public_key_info(&der).ok_or_else(|| "a certificate cannot be read".to_owned())?;
        Self::of_info(info)
    }

    fn of_info(info: &[u8]) -> Result<Self, String> {
        let unreadable = || "the key of a certificate cannot be read".to_owned();
        let body = Element::read(info).ok_or_else(unreadable)?.content;
        let algorithm = Element::read(body).ok_or_else(unreadable)?;
        let oid = Element::read(algorithm.content).ok_or_else(unreadable)?;
        let curve = Element::read(oid.rest).map(|curve| curve.content);
        let point = Element::read(algorithm.rest).and_then(|bits| bits.content.get(1..)).ok_or_else(unreadable)?;
        let kind = match (oid.content, curve) {
            // 1.2.840.113549.1.1.1
            ([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1], _) => {
                return Ok(Self { kind: Kind::Rsa, der: info.to_vec() });
            }
            // 1.2.840.10045.2.1 with prime256v1, secp384r1, secp521r1
            ([0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1], Some([0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7])) => Kind::P256,
            ([0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1], Some([0x2b, 0x81, 0x04, 0, 0x22])) => Kind::P384,
            ([0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1], Some([0x2b, 0x81, 0x04, 0, 0x23])) => Kind::P521,
            _ => return Err("the key of a certificate is neither RSA nor of a NIST curve".to_owned()),
        };
        Ok(Self { kind, der: point.to_vec() })
    }

    /// Is this a good signature? An RSA key has 2048 bits at least.
    pub fn verifies(&self, scheme: Scheme, message: &[u8], signature: &[u8]) -> bool {
        let rsa: Option<&'static RsaParameters> = match scheme {
            Scheme::RsaSha256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
            Scheme::RsaSha384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
            Scheme::RsaSha512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
            _ => None,
        };
        let algorithm: &'static dyn VerificationAlgorithm = match (self.kind, scheme, rsa) {
            (Kind::Rsa, _, Some(parameters)) => parameters,
            (Kind::P256, Scheme::EcdsaSha256, _) => &signature::ECDSA_P256_SHA256_FIXED,
            (Kind::P384, Scheme::EcdsaSha384, _) => &signature::ECDSA_P384_SHA384_FIXED,
            (Kind::P521, Scheme::EcdsaSha512, _) => &signature::ECDSA_P521_SHA512_FIXED,
            _ => return false,
        };
        UnparsedPublicKey::new(algorithm, &self.der).verify(message, signature).is_ok()
    }
}

/// SubjectPublicKeyInfo, whole, of a certificate (RFC 5280 §4.1).
fn public_key_info(certificate: &[u8]) -> Option<&[u8]> {
    let whole = Element::read(certificate)?;
    let mut rest = Element::read(whole.content)?.content;
    // Version is optional, and tagged [0].
    if Element::read(rest)?.tag == 0xa0 {
        rest = Element::read(rest)?.rest;
    }
    // serialNumber, signature, issuer, validity, subject
    for _ in 0..5 {
        rest = Element::read(rest)?.rest;
    }
    let info = Element::read(rest)?;
    rest.get(..rest.len() - info.rest.len())
}

/// One element of DER.
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Element<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (tag, rest) = bytes.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (len, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (digits.iter().fold(0_usize, |len, digit| (len << 8) | usize::from(*digit)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(len)?;
        Some(Self { tag: *tag, content, rest })
    }
}
