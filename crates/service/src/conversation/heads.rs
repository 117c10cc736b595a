//! Where the head of a request ends, and which bytes of its target must be percent-encoded before anybody parses them.
//!
//! Both are decided as `httparse` decides them, which is asked next: a head ends with the first empty line after its first line, lines
//! end with LF or CR LF, and empty lines before the first are skipped. Whatever else a head holds makes `httparse` refuse it, and then
//! the connection ends, so that it does not matter what is thought of it here.

/// The hexadecimal digits of an escape.
const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// A head that is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Head {
    /// Nothing but empty lines so far.
    #[default]
    Before,
    Method,
    Target,
    /// Behind the target.
    Lines(Line),
}

/// What the bytes behind the target end with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// Anything else.
    Inside,
    /// LF: an LF, or CR LF, would end the head.
    Ended,
    /// LF CR: an LF would end the head.
    Return,
}

/// What was seen in some bytes of a head.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// So many bytes belong to the head.
    pub(super) len: usize,
    /// The first of them that cannot stay as they are.
    pub(super) odd: Option<usize>,
    /// Is the head complete?
    pub(super) complete: bool,
}

impl Head {
    /// Reads on. Where a byte is odd, all from there to `len` is put into `out`, encoded.
    pub(super) fn read(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Seen {
        let mut at = 0;
        let mut target = 0..0;
        let mut complete = false;
        while let (Some(&byte), false) = (bytes.get(at), complete) {
            let rest = &bytes[at..];
            match *self {
                Self::Before if matches!(byte, b'\r' | b'\n') => at += 1,
                Self::Before => *self = Self::Method,
                Self::Method => match memchr::memchr2(b' ', b'\n', rest) {
                    Some(end) => {
                        *self = if rest[end] == b' ' { Self::Target } else { Self::Lines(Line::Ended) };
                        at += end + 1;
                    }
                    None => at = bytes.len(),
                },
                Self::Target => {
                    let end = rest.iter().position(|b| matches!(b, b' ' | b'\r' | b'\n'));
                    target = at..end.map_or(bytes.len(), |end| at + end);
                    at = target.end;
                    if end.is_some() {
                        *self = Self::Lines(Line::Inside);
                    }
                }
                Self::Lines(line) => match (line, byte) {
                    (Line::Ended | Line::Return, b'\n') => {
                        at += 1;
                        complete = true;
                    }
                    (Line::Ended, b'\r') => {
                        at += 1;
                        *self = Self::Lines(Line::Return);
                    }
                    _ => match memchr::memchr(b'\n', rest) {
                        Some(end) => {
                            at += end + 1;
                            *self = Self::Lines(Line::Ended);
                        }
                        None => {
                            at = bytes.len();
                            *self = Self::Lines(Line::Inside);
                        }
                    },
                },
            }
        }
        if complete {
            *self = Self::default();
        }
        let odd = bytes[target.clone()].iter().position(|b| is_odd(*b)).map(|n| target.start + n);
        if let Some(odd) = odd {
            encode(&bytes[odd..target.end], out);
            out.extend_from_slice(&bytes[target.end..at]);
        }
        Seen { len: at, odd, complete }
    }
}

/// Which no URI may hold. `http` lets some of them pass, depending on the place; `httparse` refuses others, and what is no UTF-8.
const fn is_odd(byte: u8) -> bool {
    matches!(byte, 0..=b' ' | b'"' | b'#' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | 0x7F..)
}

fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        if is_odd(*byte) {
            out.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        } else {
            out.push(*byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::*;

    /// The bytes as they are passed on, what is left over, and whether the head is complete.
    fn passed(pieces: &[&[u8]]) -> (String, usize, bool) {
        let (mut head, mut all) = (Head::default(), Vec::new());
        for (n, piece) in pieces.iter().enumerate() {
            let mut out = Vec::new();
            let seen = head.read(piece, &mut out);
            all.extend_from_slice(&piece[..seen.odd.unwrap_or(seen.len)]);
            all.extend_from_slice(&out);
            if seen.complete {
                let rest: usize = pieces[n + 1..].iter().map(|p| p.len()).sum();
                return (String::from_utf8(all).expect("text"), rest + piece.len() - seen.len, true);
            }
        }
        (String::from_utf8(all).expect("text"), 0, false)
    }

    fn check(given: &[u8], expected: &str, rest: usize) {
        assert_eq!(passed(&[given]), (expected.to_owned(), rest, true), "{:?}", String::from_utf8_lossy(given));
        for at in 0..given.len() {
            let (one, other) = given.split_at(at);
            assert_eq!(passed(&[one, other]), (expected.to_owned(), rest, true), "{at}");
        }
    }

    #[test]
    fn what_no_uri_may_hold_is_encoded_in_the_target_and_nowhere_else() {
        check(
            b"GET /t?select=jb->>a HTTP/1.1\r\nX-A: <>\"\r\n\r\n{\"a\": \"<\"}",
            "GET /t?select=jb-%3E%3Ea HTTP/1.1\r\nX-A: <>\"\r\n\r\n",
            10,
        );
        check(
            b"GET /a\"<>^`{|}\\#\x7f\xc3\xa4\xff\t HTTP/1.1\n\n",
            "GET /a%22%3C%3E%5E%60%7B%7C%7D%5C%23%7F%C3%A4%FF%09 HTTP/1.1\n\n",
            0,
        );
        check(b"\r\n\nGET /%3e?a=(1,2)&b=[x]~ HTTP/1.0\r\n\n", "\r\n\nGET /%3e?a=(1,2)&b=[x]~ HTTP/1.0\r\n\n", 0);
        check(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "PRI * HTTP/2.0\r\n\r\n", 6);
        assert!(!passed(&[b"GET /> HTTP/1.1\r\nA: b\r\n\r"]).2);
    }

    proptest! {
        /// The parser that is asked next finds the end at the same place, in whatever pieces the bytes come.
        #[test]
        fn a_head_ends_where_the_parser_says(
            picks in proptest::collection::vec(0_usize..12, 0..40), cut in any::<proptest::sample::Index>(),
        ) {
            let parts: [&[u8]; 12] =
                [b"GET ", b"/a>", b" HTTP/1.1", b"\r\n", b"\n", b"\r", b"A: b", b"\r\n\r\n", b" ", b":", b"x", b"\xc3\xa4"];
            let mut bytes = b"GET /?a=>b HTTP/1.1\r\n".to_vec();
            if picks.first() == Some(&3) {
                bytes.clear();
            }
            bytes.extend(picks.iter().flat_map(|n| parts[*n]));
            let (one, other) = bytes.split_at(cut.index(bytes.len().max(1)).min(bytes.len()));
            let (text, rest, complete) = passed(&[one, other]);
            let mut headers = [httparse::EMPTY_HEADER; 64];
            match httparse::Request::new(&mut headers).parse(&bytes) {
                Ok(httparse::Status::Complete(len)) => {
                    prop_assert!(complete);
                    prop_assert_eq!(rest, bytes.len() - len);
                }
                Ok(httparse::Status::Partial) => prop_assert!(!complete, "{text:?}"),
                Err(_) => {}
            }
        }
    }
}
