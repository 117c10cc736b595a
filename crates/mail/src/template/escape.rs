//! The escapers, each for one kind of place. Anything that a value says stays a value.

use serde_json::Value;

/// What html/template writes in place of a value that would be dangerous where it stands.
pub(super) const UNSAFE: &str = "ZgotmplZ";

/// For text and quoted attributes; the characters are those that html/template escapes.
pub(super) fn html(text: &str) -> String {
    replace(text, |c| match c {
        '\0' => Some("\u{fffd}".into()),
        '"' => Some("&#34;".into()),
        '&' => Some("&amp;".into()),
        '\'' => Some("&#39;".into()),
        '+' => Some("&#43;".into()),
        '<' => Some("&lt;".into()),
        '>' => Some("&gt;".into()),
        _ => None,
    })
}

/// For an attribute without quotes: also what would end it.
pub(super) fn unquoted(text: &str) -> String {
    replace(text, |c| match c {
        '\0' => Some("&#xfffd;".into()),
        '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | ' ' | '"' | '&' | '\'' | '+' | '<' | '=' | '>' | '`' => {
            Some(format!("&#{};", u32::from(c)))
        }
        _ => None,
    })
}

/// One part of a query: everything but unreserved characters in percent signs (RFC 3986 §2.3).
pub(super) fn query(text: &str) -> String {
    percent(text, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'))
}

/// A URL as it is: reserved characters and what is escaped already stay.
pub(super) fn normalize_url(text: &str) -> String {
    percent(text, |b| b.is_ascii_alphanumeric() || b"-._~!#$%&*+,/:;=?@[]".contains(&b))
}

/// Does a whole URL name a scheme that runs no script?
pub(super) fn url_is_harmless(text: &str) -> bool {
    match text.split_once(':') {
        Some((scheme, _)) if !scheme.contains(['/', '?', '#']) => {
            ["http", "https", "mailto", "tel", "sms"].iter().any(|known| scheme.trim().eq_ignore_ascii_case(known))
                || is_app_scheme(scheme.trim())
        }
        _ => true,
    }
}

/// Applications on phones register schemes of their own (`com.example.app://login`) and mail links lead there. A scheme with a dot
/// names no part of a browser.
fn is_app_scheme(scheme: &str) -> bool {
    scheme.contains('.') && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+' | b'_'))
}

/// A number, word, colour or length: no function, no string, no declaration.
pub(super) fn css(text: &str) -> String {
    let harmless = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '#' | '%' | '.' | ',' | '-' | '_' | '!');
    let lower = text.to_ascii_lowercase();
    if text.chars().all(harmless) && !lower.contains("expression") && !lower.contains("mozbinding") {
        text.to_owned()
    } else {
        UNSAFE.to_owned()
    }
}

/// A name of an attribute.
pub(super) fn attribute_name(text: &str) -> String {
    let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    // An event handler would make the value behind it a script.
    if plain && !text.to_ascii_lowercase().starts_with("on") { text.to_owned() } else { UNSAFE.to_owned() }
}

/// A JavaScript value.
pub(super) fn js_value(value: &Value) -> String {
    replace(&value.to_string(), |c| match c {
        '<' | '>' | '&' | '\'' | '\u{2028}' | '\u{2029}' => Some(format!("\\u{:04x}", u32::from(c))),
        _ => None,
    })
}

/// Inside of quotes in JavaScript.
pub(super) fn js_string(text: &str) -> String {
    replace(text, |c| match c {
        '\\' => Some("\\\\".into()),
        '\n' => Some("\\n".into()),
        '\r' => Some("\\r".into()),
        '\t' => Some("\\t".into()),
        '"' | '\'' | '`' | '<' | '>' | '&' | '+' | '/' | '=' | '$' | '{' | '}' | '\u{2028}' | '\u{2029}' => {
            Some(format!("\\u{:04X}", u32::from(c)))
        }
        c if u32::from(c) < 0x20 => Some(format!("\\u{:04X}", u32::from(c))),
        _ => None,
    })
}

fn replace(text: &str, with: impl Fn(char) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match with(c) {
            Some(other) => out.push_str(&other),
            None => out.push(c),
        }
    }
    out
}

fn percent(text: &str, keep: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if keep(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02x}"));
        }
    }
    out
}
