//! Where a body in chunks ends, if it is written in the plainest way.
//!
//! Extensions, trailers, and all other liberties that a decoder may allow are [`Taken::Strange`], and nothing is said of what follows
//! them. What is accepted here every decoder reads alike, so that it ends where ours ends.

/// A body in chunks that is being read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Chunks {
    at: At,
}

#[derive(Debug, Clone, Copy)]
enum At {
    /// Among the digits of a size, and how many there were.
    Size(u64, u8),
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
    LastCr,
    LastLf,
}

impl Default for At {
    fn default() -> Self {
        Self::Size(0, 0)
    }
}

/// What became of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// All belong to the body, which goes on.
    All,
    /// The body ends after so many.
    EndsAfter(usize),
    /// It is not written plainly.
    Strange,
}

/// A size of more digits is strange; a number of so many fits.
const MOST_DIGITS: u8 = 15;

impl Chunks {
    /// Reads on.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Taken {
        let mut n = 0;
        while let Some(&byte) = bytes.get(n) {
            n += 1;
            self.at = match (self.at, byte) {
                (At::Size(size, digits), _) if byte.is_ascii_hexdigit() && digits < MOST_DIGITS => {
                    let digit = char::from(byte).to_digit(16).unwrap_or_default();
                    At::Size(size * 16 + u64::from(digit), digits + 1)
                }
                (At::Size(size, 1..), b'\r') => At::SizeLf(size),
                (At::SizeLf(0), b'\n') => At::LastCr,
                (At::SizeLf(size), b'\n') => At::Data(size),
                (At::Data(left), _) => {
                    let here = (bytes.len() - n + 1) as u64;
                    let taken = left.min(here);
                    n += taken as usize - 1;
                    if taken == left { At::DataCr } else { At::Data(left - taken) }
                }
                (At::DataCr, b'\r') => At::DataLf,
                (At::DataLf, b'\n') => At::default(),
                (At::LastCr, b'\r') => At::LastLf,
                (At::LastLf, b'\n') => {
                    self.at = At::default();
                    return Taken::EndsAfter(n);
                }
                _ => return Taken::Strange,
            };
        }
        Taken::All
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In pieces of every size.
    fn check(bytes: &[u8], expected: &Taken) {
        for size in 1..=bytes.len() {
            let (mut chunks, mut before, mut end) = (Chunks::default(), 0, Taken::All);
            for piece in bytes.chunks(size) {
                end = chunks.read(piece);
                if end != Taken::All {
                    break;
                }
                before += piece.len();
            }
            if let Taken::EndsAfter(n) = &mut end {
                *n += before;
            }
            assert_eq!(&end, expected, "{size}: {:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn a_plain_body_ends_where_it_ends_and_all_else_is_strange() {
        check(b"5\r\nhello\r\n0\r\n\r\nGET ", &Taken::EndsAfter(15));
        check(b"00A\r\n0\r\n\r\n0\r\n\r\n\r\n0\r\n\r\nX", &Taken::EndsAfter(22));
        check(b"5\r\nhel", &Taken::All);
        check(b"5;a=b\r\nhello\r\n", &Taken::Strange);
        check(b"5\nhello\r\n", &Taken::Strange);
        check(b"5\r\nhello0\r\n", &Taken::Strange);
        check(b"0\r\nA: b\r\n\r\n", &Taken::Strange);
        check(b"\r\n", &Taken::Strange);
        check(b" 5\r\n", &Taken::Strange);
        check(b"1000000000000000\r\n", &Taken::Strange);
    }
}
