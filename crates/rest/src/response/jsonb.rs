//! JSON in the form that PostgreSQL gives to `jsonb`, which PostgREST casts embedded resources to: keys by length and then by byte, the last
//! of a repeated one, `": "` and `", "`, numbers without an exponent.
//!
//! Made here, it costs a quarter of what it costs PostgreSQL. What is no JSON, or nested too deep to be looked at, is left as it is.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::json::string;

/// Deeper text is copied: each level is read once for every level around it.
const DEEPEST: usize = 32;
/// Longer exponents stay: `1e1000` would be a thousand digits.
const LARGEST_EXPONENT: i32 = 400;

/// Keys with their values, of all objects that are being written.
type Entries<'a> = Vec<(Cow<'a, [u8]>, &'a [u8])>;

/// Writes what PostgreSQL's `json` holds as its `jsonb` would be shown.
pub(super) fn write(out: &mut Vec<u8>, json: &[u8]) {
    value(out, trimmed(json), &mut Vec::new(), 0);
}

fn value<'a>(out: &mut Vec<u8>, text: &'a [u8], entries: &mut Entries<'a>, depth: usize) {
    let before = out.len();
    let written = match text.first() {
        Some(b'{') if depth < DEEPEST => object(out, text, entries, depth),
        Some(b'[') if depth < DEEPEST => array(out, text, entries, depth),
        Some(b'"') => normal_string(out, text),
        Some(b'-' | b'0'..=b'9') => number(out, text),
        _ => None,
    };
    if written.is_none() {
        out.truncate(before);
        out.extend_from_slice(text);
    }
}

fn object<'a>(out: &mut Vec<u8>, text: &'a [u8], entries: &mut Entries<'a>, depth: usize) -> Option<()> {
    let first = entries.len();
    let read = members(text, b'}', |member| {
        let key = string_len(member)?;
        let rest = trimmed(&member[key..]);
        entries.push((unescaped(&member[..key])?, trimmed(rest.strip_prefix(b":")?)));
        Some(())
    });
    if read.is_some() {
        let by_length = |a: &[u8], b: &[u8]| a.len().cmp(&b.len()).then_with(|| a.cmp(b));
        // Stable, so that the last of equal keys stays the last.
        entries[first..].sort_by(|a, b| by_length(&a.0, &b.0));
        let last = entries.len();
        let mut before = b'{';
        for n in first..last {
            if n + 1 < last && by_length(&entries[n].0, &entries[n + 1].0) == Ordering::Equal {
                continue;
            }
            out.push(before);
            if before == b',' {
                out.push(b' ');
            }
            before = b',';
            let (key, held) = (std::mem::take(&mut entries[n].0), entries[n].1);
            string(out, &key);
            out.extend_from_slice(b": ");
            value(out, held, entries, depth + 1);
        }
        if before == b'{' {
            out.push(b'{');
        }
        out.push(b'}');
    }
    entries.truncate(first);
    read
}

fn array<'a>(out: &mut Vec<u8>, text: &'a [u8], entries: &mut Entries<'a>, depth: usize) -> Option<()> {
    out.push(b'[');
    let mut before: &[u8] = b"";
    members(text, b']', |member| {
        out.extend_from_slice(before);
        before = b", ";
        value(out, member, entries, depth + 1);
        Some(())
    })?;
    out.push(b']');
    Some(())
}

/// Hands over what stands between commas in `{…}` or `[…]`, which must be all of the text.
fn members<'a>(text: &'a [u8], close: u8, mut take: impl FnMut(&'a [u8]) -> Option<()>) -> Option<()> {
    let inner = trimmed(text.get(1..)?.strip_suffix(&[close])?);
    if inner.is_empty() {
        return Some(());
    }
    let (mut start, mut at, mut depth) = (0, 0, 0_usize);
    while let Some(byte) = inner.get(at) {
        match byte {
            b'"' => {
                at += string_len(&inner[at..])?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.checked_sub(1)?,
            b',' if depth == 0 => {
                take(trimmed(&inner[start..at]))?;
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    take(trimmed(&inner[start..]))
}

/// The length of the string that the text begins with, with its quotes.
fn string_len(text: &[u8]) -> Option<usize> {
    if text.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    loop {
        at += text.get(at..)?.iter().position(|b| matches!(b, b'"' | b'\\'))?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// What a string in quotes says.
fn unescaped(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    let inner = text.get(1..text.len().checked_sub(1)?)?;
    if !inner.contains(&b'\\') {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_slice::<String>(text).ok().map(|said| Cow::Owned(said.into_bytes()))
}

/// A string with the escapes that PostgreSQL writes itself.
fn normal_string(out: &mut Vec<u8>, text: &[u8]) -> Option<()> {
    if text.windows(2).any(|pair| pair == b"\\u" || pair == b"\\/") {
        string(out, &unescaped(text)?);
    } else {
        out.extend_from_slice(text);
    }
    Some(())
}

/// A number as `numeric` shows it.
fn number(out: &mut Vec<u8>, text: &[u8]) -> Option<()> {
    let (mantissa, exponent) = match text.iter().position(|b| matches!(b, b'e' | b'E')) {
        Some(at) => (&text[..at], std::str::from_utf8(&text[at + 1..]).ok()?.parse::<i32>().ok()?),
        None if text.starts_with(b"-0") => (text, 0),
        None => return None,
    };
    if exponent.abs() > LARGEST_EXPONENT {
        return None;
    }
    let (negative, mantissa) = mantissa.strip_prefix(b"-").map_or((false, mantissa), |rest| (true, rest));
    let point = mantissa.iter().position(|b| *b == b'.').unwrap_or(mantissa.len());
    let digits: Vec<u8> = mantissa.iter().copied().filter(u8::is_ascii_digit).collect();
    let decimals = i32::try_from(digits.len().checked_sub(point)?).ok()? - exponent;
    let point = i32::try_from(point).ok()? + exponent;
    let digit = |n: i32| usize::try_from(n).ok().and_then(|n| digits.get(n)).copied().unwrap_or(b'0');
    if negative && digits.iter().any(|d| *d != b'0') {
        out.push(b'-');
    }
    let whole = (0..point).find(|n| digit(*n) != b'0').unwrap_or(point);
    if whole >= point {
        out.push(b'0');
    }
    out.extend((whole..point).map(digit));
    if decimals > 0 {
        out.push(b'.');
        out.extend((point..point + decimals).map(digit));
    }
    Some(())
}

fn trimmed(text: &[u8]) -> &[u8] {
    text.trim_ascii()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(json: &str) -> String {
        let mut out = Vec::new();
        write(&mut out, json.as_bytes());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn it_looks_as_jsonb_does() {
        for (json, expected) in [
            (r#"{"name":"x","id":1, "ab":null}"#, r#"{"ab": null, "id": 1, "name": "x"}"#),
            ("[{\"b\":[1,2]}, \n {\"b\":[ ]}]", r#"[{"b": [1, 2]}, {"b": []}]"#),
            (r#" { } "#, "{}"),
            (r#"{"a":1,"b":{"d":2,"c":[true,false]},"a":3}"#, r#"{"a": 3, "b": {"c": [true, false], "d": 2}}"#),
            (r#"["a,b]}","\"","\\","\u00e9\/\n"]"#, r#"["a,b]}", "\"", "\\", "é/\n"]"#),
            (r#"{"\u0062":1,"é":2,"zz":3}"#, r#"{"b": 1, "zz": 3, "é": 2}"#),
            ("[1e3,1.50e1,-1.5E-3,12.340e-2,1e+2,0e5]", "[1000, 15.0, -0.0015, 0.12340, 100, 0]"),
            ("[-0,-0.00,-0.5,1.50,-12,1e9999]", "[0, 0.00, -0.5, 1.50, -12, 1e9999]"),
        ] {
            assert_eq!(written(json), expected, "{json}");
        }
    }

    #[test]
    fn what_is_no_json_stays() {
        for text in ["", "{", "{]", "[1,", "{\"a\"}", "{\"a\":1,}x", "\"", "\"\\", "1e", "--", "1x2e3", "}", "[\"]"] {
            assert_eq!(written(text), text);
        }
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        assert_eq!(written(&deep), deep);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in r#"[\[\]{}":,\\ue0-9.\-x é]{0,40}"#) {
            written(&text);
        }

        #[test]
        fn the_value_is_the_same(json in json()) {
            let again: serde_json::Value = serde_json::from_str(&written(&json.to_string())).unwrap();
            prop_assert_eq!(again, json);
        }
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            ".{0,8}".prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
                proptest::collection::btree_map(".{0,4}", inner, 0..5)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }
}
