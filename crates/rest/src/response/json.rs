//! Rows as JSON, written from the text that PostgreSQL sends.

use pg::exec::{Column, Row, StepResult};

use crate::plan::node::Embedded;

/// How the text of a column becomes JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It is JSON, or a whole number.
    Raw,
    /// A number that can be `NaN` or `Infinity`, which JSON does not know.
    Number,
    /// `t` and `f`.
    Bool,
    /// `2024-01-31 12:00:00.5`, which ISO 8601 writes with a `T`.
    Timestamp,
    /// The same with an offset, of which the minutes may be left out.
    TimestampTz,
    Text,
    /// JSON of another relation's rows, shown as `jsonb`.
    Embedded,
}

impl Kind {
    /// By the OID in `pg_type`, which is fixed for built-in types.
    fn of(type_oid: u32) -> Self {
        match type_oid {
            16 => Self::Bool,
            20 | 21 | 23 | 114 | 3802 => Self::Raw,
            700 | 701 | 1700 => Self::Number,
            1114 => Self::Timestamp,
            1184 => Self::TimestampTz,
            _ => Self::Text,
        }
    }
}

/// Writes rows of one result.
pub(crate) struct Writer {
    /// `{"name":` or `,"name":` of each column.
    columns: Vec<(Vec<u8>, Kind)>,
}

impl Writer {
    /// Encodes the keys once. What is embedded stands at the end of the columns.
    pub(crate) fn new(columns: &[Column], embedded: &[Embedded]) -> Self {
        let mut written: Vec<(Vec<u8>, Kind)> = columns
            .iter()
            .enumerate()
            .map(|(n, column)| {
                let mut key = vec![if n == 0 { b'{' } else { b',' }];
                string(&mut key, column.name.as_bytes());
                key.push(b':');
                (key, Kind::of(column.type_oid))
            })
            .collect();
        let mut from_the_end = written.iter_mut().rev();
        for one in embedded.iter().rev() {
            match one {
                Embedded::Json { hidden: true, .. } => {}
                Embedded::Json { .. } => {
                    from_the_end.next().into_iter().for_each(|(_, kind)| *kind = Kind::Embedded);
                }
                Embedded::Spread { columns, .. } => from_the_end.by_ref().take(columns.len()).for_each(drop),
            }
        }
        Self { columns: written }
    }

    /// One object.
    fn object(&self, out: &mut Vec<u8>, row: Row<'_>) {
        if self.columns.is_empty() {
            out.push(b'{');
        }
        for ((key, kind), value) in self.columns.iter().zip(row.fields()) {
            out.extend_from_slice(key);
            match value {
                Some(value) => write_value(out, *kind, value),
                None => out.extend_from_slice(b"null"),
            }
        }
        out.push(b'}');
    }
}

/// So many bytes are written before others on the same thread have their turn: about a twentieth of a millisecond.
const TURN: usize = 32 * 1024;

/// All rows as an array.
pub(crate) async fn array(result: &StepResult, embedded: &[Embedded]) -> Vec<u8> {
    let writer = Writer::new(&result.columns, embedded);
    let keys: usize = writer.columns.iter().map(|(key, _)| key.len() + 2).sum();
    let mut out = Vec::with_capacity(result.rows.wire_len() + keys * result.rows.len() + 16);
    out.push(b'[');
    let mut turn = TURN;
    for (n, row) in result.rows.iter().enumerate() {
        if n > 0 {
            // As json_agg separates rows.
            out.extend_from_slice(b", \n ");
        }
        writer.object(&mut out, row);
        if out.len() > turn {
            turn = out.len() + TURN;
            tokio::task::yield_now().await;
        }
    }
    out.push(b']');
    out
}

/// The first row as an object; `null` without one.
pub(crate) fn object(result: &StepResult, embedded: &[Embedded]) -> Vec<u8> {
    let mut out = Vec::with_capacity(result.rows.wire_len() * 2 + 16);
    match result.rows.first() {
        Some(row) => Writer::new(&result.columns, embedded).object(&mut out, row),
        None => out.extend_from_slice(b"null"),
    }
    out
}

fn write_value(out: &mut Vec<u8>, kind: Kind, value: &[u8]) {
    match kind {
        Kind::Raw => out.extend_from_slice(value),
        Kind::Number if value.last().is_some_and(u8::is_ascii_digit) => out.extend_from_slice(value),
        Kind::Bool => out.extend_from_slice(if value == b"t" { b"true" } else { b"false" }),
        Kind::Timestamp => timestamp(out, value, false),
        Kind::TimestampTz => timestamp(out, value, true),
        Kind::Number | Kind::Text => string(out, value),
        Kind::Embedded => super::jsonb::write(out, value),
    }
}

/// As `to_json` writes it: `T` between date and time, offsets with minutes.
fn timestamp(out: &mut Vec<u8>, value: &[u8], with_offset: bool) {
    out.push(b'"');
    match value.iter().position(|b| *b == b' ') {
        // `infinity`
        None => out.extend_from_slice(value),
        Some(blank) => {
            let (date, rest) = (&value[..blank], &value[blank + 1..]);
            let (time, era) = match rest.iter().position(|b| *b == b' ') {
                Some(end) => rest.split_at(end),
                None => (rest, &b""[..]),
            };
            out.extend_from_slice(date);
            out.push(b'T');
            out.extend_from_slice(time);
            // `+02` is followed by nothing, `+05:30` by its minutes.
            let offset = time.iter().rposition(|b| matches!(b, b'+' | b'-'));
            if with_offset && offset.is_some_and(|at| time.len() - at == 3) {
                out.extend_from_slice(b":00");
            }
            out.extend_from_slice(era);
        }
    }
    out.push(b'"');
}

/// A JSON string, escaped as PostgreSQL escapes it.
pub(super) fn string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    let mut rest = text;
    while let Some(at) = special(rest) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        escape(out, tail[0]);
        rest = &tail[1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        8 => out.extend_from_slice(b"\\b"),
        12 => out.extend_from_slice(b"\\f"),
        other => {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(other >> 4)]);
            out.push(HEX[usize::from(other & 15)]);
        }
    }
}

/// Where the first byte is that must be escaped, looking at eight at a time.
fn special(text: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let has_zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let mut at = 0;
    while let Some(chunk) = text.get(at..at + 8).and_then(|c| <[u8; 8]>::try_from(c).ok()) {
        let word = u64::from_le_bytes(chunk);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let quote = has_zero(word ^ (ONES * u64::from(b'"')));
        let backslash = has_zero(word ^ (ONES * u64::from(b'\\')));
        let found = control | quote | backslash;
        if found != 0 {
            // The lowest mark is exact; those above it may be borrowed.
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    text[at..].iter().position(|b| *b < 0x20 || matches!(b, b'"' | b'\\')).map(|n| at + n)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(kind: Kind, text: &str) -> String {
        let mut out = Vec::new();
        write_value(&mut out, kind, text.as_bytes());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_look_as_to_json_makes_them() {
        assert_eq!(written(Kind::TimestampTz, "2024-01-31 12:00:00.5+02"), r#""2024-01-31T12:00:00.5+02:00""#);
        assert_eq!(written(Kind::TimestampTz, "2024-01-31 12:00:00-05:30"), r#""2024-01-31T12:00:00-05:30""#);
        assert_eq!(written(Kind::TimestampTz, "0044-03-15 00:00:00+00 BC"), r#""0044-03-15T00:00:00+00:00 BC""#);
        assert_eq!(written(Kind::TimestampTz, "infinity"), r#""infinity""#);
        assert_eq!(written(Kind::Timestamp, "2024-01-31 12:00:00"), r#""2024-01-31T12:00:00""#);
        assert_eq!(written(Kind::Number, "NaN"), r#""NaN""#);
        assert_eq!(written(Kind::Number, "-1.5e-7"), "-1.5e-7");
        assert_eq!(written(Kind::Bool, "t"), "true");
        assert_eq!(written(Kind::Text, "a\"b\\c\n\u{1}é"), "\"a\\\"b\\\\c\\n\\u0001é\"");
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in ".{0,60}") {
            let json = written(Kind::Text, &text);
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn the_quick_search_finds_what_the_slow_one_finds(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let slow = bytes.iter().position(|b| *b < 0x20 || matches!(b, b'"' | b'\\'));
            prop_assert_eq!(special(&bytes), slow);
        }
    }
}
