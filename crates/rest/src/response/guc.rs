//! `response.headers` and `response.status`: what SQL says about the answer.

use http::{HeaderName, StatusCode};
use serde_json::{Map, Value};

use super::Answer;
use crate::error::Error;
use crate::run::Outcome;

/// Puts them over what the answer says by itself.
pub(super) fn apply(mut answer: Answer, outcome: &Outcome) -> Result<Answer, Error> {
    if let Some(text) = &outcome.response_status {
        answer.status = status(text).ok_or(Error::BadResponseStatus)?;
    }
    if let Some(json) = &outcome.response_headers {
        let given = headers(json).ok_or(Error::BadResponseHeaders)?;
        for (name, _) in &given {
            answer.headers.remove(name.as_str());
        }
        let framing = |name: &String| FRAMING.iter().any(|of| name.eq_ignore_ascii_case(of));
        for (name, value) in given.into_iter().filter(|(name, _)| !framing(name)) {
            if let Ok(name) = HeaderName::try_from(name) {
                answer = answer.header(name, value);
            }
        }
    }
    Ok(answer)
}

/// How the answer is sent is not for SQL to say: the connection would end without one.
const FRAMING: [&str; 5] = ["transfer-encoding", "connection", "keep-alive", "upgrade", "trailer"];

/// The digits that it begins with.
fn status(text: &str) -> Option<StatusCode> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    StatusCode::from_u16(text[..end].parse().ok()?).ok()
}

/// `[{"Name": "value"}, …]`
fn headers(json: &[u8]) -> Option<Vec<(String, String)>> {
    let list: Vec<Map<String, Value>> = serde_json::from_slice(json).ok()?;
    list.into_iter()
        .map(|object| {
            let mut entries = object.into_iter();
            match (entries.next(), entries.next()) {
                (Some((name, Value::String(value))), None) => Some((name, value)),
                _ => None,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_objects_of_one_key() {
        assert_eq!(headers(br#"[{"A":"1"},{"A":"2"}]"#).unwrap().len(), 2);
        for bad in [r#"{"A":"1"}"#, r#"[{"A":1}]"#, r#"[{"A":"1","B":"2"}]"#, "[1]", "x"] {
            assert!(headers(bad.as_bytes()).is_none(), "{bad}");
        }
        assert_eq!(status("205"), Some(StatusCode::RESET_CONTENT));
        assert_eq!(status("ok"), None);
    }
}
