//! Opaque API keys in the form of the Supabase CLI: `sb_publishable_<22>_<8>` and `sb_secret_<22>_<8>`.
//!
//! The 22 characters are 128 random bits in base64url, the 8 are the start of a SHA-256 over what precedes, so that a scanner or a
//! person can tell a typo from a foreign key. A key is compared whole: the checksum proves nothing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::{equal_in_constant_time, random, sha256};

/// Characters of the checksum at the end of a key.
const CHECKSUM_LEN: usize = 8;

/// Which of the two kinds a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// May be published; stands for the role `anon`.
    Publishable,
    /// Must stay on servers; stands for the role `service_role`.
    Secret,
}

impl Kind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Publishable => "sb_publishable_",
            Self::Secret => "sb_secret_",
        }
    }

    /// The role that a key of this kind stands for.
    pub const fn role(self) -> &'static str {
        match self {
            Self::Publishable => "anon",
            Self::Secret => "service_role",
        }
    }
}

/// Makes a key.
pub fn generate(kind: Kind) -> String {
    let body = format!("{}{}", kind.prefix(), random::base64url::<16>());
    let sum = checksum(&body);
    format!("{body}_{sum}")
}

/// Which kind the text claims to be, by its prefix; it may still be a foreign key or no key at all.
pub fn kind_of(text: &str) -> Option<Kind> {
    [Kind::Publishable, Kind::Secret].into_iter().find(|kind| text.starts_with(kind.prefix()))
}

/// Has the text the form of a key that [`generate`] made? For messages about typos; keys made elsewhere have other checksums.
pub fn is_well_formed(text: &str) -> bool {
    // Counted from the end, not split at the last `_`: the alphabet of base64url has that character too.
    kind_of(text).is_some()
        && text
            .len()
            .checked_sub(CHECKSUM_LEN + 1)
            .and_then(|end| text.split_at_checked(end))
            .is_some_and(|(body, rest)| rest.strip_prefix('_').is_some_and(|sum| sum == checksum(body)))
}

/// Is `given` the key `ours`? In constant time.
pub fn matches(given: &str, ours: &str) -> bool {
    !ours.is_empty() && equal_in_constant_time(given.as_bytes(), ours.as_bytes())
}

fn checksum(body: &str) -> String {
    let mut sum = URL_SAFE_NO_PAD.encode(sha256(body.as_bytes()));
    sum.truncate(CHECKSUM_LEN);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_form_of_the_cli() {
        for (kind, len) in [(Kind::Publishable, 46), (Kind::Secret, 41)] {
            // Often: one checksum in eight has a `_` of its own.
            for _ in 0..200 {
                let key = generate(kind);
                assert_eq!(key.len(), len, "{key}");
                assert_eq!(kind_of(&key), Some(kind));
                assert!(is_well_formed(&key), "{key}");
                assert!(matches(&key, &key));
                assert!(!matches(&key, &generate(kind)));
            }
        }
    }

    #[test]
    fn a_typo_is_seen_and_an_unset_key_matches_nothing() {
        let key = generate(Kind::Secret);
        let typo = key.replacen("sb_secret_", "sb_secret_x", 1);
        assert!(!is_well_formed(&typo));
        for short in ["", "sb_secret_", "sb_secret__", "sb_secret_ÄÖÜÄÖÜÄ"] {
            assert!(!is_well_formed(short), "{short}");
        }
        assert!(!matches("", ""));
        assert_eq!(kind_of("eyJhbGciOi"), None);
    }
}
