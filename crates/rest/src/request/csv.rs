//! CSV as PostgREST's library reads it: fields in double quotes or without any, lines that end with `\n` or `\r\n`, and its words for the
//! rest.

use super::parsec;

/// What a body of CSV holds, as bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Table {
    /// The names of the first line.
    pub(super) header: Vec<Vec<u8>>,
    /// The lines below, without those that are empty.
    pub(super) lines: Vec<Vec<Vec<u8>>>,
}

/// Reads a whole body.
///
/// # Errors
/// What is wrong, and before which text.
pub(super) fn read(body: &[u8]) -> Result<Table, String> {
    let mut reader = Reader { rest: body };
    let header = reader.line()?;
    reader.end_of_header()?;
    let mut lines = vec![reader.line()?];
    while reader.next_line()? {
        lines.push(reader.line()?);
    }
    if !reader.rest.is_empty() {
        return Err(reader.error("endOfInput"));
    }
    lines.retain(|line| !matches!(line.as_slice(), [only] if only.is_empty()));
    Ok(Table { header, lines })
}

const MISMATCH: &str = "Failed reading: satisfy";
const TOO_SHORT: &str = "not enough input";

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn error(&self, why: &str) -> String {
        let text: String = self.rest.iter().take(100).map(|b| char::from(*b)).collect();
        let place = if self.rest.len() > 100 { format!("{text} (truncated)") } else { parsec::quoted(&text) };
        format!("parse error ({why}) at {place}")
    }

    fn takes(&mut self, wanted: &[u8]) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn line(&mut self) -> Result<Vec<Vec<u8>>, String> {
        let mut fields = vec![self.field()?];
        while self.takes(b",") {
            fields.push(self.field()?);
        }
        Ok(fields)
    }

    fn field(&mut self) -> Result<Vec<u8>, String> {
        if self.takes(b"\"") {
            return self.quoted();
        }
        let end = self.rest.iter().position(|b| b"\",\r\n".contains(b)).unwrap_or(self.rest.len());
        let (field, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(field.to_vec())
    }

    /// Up to the closing quote; two of them stand for one.
    fn quoted(&mut self) -> Result<Vec<u8>, String> {
        let mut field = Vec::new();
        loop {
            let Some(end) = self.rest.iter().position(|b| *b == b'"') else {
                self.rest = &[];
                return Err(self.error(TOO_SHORT));
            };
            field.extend_from_slice(&self.rest[..end]);
            self.rest = &self.rest[end + 1..];
            if !self.takes(b"\"") {
                return Ok(field);
            }
            field.push(b'"');
        }
    }

    fn end_of_header(&mut self) -> Result<(), String> {
        if self.takes(b"\n") || self.takes(b"\r\n") || self.takes(b"\r") {
            return Ok(());
        }
        Err(self.error(if self.rest.is_empty() { TOO_SHORT } else { MISMATCH }))
    }

    /// Is there a line below?
    fn next_line(&mut self) -> Result<bool, String> {
        if self.takes(b"\n") || self.takes(b"\r\n") {
            return Ok(true);
        }
        if self.takes(b"\r") {
            return Err(self.error(if self.rest.is_empty() { TOO_SHORT } else { MISMATCH }));
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Result<Vec<Vec<String>>, String> {
        let texts = |line: Vec<Vec<u8>>| line.into_iter().map(|f| String::from_utf8(f).unwrap()).collect();
        let Table { header, lines } = read(text.as_bytes())?;
        Ok(std::iter::once(header).chain(lines).map(texts).collect())
    }

    #[test]
    fn fields_may_be_quoted_and_lines_end_either_way() {
        assert_eq!(lines("a,b\n1,\"x,\"\"y\"\"\n\"\r\n").unwrap(), [["a", "b"], ["1", "x,\"y\"\n"]]);
        assert_eq!(lines("a\r1").unwrap(), [["a"], ["1"]]);
        assert_eq!(lines("a\n\n1\n\"\"\n\n").unwrap(), [["a"], ["1"]]);
        assert_eq!(lines("a,b\n,\n").unwrap(), [["a", "b"], ["", ""]]);
        assert_eq!(lines("a\n").unwrap(), [["a"]]);
    }

    #[test]
    fn the_rest_is_refused_where_it_begins() {
        let error = |text| lines(text).unwrap_err();
        assert_eq!(error(""), r#"parse error (not enough input) at """#);
        assert_eq!(error("a,b"), r#"parse error (not enough input) at """#);
        assert_eq!(error("a\"b\n1"), r#"parse error (Failed reading: satisfy) at "\"b\n1""#);
        assert_eq!(error("a\n\"7\"7\n"), r#"parse error (endOfInput) at "7\n""#);
        assert_eq!(error("a\n\"77"), r#"parse error (not enough input) at """#);
        assert_eq!(error("a\n1\r2"), r#"parse error (Failed reading: satisfy) at "2""#);
    }
}
