use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// What must never be read in a log: tokens, opaque keys, passwords in URLs, and values behind telling names.
static SECRETS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?x)
        (?<token>eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*)
        | (?<key>sb_secret_[A-Za-z0-9_-]+ | whsec_[A-Za-z0-9+/=]+ | sk_(?:live|test)_[A-Za-z0-9]+)
        | (?<url>://[^:/@\s]+:)[^@\s/]+@
        | (?<name>(?i:password|passwd|secret|refresh_token|access_token|authorization)"?\s*[:=]\s*"?)(?<value>[^\s",}]+)
        "#,
    )
    .ok()
});

/// The same line without secrets. The last defence: code does not log them in the first place.
pub fn redact(line: &str) -> Cow<'_, str> {
    let Some(secrets) = SECRETS.as_ref() else { return Cow::Borrowed(line) };
    secrets.replace_all(line, |found: &regex::Captures<'_>| {
        if let Some(url) = found.name("url") {
            format!("{}***@", url.as_str())
        } else if let Some(name) = found.name("name") {
            format!("{}***", name.as_str())
        } else {
            "***".to_owned()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_the_rest_stays() {
        let cases = [
            ("token eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl used", "token *** used"),
            ("key sb_secret_abc-DEF_1 given", "key *** given"),
            ("to postgresql://app:hunter2@db:5432/x", "to postgresql://app:***@db:5432/x"),
            (r#"{"password":"hunter2","email":"a@b"}"#, r#"{"password":"***","email":"a@b"}"#),
            ("GET /rest/v1/courses 200", "GET /rest/v1/courses 200"),
        ];
        for (line, expected) in cases {
            assert_eq!(redact(line), expected);
        }
    }
}
