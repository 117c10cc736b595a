//! Writes of which nothing is returned: the bare statement, and the values of one object as parameters of their own.
//!
//! PostgreSQL says how many rows it wrote without being asked for them, and a parameter takes the same way into a column as a value that
//! it picks out of JSON, without the JSON: together half of what a small write costs it.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Sql;
use super::write::{self, Values};
use crate::plan::WritePlan;
use crate::plan::negotiate::Handler;
use crate::plan::node::Column;
use crate::request::Mutation;

/// The statement, where rows need not be seen to answer.
pub(crate) fn statement(plan: &WritePlan) -> Option<Sql> {
    let shows_nothing = plan.handler == Handler::None && plan.returning.is_empty() && !write::counts_inserts(plan);
    // Without columns it is no plain INSERT or UPDATE.
    let is_plain = plan.mutation == Mutation::Delete || !plan.columns.is_empty();
    if !shows_nothing || !is_plain {
        return None;
    }
    let mut sql = Sql::default();
    write::mutation(&mut sql, plan, values(plan));
    Some(sql)
}

/// The values for the columns of a plan; `None` where PostgreSQL must pick them out of the JSON.
fn values(plan: &WritePlan) -> Option<Values> {
    if plan.with_defaults || plan.mutation == Mutation::Delete {
        return None;
    }
    let Object(fields) = serde_json::from_slice(&plan.body).ok()?;
    // PostgreSQL looks at all of a body, also at what `columns=` leaves out, and has words for what is no text or too deep in it.
    let is_taken = |name: &str| plan.columns.iter().any(|column| column.name == name);
    if !fields.iter().all(|(name, _)| is_taken(name)) {
        return None;
    }
    plan.columns.iter().map(|column| value(column, &fields)).collect()
}

/// The text of a value, as `json_to_record` would hand it to the column's type; the outer `None` where it would do more than that.
fn value(column: &Column, fields: &[(Cow<'_, str>, &RawValue)]) -> Option<Option<Bytes>> {
    if column.transform.is_some() || !is_scalar(&column.nominal_type) {
        return None;
    }
    let mut given = fields.iter().filter(|(name, _)| *name == column.name);
    let Some((_, raw)) = given.next() else { return Some(None) };
    if given.next().is_some() {
        return None;
    }
    let raw = raw.get();
    let text = match raw.as_bytes().first()? {
        b'n' => return Some(None),
        _ if column.nominal_type == "jsonb" => Cow::Borrowed(raw),
        b'"' => Cow::Owned(serde_json::from_str::<String>(raw).ok()?),
        b'{' | b'[' => return None,
        _ => Cow::Borrowed(raw),
    };
    // PostgreSQL has words of its own for a NUL in JSON.
    (!text.contains('\0')).then(|| Some(Bytes::copy_from_slice(text.as_bytes())))
}

/// Types whose input function does all that there is to do. Arrays, composites and domains are converted from JSON piece by piece, and
/// `json` keeps the text of a string as it was written.
fn is_scalar(nominal_type: &str) -> bool {
    const PLAIN: [&str; 15] = [
        "bigint",
        "boolean",
        "date",
        "double precision",
        "integer",
        "jsonb",
        "numeric",
        "real",
        "smallint",
        "text",
        "time without time zone",
        "timestamp with time zone",
        "timestamp without time zone",
        "uuid",
        "character varying",
    ];
    const LIMITED: [&str; 3] = ["character varying(", "character(", "numeric("];
    PLAIN.contains(&nominal_type) || LIMITED.iter().any(|start| nominal_type.starts_with(start))
}

/// The fields of an object, in order, their values unread.
struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry::<Name<'de>, &RawValue>()? {
                    fields.push((field.0.0, field.1));
                }
                Ok(Object(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// A name, borrowed where nothing in it is escaped.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn one(nominal_type: &str, body: &str) -> Option<Option<String>> {
        let Object(fields) = serde_json::from_str(body).unwrap();
        let column = Column { name: "a".into(), nominal_type: nominal_type.into(), ..Column::default() };
        value(&column, &fields).map(|v| v.map(|v| String::from_utf8(v.to_vec()).unwrap()))
    }

    #[test]
    fn scalars_become_their_text() {
        let text = |t: &str| Some(Some(t.to_owned()));
        assert_eq!(one("text", r#"{"a":"x\n\u00e9\"y"}"#), text("x\né\"y"));
        assert_eq!(one("text", r#"{"a":1.50}"#), text("1.50"));
        assert_eq!(one("numeric(5,2)", r#"{"a": 1e2 }"#), text("1e2"));
        assert_eq!(one("boolean", r#"{"\u0061":true}"#), text("true"));
        assert_eq!(one("jsonb", r#"{"a":"x\n"}"#), text(r#""x\n""#));
        assert_eq!(one("jsonb", r#"{"a":{"b":[1, 2]}}"#), text(r#"{"b":[1, 2]}"#));
        assert_eq!(one("integer", r#"{"a":null}"#), Some(None));
        assert_eq!(one("integer", r#"{"b":1}"#), Some(None));
    }

    #[test]
    fn the_rest_is_left_to_postgresql() {
        assert_eq!(one("text", r#"{"a":1,"a":2}"#), None);
        assert_eq!(one("text", r#"{"a":"\u0000"}"#), None);
        assert_eq!(one("text", r#"{"a":"\ud800"}"#), None);
        assert_eq!(one("text", r#"{"a":[1]}"#), None);
        assert_eq!(one("integer[]", r#"{"a":[1]}"#), None);
        assert_eq!(one("json", r#"{"a":"x"}"#), None);
        assert_eq!(one("mood", r#"{"a":"x"}"#), None);
        assert!(serde_json::from_str::<Object<'_>>("[1]").is_err());
    }
}
