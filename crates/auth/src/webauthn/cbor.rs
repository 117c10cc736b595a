//! As much CBOR (RFC 8949) as authenticators write: definite lengths, no tags, no floats.

/// Things in things.
const MAX_DEPTH: usize = 8;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cbor<'a> {
    Integer(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(Vec<Self>),
    Map(Vec<(Self, Self)>),
    /// `true`, `false`, `null`.
    Simple(u8),
}

impl<'a> Cbor<'a> {
    /// The value of an integer key.
    pub fn at(&self, key: i64) -> Option<&Self> {
        self.entry(|known| *known == Self::Integer(key))
    }

    /// The value of a text key.
    pub fn named(&self, key: &str) -> Option<&Self> {
        self.entry(|known| matches!(known, Self::Text(text) if *text == key))
    }

    fn entry(&self, is: impl Fn(&Self) -> bool) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.iter().find(|(key, _)| is(key)).map(|(_, value)| value),
            _ => None,
        }
    }

    pub fn integer(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    pub fn bytes(&self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }
}

/// Reads one item; returns it and what follows.
pub(super) fn read(bytes: &[u8]) -> Option<(Cbor<'_>, &[u8])> {
    item(bytes, 0)
}

fn item(bytes: &[u8], depth: usize) -> Option<(Cbor<'_>, &[u8])> {
    if depth > MAX_DEPTH {
        return None;
    }
    let (first, rest) = bytes.split_first()?;
    let (kind, short) = (first >> 5, first & 31);
    if kind == 7 {
        return matches!(short, 20..=22).then_some((Cbor::Simple(short), rest));
    }
    let (number, mut rest) = length(short, rest)?;
    Some(match kind {
        0 => (Cbor::Integer(i64::try_from(number).ok()?), rest),
        1 => (Cbor::Integer(-1 - i64::try_from(number).ok()?), rest),
        2 | 3 => {
            let (content, rest) = rest.split_at_checked(usize::try_from(number).ok()?)?;
            let value = if kind == 2 { Cbor::Bytes(content) } else { Cbor::Text(std::str::from_utf8(content).ok()?) };
            (value, rest)
        }
        4 => {
            let mut items = Vec::new();
            for _ in 0..number {
                let (value, after) = item(rest, depth + 1)?;
                items.push(value);
                rest = after;
            }
            (Cbor::Array(items), rest)
        }
        5 => {
            let mut entries = Vec::new();
            for _ in 0..number {
                let (key, after) = item(rest, depth + 1)?;
                let (value, after) = item(after, depth + 1)?;
                entries.push((key, value));
                rest = after;
            }
            (Cbor::Map(entries), rest)
        }
        _ => return None,
    })
}

fn length(short: u8, rest: &[u8]) -> Option<(u64, &[u8])> {
    let width = match short {
        0..=23 => return Some((u64::from(short), rest)),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return None,
    };
    let (digits, rest) = rest.split_at_checked(width)?;
    Some((digits.iter().fold(0, |number, digit| (number << 8) | u64::from(*digit)), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// From RFC 8949 appendix A.
    #[test]
    fn examples_of_the_rfc() {
        let items = |hex_text: &str| {
            read(&hex::decode(hex_text).unwrap()).map(|(value, rest)| (format!("{value:?}"), rest.len()))
        };
        assert_eq!(items("1903e8").unwrap().0, "Integer(1000)");
        assert_eq!(items("3863").unwrap().0, "Integer(-100)");
        assert_eq!(items("4401020304").unwrap().0, "Bytes([1, 2, 3, 4])");
        assert_eq!(items("6449455446").unwrap().0, "Text(\"IETF\")");
        assert_eq!(
            items("a201020304ff").unwrap(),
            ("Map([(Integer(1), Integer(2)), (Integer(3), Integer(4))])".into(), 1)
        );
        assert_eq!(items("83010203").unwrap().0, "Array([Integer(1), Integer(2), Integer(3)])");
        assert_eq!(items("f5").unwrap().0, "Simple(21)");
        for bad in
            ["", "19", "44010203", "9f01ff", "bf", "fb3ff0000000000000", "9bffffffffffffffff", "81818181818181818181"]
        {
            assert_eq!(items(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn junk_has_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
    }
}
