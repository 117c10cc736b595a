//! The two ceremonies of WebAuthn Level 3: §7.1 (registration) and §7.2 (authentication).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::cbor::{self, Cbor};

/// What a browser shows a prompt for, in milliseconds.
const TIMEOUT_MS: u64 = 300_000;
/// COSE's names of algorithms: ES256, EdDSA, RS256.
const ALGORITHMS: [i64; 3] = [-7, -8, -257];

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const HAS_CREDENTIAL: u8 = 0x40;

/// Who asks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RelyingParty {
    /// A domain.
    pub id: String,
    pub name: String,
    /// `https://…`, of which the browser's must be one.
    pub origins: Vec<String>,
}

/// Whose credential it is to be.
pub(super) struct Owner<'a> {
    pub id: &'a [u8],
    pub name: &'a str,
    pub display_name: &'a str,
}

/// A new credential.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Created {
    pub id: Vec<u8>,
    /// COSE_Key.
    pub public_key: Vec<u8>,
    pub sign_count: u32,
    pub aaguid: [u8; 16],
    pub format: String,
    pub transports: Vec<String>,
    pub backup_eligible: bool,
    pub backed_up: bool,
}

/// A proof of possession.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Proved {
    pub sign_count: u32,
    pub backed_up: bool,
    pub user_verified: bool,
}

/// `PublicKeyCredentialCreationOptionsJSON`.
pub(super) fn creation_options(
    rp: &RelyingParty,
    challenge: &str,
    owner: &Owner<'_>,
    exclude: &[Vec<u8>],
    resident: bool,
) -> Value {
    let parameters: Vec<Value> =
        ALGORITHMS.iter().map(|algorithm| json!({"type": "public-key", "alg": algorithm})).collect();
    json!({
        "rp": {"id": rp.id, "name": rp.name},
        "user": {"id": URL_SAFE_NO_PAD.encode(owner.id), "name": owner.name, "displayName": owner.display_name},
        "challenge": challenge,
        "pubKeyCredParams": parameters,
        "timeout": TIMEOUT_MS,
        "excludeCredentials": descriptors(exclude),
        "authenticatorSelection": {
            "residentKey": if resident { "required" } else { "preferred" }, "requireResidentKey": resident,
            "userVerification": "preferred",
        },
        "attestation": "none",
    })
}

/// `PublicKeyCredentialRequestOptionsJSON`.
pub(super) fn request_options(rp: &RelyingParty, challenge: &str, allow: &[Vec<u8>]) -> Value {
    let mut options = json!({
        "challenge": challenge, "timeout": TIMEOUT_MS, "rpId": rp.id, "userVerification": "preferred",
    });
    if !allow.is_empty() {
        options["allowCredentials"] = descriptors(allow);
    }
    options
}

fn descriptors(ids: &[Vec<u8>]) -> Value {
    ids.iter().map(|id| json!({"type": "public-key", "id": URL_SAFE_NO_PAD.encode(id)})).collect()
}

/// §7.1: `credential` is the `RegistrationResponseJSON` of the browser.
///
/// # Errors
/// What does not fit.
pub(super) fn verify_creation(rp: &RelyingParty, challenge: &str, credential: &Value) -> Result<Created, &'static str> {
    let response = &credential["response"];
    check_client_data(rp, challenge, "webauthn.create", &bytes(&response["clientDataJSON"])?)?;
    let attestation = bytes(&response["attestationObject"])?;
    let (attestation, rest) = cbor::read(&attestation).ok_or("the attestation object is not CBOR")?;
    if !rest.is_empty() {
        return Err("something follows the attestation object");
    }
    let format = match attestation.named("fmt") {
        Some(Cbor::Text(format)) => (*format).to_owned(),
        _ => return Err("the attestation object names no format"),
    };
    let data = attestation.named("authData").and_then(Cbor::bytes).ok_or("the attestation object has no authData")?;
    let authenticator = authenticator_data(rp, data)?;
    if authenticator.flags & HAS_CREDENTIAL == 0 {
        return Err("the authenticator gave no credential");
    }
    let (aaguid, rest) = authenticator.rest.split_first_chunk::<16>().ok_or("the authenticator data are cut")?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or("the authenticator data are cut")?;
    let (id, rest) =
        rest.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or("the authenticator data are cut")?;
    // §7.1 step 25.
    if id.is_empty() || id.len() > 1023 {
        return Err("the credential's id has a length that cannot be");
    }
    let (key, after) = cbor::read(rest).ok_or("the public key is not CBOR")?;
    let public_key = rest[..rest.len() - after.len()].to_vec();
    PublicKey::read(&key)?;
    if bytes(&credential["rawId"])? != id {
        return Err("the credential's id differs");
    }
    let transports = response["transports"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Ok(Created {
        id: id.to_vec(),
        public_key,
        sign_count: authenticator.sign_count,
        aaguid: *aaguid,
        format,
        transports: transports.take(8).map(|one| one.chars().take(32).collect()).collect(),
        backup_eligible: authenticator.flags & BACKUP_ELIGIBLE != 0,
        backed_up: authenticator.flags & BACKED_UP != 0,
    })
}

/// §7.2: `credential` is the `AuthenticationResponseJSON` of the browser, `public_key` and `sign_count` are those that were kept.
///
/// # Errors
/// What does not fit.
pub(super) fn verify_assertion(
    rp: &RelyingParty,
    challenge: &str,
    credential: &Value,
    public_key: &[u8],
    sign_count: u32,
) -> Result<Proved, &'static str> {
    let response = &credential["response"];
    let client_data = bytes(&response["clientDataJSON"])?;
    check_client_data(rp, challenge, "webauthn.get", &client_data)?;
    let data = bytes(&response["authenticatorData"])?;
    let authenticator = authenticator_data(rp, &data)?;
    let (key, _) = cbor::read(public_key).ok_or("the public key is not CBOR")?;
    let mut signed = data.clone();
    signed.extend_from_slice(&crypto::sha256(&client_data));
    PublicKey::read(&key)?.verify(&signed, &bytes(&response["signature"])?)?;
    // §7.2 step 22: a counter that does not grow belongs to a copy. Passkeys that are synced have none.
    if (authenticator.sign_count != 0 || sign_count != 0) && authenticator.sign_count <= sign_count {
        return Err("the authenticator's counter went back: it may have been copied");
    }
    Ok(Proved {
        sign_count: authenticator.sign_count,
        backed_up: authenticator.flags & BACKED_UP != 0,
        user_verified: authenticator.flags & USER_VERIFIED != 0,
    })
}

/// A member in base64url.
pub(super) fn bytes(value: &Value) -> Result<Vec<u8>, &'static str> {
    let text = value.as_str().ok_or("a member of the credential is missing")?;
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| "a member of the credential is not base64url")
}

fn check_client_data(rp: &RelyingParty, challenge: &str, kind: &str, json: &[u8]) -> Result<(), &'static str> {
    let data: Value = serde_json::from_slice(json).map_err(|_| "the client data are not JSON")?;
    if data["type"] != kind {
        return Err("the client data are of another ceremony");
    }
    let given = data["challenge"].as_str().unwrap_or_default().trim_end_matches('=');
    if !crypto::equal_in_constant_time(given.as_bytes(), challenge.as_bytes()) {
        return Err("the client data have another challenge");
    }
    let origin = data["origin"].as_str().unwrap_or_default();
    if !rp.origins.iter().any(|allowed| allowed.trim_end_matches('/') == origin) {
        return Err("the client data are of an origin that is not allowed");
    }
    if data["crossOrigin"] == true {
        return Err("the ceremony took place in a frame of another site");
    }
    Ok(())
}

struct AuthenticatorData<'a> {
    flags: u8,
    sign_count: u32,
    rest: &'a [u8],
}

fn authenticator_data<'a>(rp: &RelyingParty, data: &'a [u8]) -> Result<AuthenticatorData<'a>, &'static str> {
    let (rp_hash, rest) = data.split_first_chunk::<32>().ok_or("the authenticator data are cut")?;
    let (flags, rest) = rest.split_first().ok_or("the authenticator data are cut")?;
    let (count, rest) = rest.split_first_chunk::<4>().ok_or("the authenticator data are cut")?;
    if *rp_hash != crypto::sha256(rp.id.as_bytes()) {
        return Err("the credential is of another relying party");
    }
    if flags & USER_PRESENT == 0 {
        return Err("nobody touched the authenticator");
    }
    if flags & BACKED_UP != 0 && flags & BACKUP_ELIGIBLE == 0 {
        return Err("the authenticator contradicts itself about backups");
    }
    Ok(AuthenticatorData { flags: *flags, sign_count: u32::from_be_bytes(*count), rest })
}

/// COSE_Key (RFC 9052 §7, RFC 8812, RFC 8230).
enum PublicKey<'a> {
    P256 { x: &'a [u8], y: &'a [u8] },
    Ed25519(&'a [u8]),
    Rsa { n: &'a [u8], e: &'a [u8] },
}

impl<'a> PublicKey<'a> {
    fn read(key: &Cbor<'a>) -> Result<Self, &'static str> {
        let number = |at: i64| key.at(at).and_then(Cbor::integer);
        let part = |at: i64| key.at(at).and_then(Cbor::bytes).ok_or("the public key lacks a part");
        match (number(1), number(3), number(-1)) {
            (Some(2), Some(-7), Some(1)) => {
                let (x, y) = (part(-2)?, part(-3)?);
                if x.len() == 32 && y.len() == 32 { Ok(Self::P256 { x, y }) } else { Err("the public key is cut") }
            }
            (Some(1), Some(-8), Some(6)) => Ok(Self::Ed25519(part(-2)?)),
            (Some(3), Some(-257), _) => Ok(Self::Rsa { n: part(-1)?, e: part(-2)? }),
            _ => Err("the public key is of a kind that was not asked for"),
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), &'static str> {
        let verified = match self {
            Self::P256 { x, y } => {
                let point = [&[4], *x, *y].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
            }
            Self::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
            Self::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        verified.map_err(|_| "the signature is wrong")
    }
}
