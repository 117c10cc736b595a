//! The body of a request.

use std::collections::BTreeSet;
use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::csv;
use super::media::MediaType;
use super::query::pairs;

/// A body that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Payload {
    /// JSON, as received or made of another format.
    Json(Bytes),
    /// `a=1&b=2` for a function.
    Form(Vec<(String, String)>),
    /// Text, XML or bytes for a function's only parameter.
    Raw(Bytes),
}

/// A payload with the names of what it gives values to.
pub(crate) type WithKeys = (Option<Payload>, BTreeSet<String>);

/// Reads a body. `columns` is what `columns=` says: then the JSON is not looked at, and PostgreSQL judges it.
pub(crate) fn read(
    body: &Bytes,
    media: &MediaType,
    columns: Option<&BTreeSet<String>>,
    for_function: bool,
) -> Result<WithKeys, String> {
    match (media, for_function) {
        (MediaType::Json, _) => match columns {
            Some(columns) => Ok((Some(Payload::Json(body.clone())), columns.clone())),
            None if body.is_empty() && for_function => Ok((Some(Payload::Json("{}".into())), BTreeSet::new())),
            None => json(body),
        },
        (MediaType::Csv, _) => csv(body),
        (MediaType::UrlEncoded, _) => form(body, for_function),
        (MediaType::Text | MediaType::Xml | MediaType::OctetStream, true) => {
            Ok((Some(Payload::Raw(body.clone())), BTreeSet::new()))
        }
        (other, _) => Err(format!("Content-Type not acceptable: {}", other.text())),
    }
}

const INVALID_JSON: &str = "Empty or invalid json";
const UNEQUAL_KEYS: &str = "All object keys must match";

fn json(body: &Bytes) -> Result<WithKeys, String> {
    let text = std::str::from_utf8(body).map_err(|_| INVALID_JSON.to_owned())?;
    let Document(shape) = serde_json::from_str(text).map_err(|_| INVALID_JSON.to_owned())?;
    if has_half_a_pair(body) {
        return Err(INVALID_JSON.to_owned());
    }
    match shape {
        Shape::Objects(keys) => Ok((Some(Payload::Json(body.clone())), keys)),
        Shape::Unequal => Err(UNEQUAL_KEYS.to_owned()),
        // An empty array, and a scalar, which is nothing to insert.
        Shape::Nothing => Ok((Some(Payload::Json("[]".into())), BTreeSet::new())),
    }
}

/// Does an escape in this JSON stand for one half of a character (`\ud800`)? Nobody looked, since values are not read.
fn has_half_a_pair(json: &[u8]) -> bool {
    let unit = |at: usize| {
        let digits = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut at = 0;
    while let Some(next) = json.get(at..).and_then(|rest| rest.iter().position(|b| *b == b'\\')) {
        at += next;
        match unit(at) {
            None => at += 2,
            Some(0xD800..=0xDBFF) if matches!(unit(at + 6), Some(0xDC00..=0xDFFF)) => at += 12,
            Some(0xD800..=0xDFFF) => return true,
            Some(_) => at += 6,
        }
    }
    false
}

/// What of a JSON document matters here.
enum Shape {
    /// An object or an array of objects with these keys.
    Objects(BTreeSet<String>),
    /// An array whose elements do not have the same keys.
    Unequal,
    /// Nothing that has keys.
    Nothing,
}

struct Document(Shape);

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DocumentVisitor).map(Document)
    }
}

struct DocumentVisitor;

macro_rules! scalar {
    ($($visit:ident: $type:ty => $shape:expr),+ $(,)?) => {
        $(fn $visit<E: serde::de::Error>(self, _: $type) -> Result<Self::Value, E> { Ok($shape) })+
    };
}

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Shape, A::Error> {
        Ok(Shape::Objects(keys_of(map)?.into_iter().collect()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
        let mut first: Option<Vec<String>> = None;
        let mut equal = true;
        while let Some(element) = seq.next_element_seed(Element { like: first.as_deref() })? {
            match element {
                ElementKeys::Same => {}
                ElementKeys::Keys(keys) if first.is_none() => first = Some(keys),
                ElementKeys::Keys(keys) => {
                    let set = |keys: &[String]| keys.iter().cloned().collect::<BTreeSet<_>>();
                    equal &= first.as_deref().is_some_and(|first| set(first) == set(&keys));
                }
                ElementKeys::NoObject => equal = false,
            }
        }
        Ok(match first {
            _ if !equal => Shape::Unequal,
            Some(keys) => Shape::Objects(keys.into_iter().collect()),
            None => Shape::Nothing,
        })
    }

    scalar! {
        visit_bool: bool => Shape::Nothing,
        visit_i64: i64 => Shape::Nothing,
        visit_u64: u64 => Shape::Nothing,
        visit_f64: f64 => Shape::Nothing,
        visit_str: &str => Shape::Nothing,
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Shape, E> {
        Ok(Shape::Nothing)
    }
}

enum ElementKeys {
    /// The same keys in the same order as the first: the usual case, told without allocating.
    Same,
    Keys(Vec<String>),
    NoObject,
}

struct Element<'k> {
    like: Option<&'k [String]>,
}

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = ElementKeys;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<ElementKeys, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = ElementKeys;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ElementKeys, A::Error> {
        let Some(like) = self.like else { return Ok(ElementKeys::Keys(keys_of(map)?)) };
        let mut matched = 0;
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            map.next_value::<IgnoredAny>()?;
            if like.get(matched).is_some_and(|wanted| *wanted == key) {
                matched += 1;
            } else {
                let mut keys = like[..matched].to_vec();
                keys.push(key.into_owned());
                keys.extend(keys_of(map)?);
                return Ok(ElementKeys::Keys(keys));
            }
        }
        Ok(if matched == like.len() { ElementKeys::Same } else { ElementKeys::Keys(like[..matched].to_vec()) })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<ElementKeys, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(ElementKeys::NoObject)
    }

    scalar! {
        visit_bool: bool => ElementKeys::NoObject,
        visit_i64: i64 => ElementKeys::NoObject,
        visit_u64: u64 => ElementKeys::NoObject,
        visit_f64: f64 => ElementKeys::NoObject,
        visit_str: &str => ElementKeys::NoObject,
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<ElementKeys, E> {
        Ok(ElementKeys::NoObject)
    }
}

fn keys_of<'de, A: MapAccess<'de>>(mut map: A) -> Result<Vec<String>, A::Error> {
    let mut keys = Vec::new();
    while let Some((key, _)) = map.next_entry::<String, IgnoredAny>()? {
        keys.push(key);
    }
    Ok(keys)
}

/// Lines with a header; `NULL` is null, everything else a string. Fields beyond the header are dropped; lines may be shorter than it
/// if all of them are by the same.
fn csv(body: &Bytes) -> Result<WithKeys, String> {
    let table = csv::read(body)?;
    let text = |field: &[u8]| {
        std::str::from_utf8(field).map(str::to_owned).map_err(|_| "The body is not valid UTF-8".to_owned())
    };
    let header = table.header.iter().map(|name| text(name)).collect::<Result<Vec<_>, _>>()?;
    let mut out = String::from("[");
    let mut width = None;
    for line in &table.lines {
        let fields = line.len().min(header.len());
        out.push_str(if width.is_none() { "{" } else { ",{" });
        if *width.get_or_insert(fields) != fields {
            return Err("All lines must have same number of fields".to_owned());
        }
        for (n, (key, value)) in header.iter().zip(line).enumerate() {
            if n > 0 {
                out.push(',');
            }
            out.push_str(&quoted(key));
            out.push(':');
            out.push_str(&if value == b"NULL" { "null".to_owned() } else { quoted(&text(value)?) });
        }
        out.push('}');
    }
    out.push(']');
    let keys = header.into_iter().take(width.unwrap_or(0)).collect();
    Ok((Some(Payload::Json(out.into())), keys))
}

fn form(body: &Bytes, for_function: bool) -> Result<WithKeys, String> {
    // A body may begin like a query string.
    let fields =
        pairs(body.strip_prefix(b"?").unwrap_or(body)).map_err(|_| "The body is not valid UTF-8".to_owned())?;
    let fields: Vec<(String, String)> = fields.into_iter().map(|(k, v)| (k, v.unwrap_or_default())).collect();
    let keys = fields.iter().map(|(k, _)| k.clone()).collect();
    if for_function {
        return Ok((Some(Payload::Form(fields)), keys));
    }
    let object: serde_json::Map<String, serde_json::Value> = fields.into_iter().map(|(k, v)| (k, v.into())).collect();
    Ok((Some(Payload::Json(serde_json::Value::Object(object).to_string().into())), keys))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(body: &str) -> Result<Vec<String>, String> {
        read(&Bytes::from(body.to_owned()), &MediaType::Json, None, false).map(|(_, keys)| keys.into_iter().collect())
    }

    #[test]
    fn objects_must_have_the_same_keys_in_any_order() {
        assert_eq!(keys(r#"[{"a":1,"b":{"x":[]}},{"b":2,"a":3}]"#).unwrap(), ["a", "b"]);
        assert_eq!(keys(r#"[{"a":1},{"a":1,"b":2}]"#).unwrap_err(), UNEQUAL_KEYS);
        assert_eq!(keys(r#"[{"a":1,"b":2},{"a":1}]"#).unwrap_err(), UNEQUAL_KEYS);
        assert_eq!(keys(r#"[{"a":1},2]"#).unwrap_err(), UNEQUAL_KEYS);
        assert_eq!(keys(r#"[1]"#).unwrap_err(), UNEQUAL_KEYS);
        assert_eq!(keys("[]").unwrap(), Vec::<String>::new());
        assert_eq!(keys("}{").unwrap_err(), INVALID_JSON);
        for half in [r"\ud800", r"\udc00\ud800", r"\ud800\n", r"\uD83Dx", r"\\\ud800"] {
            assert_eq!(keys(&format!(r#"{{"a":["{half}"]}}"#)).unwrap_err(), INVALID_JSON, "{half}");
        }
        assert!(keys(r#"{"a":"\ud83d\uDE00 \\ud800 \u0000"}"#).is_ok());
    }

    #[test]
    fn csv_becomes_json() {
        let body = Bytes::from("a,b\n1,NULL\n\"x,\"\"y\",2\n");
        let (payload, _) = read(&body, &MediaType::Csv, None, false).unwrap();
        assert_eq!(payload, Some(Payload::Json(r#"[{"a":"1","b":null},{"a":"x,\"y","b":"2"}]"#.into())));
        assert!(read(&Bytes::from("a,b\n1,2\n3\n"), &MediaType::Csv, None, false).is_err());
        let (payload, keys) = read(&Bytes::from("a,b\n1\n3\n"), &MediaType::Csv, None, false).unwrap();
        assert_eq!(payload, Some(Payload::Json(r#"[{"a":"1"},{"a":"3"}]"#.into())));
        assert_eq!(keys.into_iter().collect::<Vec<_>>(), ["a"]);
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200), function: bool) {
            for media in [MediaType::Json, MediaType::Csv, MediaType::UrlEncoded, MediaType::Text] {
                let _ = read(&Bytes::from(body.clone()), &media, None, function);
            }
        }
    }
}
