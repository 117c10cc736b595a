//! Password hashes: bcrypt, argon2 (PHC strings) and Firebase's scrypt are verified; bcrypt or argon2id are made.
//!
//! The functions here block for tens of milliseconds: call them through [`Hasher`], never on an async thread.

mod argon;
mod firebase;
mod hasher;

pub use hasher::{Busy, HashError, Hasher};

use crate::random;

/// Longest password that bcrypt reads, in bytes: the rest would be ignored, so sign-up refuses longer ones.
pub const MAX_PASSWORD_BYTES: usize = 72;

/// Costs beyond this (some seconds each) are refused: an imported hash must not hold a thread for hours.
const MAX_BCRYPT_COST: u32 = 16;

/// Which hash new passwords get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// bcrypt, `$2a$` as GoTrue and `pgcrypto` write it; applications compare with `crypt(password, encrypted_password)`.
    Bcrypt {
        /// Binary logarithm of the rounds; GoTrue's is 10.
        cost: u32,
    },
    /// argon2id with OWASP's first choice: 19 MiB, 2 passes, 1 lane.
    Argon2id,
}

impl Default for Scheme {
    fn default() -> Self {
        Self::Bcrypt { cost: 10 }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// None of the known forms.
    #[error("the stored password hash has none of the known forms (bcrypt, argon2, fbscrypt)")]
    UnknownForm,
    /// A known form with parameters that cannot be, or that cost too much.
    #[error("the stored password hash has parameters that are not supported: {0}")]
    Parameters(String),
}

/// Hashes a password.
///
/// # Errors
/// [`PasswordError::Parameters`] for a bcrypt cost outside 4 to 16.
pub fn hash(password: &[u8], scheme: Scheme) -> Result<String, PasswordError> {
    match scheme {
        Scheme::Bcrypt { cost } => {
            let parameters = |e: String| PasswordError::Parameters(e);
            if cost > MAX_BCRYPT_COST {
                return Err(parameters(format!("bcrypt cost {cost} is above {MAX_BCRYPT_COST}")));
            }
            bcrypt::hash_with_salt(password, cost, random::bytes())
                .map(|parts| parts.format_for_version(bcrypt::Version::TwoA))
                .map_err(|e| parameters(e.to_string()))
        }
        Scheme::Argon2id => argon::hash(password),
    }
}

/// Does the password fit the hash?
///
/// # Errors
/// Where the hash cannot be read.
pub fn verify(password: &[u8], hash: &str) -> Result<bool, PasswordError> {
    if hash.starts_with("$argon2") {
        return argon::verify(password, hash);
    }
    if hash.starts_with("$fbscrypt$") {
        return firebase::verify(password, hash);
    }
    let cost = bcrypt_cost(hash).ok_or(PasswordError::UnknownForm)?;
    if cost > MAX_BCRYPT_COST {
        return Err(PasswordError::Parameters(format!("bcrypt cost {cost} is above {MAX_BCRYPT_COST}")));
    }
    bcrypt::verify(password, hash).map_err(|e| PasswordError::Parameters(e.to_string()))
}

/// Can [`verify`] read this hash? For admins who import users.
///
/// # Errors
/// What [`verify`] would say.
pub fn check_form(hash: &str) -> Result<(), PasswordError> {
    if hash.starts_with("$argon2") {
        argon::parse(hash).map(drop)
    } else if hash.starts_with("$fbscrypt$") {
        firebase::parse(hash).map(drop)
    } else {
        match bcrypt_cost(hash) {
            Some(cost) if cost <= MAX_BCRYPT_COST => Ok(()),
            Some(cost) => Err(PasswordError::Parameters(format!("bcrypt cost {cost} is above {MAX_BCRYPT_COST}"))),
            None => Err(PasswordError::UnknownForm),
        }
    }
}

/// `$2b$10$` and 53 characters.
fn bcrypt_cost(hash: &str) -> Option<u32> {
    let rest = ["$2a$", "$2b$", "$2y$", "$2x$"].iter().find_map(|version| hash.strip_prefix(version))?;
    let (cost, body) = rest.split_once('$')?;
    let base64 = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'/';
    (cost.len() == 2 && body.len() == 53 && body.bytes().all(base64)).then(|| cost.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hashed_verifies() {
        for scheme in [Scheme::Bcrypt { cost: 4 }, Scheme::Argon2id] {
            let hash = hash("pässwörd".as_bytes(), scheme).unwrap();
            assert_eq!(check_form(&hash), Ok(()));
            assert_eq!(verify("pässwörd".as_bytes(), &hash), Ok(true), "{hash}");
            assert_eq!(verify(b"password", &hash), Ok(false));
        }
        assert!(hash(b"x", Scheme::default()).unwrap().starts_with("$2a$10$"));
    }

    /// Hashes made by others: crypt_blowfish's test vectors in the three spellings.
    #[test]
    fn bcrypt_of_others_verifies() {
        let body = "05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        for version in ["$2a$", "$2b$", "$2y$"] {
            assert_eq!(verify(b"U*U", &format!("{version}{body}")), Ok(true), "{version}");
        }
    }

    /// The reference implementation's own example (`argon2` on the command line).
    #[test]
    fn argon2_of_others_verifies() {
        for (password, hash) in [
            ("password", "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA"),
            ("password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"),
        ] {
            assert_eq!(verify(password.as_bytes(), hash), Ok(true), "{hash}");
            assert_eq!(verify(b"other", hash), Ok(false));
        }
    }

    /// The example of Firebase's own scrypt repository, in the form that GoTrue imports.
    #[test]
    fn firebase_scrypt_verifies() {
        let hash = concat!(
            "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,",
            "sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==",
            "$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
        );
        assert_eq!(verify(b"user1password", hash), Ok(true));
        assert_eq!(verify(b"user2password", hash), Ok(false));
    }

    #[test]
    fn a_broken_hash_is_an_error_and_not_a_no() {
        for bad in ["", "plain", "$2a$10$short", "$argon2id$v=19$m=1", "$fbscrypt$v=1$x$y", "$2a$99$"] {
            assert!(verify(b"x", bad).is_err(), "{bad}");
        }
        let dear = format!("$2a$31${}", "a".repeat(53));
        assert!(matches!(verify(b"x", &dear), Err(PasswordError::Parameters(_))));
        assert!(matches!(
            verify(b"x", "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"),
            Err(PasswordError::Parameters(_))
        ));
    }
}
