//! Proof key for code exchange (RFC 7636).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{Code, Error};

/// What a client sent to bind a flow to itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Challenge {
    pub challenge: String,
    /// `s256` or `plain`.
    pub method: &'static str,
}

/// Reads the pair `code_challenge`, `code_challenge_method`: both or neither. `None`: the implicit flow.
///
/// # Errors
/// 400 `validation_failed`.
pub(crate) fn challenge(challenge: &str, method: &str) -> Result<Option<Challenge>, Error> {
    if challenge.is_empty() != method.is_empty() {
        return Err(Error::invalid("PKCE flow requires code_challenge_method and code_challenge"));
    }
    if challenge.is_empty() {
        return Ok(None);
    }
    let method = match method.to_ascii_lowercase().as_str() {
        "s256" => "s256",
        "plain" => "plain",
        _ => return Err(Error::invalid("invalid code_challenge_method")),
    };
    if !(43..=128).contains(&challenge.len()) {
        return Err(Error::invalid("code challenge has to be between 43 and 128 characters"));
    }
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    if !challenge.bytes().all(allowed) {
        return Err(Error::invalid(
            "code challenge can only contain alphanumeric characters, hyphens, periods, underscores and tildes",
        ));
    }
    Ok(Some(Challenge { challenge: challenge.to_owned(), method }))
}

/// Does the verifier belong to the stored challenge?
///
/// # Errors
/// 400 `bad_code_verifier`.
pub(crate) fn verify(challenge: &str, method: &str, verifier: &str) -> Result<(), Error> {
    let computed = match method {
        "s256" => URL_SAFE_NO_PAD.encode(crypto::sha256(verifier.as_bytes())),
        _ => verifier.to_owned(),
    };
    if !verifier.is_empty() && crypto::equal_in_constant_time(computed.as_bytes(), challenge.as_bytes()) {
        return Ok(());
    }
    Err(Error::bad_request(Code::BadCodeVerifier, "code challenge does not match previously saved code verifier"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_example_of_the_rfc() {
        assert!(verify(CHALLENGE, "s256", VERIFIER).is_ok());
        assert!(verify(CHALLENGE, "s256", "other").is_err());
        assert!(verify(CHALLENGE, "plain", CHALLENGE).is_ok());
        assert!(verify("", "plain", "").is_err());
    }

    #[test]
    fn both_or_neither() {
        assert_eq!(challenge("", "").unwrap(), None);
        assert_eq!(challenge(CHALLENGE, "S256").unwrap().unwrap().method, "s256");
        for (c, m) in [(CHALLENGE, ""), ("", "s256"), (CHALLENGE, "md5"), ("short", "s256"), (&"%".repeat(50), "plain")]
        {
            assert!(challenge(c, m).is_err(), "{c} {m}");
        }
    }
}
