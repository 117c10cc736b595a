//! argon2 in PHC strings: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`, base64 without padding.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::PasswordError;
use crate::{equal_in_constant_time, random};

/// 256 MiB: an import must not be able to exhaust the server's memory at each sign-in.
const MAX_MEMORY_KIB: u32 = 256 * 1024;
const MAX_PASSES: u32 = 32;
/// OWASP's Password Storage Cheat Sheet, first choice for argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

pub(super) struct Parsed {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

pub(super) fn hash(password: &[u8]) -> Result<String, PasswordError> {
    let salt = random::bytes::<16>();
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(32)).map_err(wrong)?;
    let mut out = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password, &salt, &mut out)
        .map_err(wrong)?;
    Ok(format!(
        "$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1${}${}",
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(out)
    ))
}

pub(super) fn verify(password: &[u8], text: &str) -> Result<bool, PasswordError> {
    let parsed = parse(text)?;
    let mut out = vec![0; parsed.hash.len()];
    Argon2::new(parsed.algorithm, parsed.version, parsed.params)
        .hash_password_into(password, &parsed.salt, &mut out)
        .map_err(wrong)?;
    Ok(equal_in_constant_time(&out, &parsed.hash))
}

pub(super) fn parse(text: &str) -> Result<Parsed, PasswordError> {
    let mut parts = text.strip_prefix('$').ok_or(PasswordError::UnknownForm)?.split('$');
    let mut next = || parts.next().ok_or(PasswordError::UnknownForm);
    let algorithm = match next()? {
        "argon2id" => Algorithm::Argon2id,
        "argon2i" => Algorithm::Argon2i,
        "argon2d" => Algorithm::Argon2d,
        _ => return Err(PasswordError::UnknownForm),
    };
    let version = match next()? {
        "v=19" => Version::V0x13,
        "v=16" => Version::V0x10,
        other => return Err(PasswordError::Parameters(format!("argon2 {other}"))),
    };
    let (mut memory, mut passes, mut lanes) = (None, None, None);
    for pair in next()?.split(',') {
        let (name, value) = pair.split_once('=').ok_or(PasswordError::UnknownForm)?;
        let value = value.parse::<u32>().map_err(|_| PasswordError::Parameters(format!("argon2 {pair}")))?;
        match name {
            "m" => memory = Some(value),
            "t" => passes = Some(value),
            "p" => lanes = Some(value),
            _ => return Err(PasswordError::Parameters(format!("argon2 {name}"))),
        }
    }
    let (Some(memory), Some(passes), Some(lanes)) = (memory, passes, lanes) else {
        return Err(PasswordError::UnknownForm);
    };
    if memory > MAX_MEMORY_KIB || passes > MAX_PASSES {
        return Err(PasswordError::Parameters(format!(
            "argon2 m={memory},t={passes} is above m={MAX_MEMORY_KIB},t={MAX_PASSES}"
        )));
    }
    let decode = |text: &str| STANDARD_NO_PAD.decode(text).map_err(|_| PasswordError::UnknownForm);
    let (salt, hash) = (decode(next()?)?, decode(next()?)?);
    let params = Params::new(memory, passes, lanes, Some(hash.len())).map_err(wrong)?;
    Ok(Parsed { algorithm, version, params, salt, hash })
}

fn wrong(error: impl std::fmt::Display) -> PasswordError {
    PasswordError::Parameters(format!("argon2: {error}"))
}
