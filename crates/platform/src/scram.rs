use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Is `verifier`, as `pg_authid.rolpassword` has it (`SCRAM-SHA-256$<rounds>:<salt>$<stored>:<server>`), that of `password`?
/// Saves writing a role anew on each start. Anything but a SCRAM verifier is not.
///
/// Passwords are compared as bytes: SASLprep, which PostgreSQL applies to some non-ASCII ones, would only make this say
/// no, and the role is then set again.
pub(crate) fn verifies(verifier: &str, password: &str) -> bool {
    parse(verifier).is_some_and(|(rounds, salt, stored)| stored_key(password.as_bytes(), &salt, rounds) == Some(stored))
}

fn parse(verifier: &str) -> Option<(u32, Vec<u8>, Vec<u8>)> {
    let (rounds, rest) = verifier.strip_prefix("SCRAM-SHA-256$")?.split_once(':')?;
    let (salt, keys) = rest.split_once('$')?;
    let (stored, _) = keys.split_once(':')?;
    Some((rounds.parse().ok()?, STANDARD.decode(salt).ok()?, STANDARD.decode(stored).ok()?))
}

/// RFC 5802: `H(HMAC(Hi(password, salt, rounds), "Client Key"))`.
fn stored_key(password: &[u8], salt: &[u8], rounds: u32) -> Option<Vec<u8>> {
    let key = Hmac::<Sha256>::new_from_slice(password).ok()?;
    let mut first = key.clone();
    first.update(salt);
    first.update(&1_u32.to_be_bytes());
    let mut block = first.finalize().into_bytes();
    let mut salted = block;
    for _ in 1..rounds {
        let mut next = key.clone();
        next.update(&block);
        block = next.finalize().into_bytes();
        for (sum, byte) in salted.iter_mut().zip(block.iter()) {
            *sum ^= byte;
        }
    }
    let mut client = Hmac::<Sha256>::new_from_slice(&salted).ok()?;
    client.update(b"Client Key");
    Some(Sha256::digest(client.finalize().into_bytes()).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_knows_its_password() {
        let verifier = postgres_protocol::password::scram_sha_256(b"swordfish");
        assert!(verifies(&verifier, "swordfish"));
        assert!(!verifies(&verifier, "marlin"));
    }

    #[test]
    fn other_formats_never_match() {
        for other in ["", "md5aaaa", "SCRAM-SHA-256$x:y$z:w", "SCRAM-SHA-256$4096"] {
            assert!(!verifies(other, "swordfish"), "{other}");
        }
    }
}
