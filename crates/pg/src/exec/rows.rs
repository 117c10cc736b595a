//! Rows as they came: one block of bytes, read in place.

use bytes::Bytes;

/// Tag, length and field count of a `DataRow` message.
const HEAD: usize = 7;

/// The rows of one result, kept as the bytes of their `DataRow` messages.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// Whole messages; the few that are no `DataRow` (a notice in between) are skipped when read.
    data: Bytes,
    count: usize,
}

impl Rows {
    /// `data` holds whole messages of which `count` are rows.
    pub(crate) fn new(data: Bytes, count: usize) -> Self {
        Self { data, count }
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.count
    }

    /// No row?
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes on the wire: a good capacity for what is written from them.
    pub fn wire_len(&self) -> usize {
        self.data.len()
    }

    /// The rows in order.
    pub fn iter(&self) -> RowIter<'_> {
        RowIter { rest: &self.data }
    }

    /// The first row.
    pub fn first(&self) -> Option<Row<'_>> {
        self.iter().next()
    }

    /// The field of the first row at `index`: for results of one row.
    pub fn value(&self, index: usize) -> Option<&[u8]> {
        self.first()?.get(index)
    }
}

impl<'a> IntoIterator for &'a Rows {
    type Item = Row<'a>;
    type IntoIter = RowIter<'a>;

    fn into_iter(self) -> RowIter<'a> {
        self.iter()
    }
}

/// Walks the rows of a result.
#[derive(Debug, Clone)]
pub struct RowIter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for RowIter<'a> {
    type Item = Row<'a>;

    fn next(&mut self) -> Option<Row<'a>> {
        loop {
            let &[tag, a, b, c, d, ..] = self.rest else { return None };
            let len = u32::from_be_bytes([a, b, c, d]) as usize + 1;
            let (message, rest) = self.rest.split_at_checked(len)?;
            self.rest = rest;
            if tag == b'D' {
                let body = message.get(HEAD..)?;
                return Some(Row { body, count: u16::from_be_bytes([message[5], message[6]]) });
            }
        }
    }
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    body: &'a [u8],
    count: u16,
}

impl<'a> Row<'a> {
    /// How many fields.
    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// No field?
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The fields in order, `None` for NULL: faster than [`Row::get`] for each.
    pub fn fields(&self) -> Fields<'a> {
        Fields { rest: self.body, left: self.count }
    }

    /// The field at `index`; `None` for NULL, and where there is no such field.
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.fields().nth(index).flatten()
    }
}

/// Walks the fields of a row.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
    left: u16,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<&'a [u8]>;

    #[inline]
    fn next(&mut self) -> Option<Option<&'a [u8]>> {
        self.left = self.left.checked_sub(1)?;
        let (head, rest) = self.rest.split_first_chunk::<4>()?;
        // A negative length is NULL and has no bytes.
        let Ok(len) = usize::try_from(i32::from_be_bytes(*head)) else {
            self.rest = rest;
            return Some(None);
        };
        let (value, rest) = rest.split_at_checked(len)?;
        self.rest = rest;
        Some(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let mut m = vec![tag];
        m.extend((body.len() as u32 + 4).to_be_bytes());
        m.extend(body);
        m
    }

    #[test]
    fn rows_are_read_in_place_and_notices_skipped() {
        let mut bytes = message(b'D', b"\0\x02\0\0\0\x02hi\xff\xff\xff\xff");
        bytes.extend(message(b'N', b"note"));
        bytes.extend(message(b'D', b"\0\x02\0\0\0\0\0\0\0\x01x"));
        let rows = Rows::new(bytes.into(), 2);
        let seen: Vec<Vec<Option<&[u8]>>> = rows.iter().map(|r| r.fields().collect()).collect();
        assert_eq!(seen, [vec![Some(&b"hi"[..]), None], vec![Some(&b""[..]), Some(b"x")]]);
        assert_eq!(rows.value(0), Some(&b"hi"[..]));
        assert_eq!(rows.first().unwrap().get(2), None);
    }

    #[test]
    fn what_is_cut_short_ends_the_walk() {
        let whole = message(b'D', b"\0\x01\0\0\0\x05abcde");
        for cut in 0..whole.len() {
            let rows = Rows::new(whole[..cut].to_vec().into(), 1);
            assert!(rows.iter().all(|r| r.fields().count() <= 1));
        }
        let lying = message(b'D', b"\0\x01\0\0\0\x50abcde");
        assert_eq!(Rows::new(lying.into(), 1).value(0), None);
    }
}
