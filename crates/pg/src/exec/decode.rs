//! From the bytes of an answer to results.

use std::sync::Arc;

use bytes::Bytes;

use super::encode::Flight;
use super::{Column, Rows, StepResult};
use crate::{Error, ServerError};

/// The tag and the end of the message that begins at `at`, where it is complete.
#[inline]
pub(super) fn frame(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    let (head, _) = bytes.get(at..)?.split_first_chunk::<5>()?;
    let len = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    let end = at + 1 + len;
    // The length counts itself.
    (len >= 4 && end <= bytes.len()).then_some((head[0], end))
}

/// Why an answer is an error, and whether it is worth another try with statements prepared anew.
pub(super) struct Failed {
    pub(super) error: Error,
    pub(super) stale: bool,
    /// The short lane's own timeout ended it.
    pub(super) late: bool,
}

/// Reads a whole answer (everything up to `ReadyForQuery`) to one flight.
pub(super) fn decode(raw: &Bytes, flight: &Flight) -> Result<Vec<StepResult>, Failed> {
    let mut results = Vec::with_capacity(flight.steps.len());
    let (mut at, mut executed) = (0, 0);
    let (mut first_row, mut count) = (None, 0);
    let mut described: Option<Arc<[Column]>> = None;
    while let Some((tag, end)) = frame(raw, at) {
        match tag {
            b'D' => {
                first_row.get_or_insert(at);
                count += 1;
            }
            b'T' => described = Some(columns(&raw[at + 5..end])),
            // CommandComplete, EmptyQueryResponse: a statement is done.
            b'C' | b'I' => {
                if let Some(statement) = executed_step(flight, executed) {
                    let columns = described.take().or_else(|| statement.columns()).unwrap_or_default();
                    let rows = first_row.map_or_else(Bytes::new, |first| raw.slice(first..at));
                    let affected = if tag == b'C' { affected(&raw[at + 5..end]) } else { 0 };
                    results.push(StepResult { columns, rows: Rows::new(rows, count), affected });
                }
                described = None;
                (first_row, count) = (None, 0);
                executed += 1;
            }
            b'E' => return Err(failed(&raw[at + 5..end])),
            _ => {}
        }
        at = end;
    }
    if results.len() == flight.steps.len() {
        return Ok(results);
    }
    let error = Error::Unexpected(format!("{} results for {} statements", results.len(), flight.steps.len()));
    Err(Failed { error, stale: false, late: false })
}

/// The first field of the first row of an answer.
pub(super) fn first_field(raw: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    while let Some((tag, end)) = frame(raw, at) {
        if tag == b'D' {
            let field = raw.get(at + 7..end)?;
            let (length, rest) = field.split_first_chunk::<4>()?;
            return rest.get(..usize::try_from(i32::from_be_bytes(*length)).ok()?);
        }
        at = end;
    }
    None
}

fn executed_step(flight: &Flight, executed: usize) -> Option<&super::statements::Statement> {
    flight.steps.get(executed.checked_sub(flight.lead)?).map(AsRef::as_ref)
}

fn failed(body: &[u8]) -> Failed {
    let (error, routine) = server_error(body);
    // A result whose columns changed type, or a name that user code deallocated: both are gone after a new Parse. A function may raise
    // the same code, and must not be run again for it; there is a context then, unless it is in C.
    let stale = error.context.is_none()
        && ((error.code == "26000" && routine != "exec_stmt_raise")
            || (error.code == "0A000" && routine == "RevalidateCachedQuery"));
    Failed { error: Error::Server(Box::new(error)), stale, late: false }
}

/// `INSERT 0 5` → 5, `SELECT 3` → 3, `BEGIN` → 0.
fn affected(tag: &[u8]) -> u64 {
    let tag = tag.strip_suffix(b"\0").unwrap_or(tag);
    let digits = tag.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    tag[tag.len() - digits..].iter().fold(0, |n, b| n * 10 + u64::from(b - b'0'))
}

/// The columns of a `RowDescription`.
pub(super) fn columns(body: &[u8]) -> Arc<[Column]> {
    let Some((count, mut rest)) = body.split_first_chunk::<2>() else { return Arc::default() };
    let mut columns = Vec::with_capacity(usize::from(u16::from_be_bytes(*count)));
    // Name, then table OID (4), attribute (2), type OID (4), type length (2), modifier (4), format (2).
    while let Some(name_end) = memchr::memchr(0, rest) {
        let name = String::from_utf8_lossy(&rest[..name_end]).into_owned();
        let Some((fixed, next)) = rest[name_end + 1..].split_first_chunk::<18>() else { break };
        columns.push(Column { name, type_oid: u32::from_be_bytes([fixed[6], fixed[7], fixed[8], fixed[9]]) });
        rest = next;
    }
    columns.into()
}

/// An `ErrorResponse`, and the name of the server's routine that raised it (not localised, unlike the message).
pub(super) fn server_error(body: &[u8]) -> (ServerError, String) {
    let (mut error, mut routine) = (ServerError::default(), String::new());
    for field in body.split(|b| *b == 0) {
        let Some((kind, text)) = field.split_first() else { continue };
        let text = String::from_utf8_lossy(text).into_owned();
        match kind {
            b'C' => error.code = text,
            b'V' => error.severity = text,
            b'S' if error.severity.is_empty() => error.severity = text,
            b'M' => error.message = text,
            b'D' => error.detail = Some(text),
            b'H' => error.hint = Some(text),
            b'W' => error.context = Some(text),
            b'P' => error.position = text.parse().ok(),
            b's' => error.schema = Some(text),
            b't' => error.table = Some(text),
            b'c' => error.column = Some(text),
            b'n' => error.constraint = Some(text),
            b'R' => routine = text,
            _ => {}
        }
    }
    (error, routine)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::statements::Statement;
    use super::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let mut m = vec![tag];
        m.extend((body.len() as u32 + 4).to_be_bytes());
        m.extend(body);
        m
    }

    fn flight(steps: usize) -> Flight {
        Flight { lead: 1, steps: (0..steps).map(|_| Arc::new(Statement::unnamed())).collect() }
    }

    #[test]
    fn results_belong_to_their_statements() {
        let bytes = [
            message(b'C', b"SELECT 1\0"),
            message(b'T', b"\0\x01id\0\0\0\0\0\0\0\0\0\0\x17\0\x04\0\0\0\0\0\0"),
            message(b'D', b"\0\x01\0\0\0\x011"),
            message(b'C', b"SELECT 1\0"),
            message(b'C', b"INSERT 0 12\0"),
            message(b'Z', b"I"),
        ]
        .concat();
        let results = decode(&bytes.into(), &flight(2)).unwrap_or_else(|f| panic!("{}", f.error));
        assert_eq!(&results[0].columns[..], [Column { name: "id".into(), type_oid: 23 }]);
        assert_eq!(results[0].rows.value(0), Some(&b"1"[..]));
        assert_eq!((results[1].affected, results[1].rows.len()), (12, 0));
    }

    #[test]
    fn an_error_carries_its_fields() {
        let bytes = message(b'E', b"SERROR\0VERROR\0C23505\0Mdup\0Dthere\0nusers_pkey\0R_bt_check\0\0");
        let error = decode(&bytes.into(), &flight(1)).err().map(|f| f.error);
        assert!(error.as_ref().is_some_and(|e| e.code() == Some("23505") && e.violates("users_pkey")), "{error:?}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), tags in "[DTCIEZNS]{0,9}") {
            let mut framed: Vec<u8> = tags.bytes().flat_map(|t| message(t, &bytes)).collect();
            framed.extend(&bytes);
            let _ = decode(&framed.into(), &flight(2));
        }
    }
}
