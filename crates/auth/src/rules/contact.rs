//! What counts as an e-mail address and as a phone number.

use crate::error::{Code, Error};

const EMAIL_MAX: usize = 255;

/// Checks an address as GoTrue does (RFC 5322's simple form, no dot needed in the domain) and folds its case.
///
/// # Errors
/// 400 `validation_failed`.
pub(crate) fn email(text: &str) -> Result<String, Error> {
    if text.is_empty() {
        return Err(Error::invalid("An email address is required"));
    }
    if text.chars().count() > EMAIL_MAX {
        return Err(Error::invalid("An email address is too long"));
    }
    if !is_email(text) {
        return Err(Error::invalid("Unable to validate email address: invalid format"));
    }
    Ok(text.to_ascii_lowercase())
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let local_ok =
        !local.is_empty() && local.bytes().all(|b| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&b));
    let label_ok = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    local_ok && domain.split('.').all(label_ok)
}

/// Checks a number and takes it to the form in which it is stored: E.164 without `+`.
///
/// # Errors
/// 400 `validation_failed`.
pub(crate) fn phone(text: &str) -> Result<String, Error> {
    let number = format_phone(text);
    let digits = number.as_bytes();
    let valid = (2..=15).contains(&digits.len()) && digits[0] != b'0' && digits.iter().all(u8::is_ascii_digit);
    if valid {
        Ok(number)
    } else {
        Err(Error::bad_request(Code::ValidationFailed, "Invalid phone number format (E.164 required)"))
    }
}

/// Strips one leading `+` and all spaces.
pub(crate) fn format_phone(text: &str) -> String {
    text.trim().strip_prefix('+').unwrap_or(text.trim()).replace(' ', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(email("Ada.Lovelace+x@Example.ORG").unwrap(), "ada.lovelace+x@example.org");
        assert_eq!(email("o'brien@localhost").unwrap(), "o'brien@localhost");
        for bad in ["", "a", "@b", "a@", "a@-b", "a@b..c", "a b@c", "ä@b.c", "a@b@c", "a\n@b.c", "a@b.c\n"] {
            assert!(email(bad).is_err(), "{bad:?}");
        }
        assert!(email(&format!("{}@x.org", "a".repeat(300))).is_err());
    }

    #[test]
    fn numbers() {
        assert_eq!(phone("+1 555 010 0999").unwrap(), "15550100999");
        for bad in ["", "+", "0123", "12a4", "1234567890123456", "++12", "1"] {
            assert!(phone(bad).is_err(), "{bad:?}");
        }
    }
}
