//! Firebase's scrypt as GoTrue imports it: `$fbscrypt$v=1,n=14,r=8,p=1,ss=<separator>,sk=<signer key>$<salt>$<hash>`.
//!
//! scrypt makes a key of password, salt and separator; the hash is the project's signer key, encrypted with it by AES-256-CTR.

use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::PasswordError;
use crate::equal_in_constant_time;

/// 2^17 · r 8 is 128 MiB, which is what one sign-in may take.
const MAX_LOG_N: u8 = 17;

pub(super) struct Parsed {
    params: scrypt::Params,
    salt: Vec<u8>,
    signer_key: Vec<u8>,
    hash: Vec<u8>,
}

pub(super) fn verify(password: &[u8], text: &str) -> Result<bool, PasswordError> {
    let parsed = parse(text)?;
    let mut key = [0; 32];
    scrypt::scrypt(password, &parsed.salt, &parsed.params, &mut key).map_err(wrong)?;
    let key = UnboundCipherKey::new(&AES_256, &key).and_then(EncryptingKey::ctr).map_err(wrong)?;
    let mut made = parsed.signer_key;
    key.less_safe_encrypt(&mut made, EncryptionContext::Iv128(FixedLength::from([0; 16]))).map_err(wrong)?;
    Ok(equal_in_constant_time(&made, &parsed.hash))
}

pub(super) fn parse(text: &str) -> Result<Parsed, PasswordError> {
    let mut parts = text.strip_prefix("$fbscrypt$").ok_or(PasswordError::UnknownForm)?.split('$');
    let mut next = || parts.next().ok_or(PasswordError::UnknownForm);
    let decode = |text: &str| STANDARD.decode(text).map_err(|_| PasswordError::UnknownForm);
    let number = |text: &str| text.parse::<u32>().map_err(|_| PasswordError::UnknownForm);
    let (mut log_n, mut r, mut p, mut separator, mut signer_key) = (None, None, None, Vec::new(), None);
    for pair in next()?.split(',') {
        // Values are base64 and may end in `=`: only the first one separates.
        let (name, value) = pair.split_once('=').ok_or(PasswordError::UnknownForm)?;
        match name {
            "v" if value == "1" => {}
            "n" => log_n = u8::try_from(number(value)?).ok(),
            "r" => r = Some(number(value)?),
            "p" => p = Some(number(value)?),
            "ss" => separator = decode(value)?,
            "sk" => signer_key = Some(decode(value)?),
            _ => return Err(PasswordError::Parameters(format!("fbscrypt {name}"))),
        }
    }
    let (Some(log_n), Some(r), Some(p), Some(signer_key)) = (log_n, r, p, signer_key) else {
        return Err(PasswordError::UnknownForm);
    };
    if log_n > MAX_LOG_N || r > 16 || p > 4 {
        return Err(PasswordError::Parameters(format!("fbscrypt n={log_n},r={r},p={p}")));
    }
    let params = scrypt::Params::new(log_n, r, p).map_err(wrong)?;
    let mut salt = decode(next()?)?;
    salt.extend_from_slice(&separator);
    Ok(Parsed { params, salt, signer_key, hash: decode(next()?)? })
}

fn wrong(error: impl std::fmt::Display) -> PasswordError {
    PasswordError::Parameters(format!("fbscrypt: {error}"))
}
