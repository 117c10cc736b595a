//! What a password must be. Whether it was breached is asked elsewhere (`breached.rs`): that needs the network.

use crate::config::Password;
use crate::error::{Code, Error};

/// bcrypt reads no more than this many bytes.
pub(crate) const MAX_BYTES: usize = 72;

/// What a password lacks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Weakness {
    pub messages: Vec<String>,
    pub reasons: Vec<&'static str>,
}

impl Weakness {
    pub fn is_empty(&self) -> bool {
        self.reasons.is_empty()
    }

    pub fn add(&mut self, reason: &'static str, message: String) {
        self.reasons.push(reason);
        self.messages.push(message);
    }

    pub fn message(&self) -> String {
        self.messages.join(" ")
    }

    pub fn into_error(self) -> Error {
        Error::WeakPassword { message: self.message(), reasons: self.reasons }
    }
}

/// Refuses what cannot be hashed whole.
///
/// # Errors
/// 400 `validation_failed`.
pub(crate) fn hashable(password: &str) -> Result<(), Error> {
    if password.len() > MAX_BYTES {
        return Err(Error::bad_request(Code::ValidationFailed, "Password cannot be longer than 72 characters"));
    }
    Ok(())
}

/// Length and character classes.
pub(crate) fn weakness(rules: &Password, password: &str) -> Weakness {
    let mut weakness = Weakness::default();
    // GoTrue counts bytes here.
    if password.len() < rules.min_length {
        weakness.add("length", format!("Password should be at least {} characters.", rules.min_length));
    }
    if rules.required_characters.iter().any(|set| !password.chars().any(|c| set.contains(c))) {
        weakness.add(
            "characters",
            format!(
                "Password should contain at least one character of each: {}.",
                rules.required_characters.join(", ")
            ),
        );
    }
    weakness
}

/// Splits `abc:ABC:0123` into its sets; `\:` is a colon.
pub(crate) fn required_characters(text: &str) -> Vec<String> {
    let mut sets = vec![String::new()];
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&':') => {
                chars.next();
                if let Some(set) = sets.last_mut() {
                    set.push(':');
                }
            }
            ':' => sets.push(String::new()),
            c => {
                if let Some(set) = sets.last_mut() {
                    set.push(c);
                }
            }
        }
    }
    sets.retain(|set| !set.is_empty());
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Password {
        Password {
            min_length: 8,
            required_characters: required_characters(r"abc:ABC:0123:\:!"),
            breached: None,
            require_reauthentication: false,
            require_current: false,
        }
    }

    #[test]
    fn each_set_must_occur() {
        assert_eq!(rules().required_characters, ["abc", "ABC", "0123", ":!"]);
        assert!(weakness(&rules(), "aaaaaaA0:").is_empty());
        assert_eq!(weakness(&rules(), "aaaaaaA0").reasons, ["characters"]);
        assert_eq!(weakness(&rules(), "x").reasons, ["length", "characters"]);
    }

    #[test]
    fn bytes_beyond_72_are_refused() {
        assert!(hashable(&"a".repeat(72)).is_ok());
        assert!(hashable(&"ä".repeat(37)).is_err());
    }
}
