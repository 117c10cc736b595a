//! From when and until when a certificate holds (RFC 5280, 4.1.2.5), read from its DER: rustls does not tell, and serves an expired one.

use time::{Date, Month, OffsetDateTime, Time};

/// Both ends of the time in which clients accept a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// `notBefore`.
    pub from: OffsetDateTime,
    /// `notAfter`.
    pub until: OffsetDateTime,
}

impl Validity {
    /// Of a certificate in DER; `None` where it is not one.
    pub(crate) fn of(certificate: &[u8]) -> Option<Self> {
        const SEQUENCE: u8 = 0x30;
        const EXPLICIT_VERSION: u8 = 0xA0;
        let (whole, _) = element(certificate, SEQUENCE)?;
        let (signed, _) = element(whole, SEQUENCE)?;
        let mut rest = signed;
        if signed.first() == Some(&EXPLICIT_VERSION) {
            rest = skip(rest)?;
        }
        // Serial number, signature algorithm, issuer.
        for _ in 0..3 {
            rest = skip(rest)?;
        }
        let (validity, _) = element(rest, SEQUENCE)?;
        let (from, rest) = moment(validity)?;
        let (until, _) = moment(rest)?;
        Some(Self { from, until })
    }
}

/// The contents of the first element, which must have this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, contents, rest) = any(der)?;
    (found == tag).then_some((contents, rest))
}

fn skip(der: &[u8]) -> Option<&[u8]> {
    any(der).map(|(_, _, rest)| rest)
}

fn any(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, der) = der.split_first()?;
    let (&first, der) = der.split_first()?;
    let (length, der) = match usize::from(first) {
        short @ 0..=0x7F => (short, der),
        // The long form: so many bytes of length follow. Certificates are far below four of them.
        long @ 0x81..=0x84 => {
            let (bytes, der) = der.split_at_checked(long - 0x80)?;
            (bytes.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)), der)
        }
        _ => return None,
    };
    let (contents, rest) = der.split_at_checked(length)?;
    Some((tag, contents, rest))
}

/// UTCTime `YYMMDDHHMMSSZ` or GeneralizedTime `YYYYMMDDHHMMSSZ`.
fn moment(der: &[u8]) -> Option<(OffsetDateTime, &[u8])> {
    const UTC_TIME: u8 = 0x17;
    const GENERALIZED_TIME: u8 = 0x18;
    let (tag, contents, rest) = any(der)?;
    let digits = std::str::from_utf8(contents).ok()?.strip_suffix('Z')?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, digits) = match (tag, digits.len()) {
        (UTC_TIME, 12) => {
            let short: i32 = digits[..2].parse().ok()?;
            (if short < 50 { 2000 + short } else { 1900 + short }, &digits[2..])
        }
        (GENERALIZED_TIME, 14) => (digits[..4].parse().ok()?, &digits[4..]),
        _ => return None,
    };
    let part = |at: usize| digits[at..at + 2].parse::<u8>().ok();
    let date = Date::from_calendar_date(year, Month::try_from(part(0)?).ok()?, part(2)?).ok()?;
    let time = Time::from_hms(part(4)?, part(6)?, part(8)?).ok()?;
    Some((OffsetDateTime::new_utc(date, time), rest))
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    use time::macros::datetime;

    use super::*;

    /// Self-signed for localhost; it never secured anything.
    const EXPIRED: &[u8] = include_bytes!("../tests/expired.pem");

    #[test]
    fn the_dates_of_a_certificate_are_read() {
        let certificate = CertificateDer::from_pem_slice(EXPIRED).unwrap();
        let found = Validity::of(&certificate).unwrap();
        assert_eq!(found.from, datetime!(2020-01-01 0:00 UTC));
        assert_eq!(found.until, datetime!(2020-02-01 0:00 UTC));
    }

    #[test]
    fn what_is_no_certificate_has_none() {
        let certificate = CertificateDer::from_pem_slice(EXPIRED).unwrap();
        for cut in 0..certificate.len().min(200) {
            assert_eq!(Validity::of(&certificate[..cut]), None, "cut at {cut}");
        }
        assert_eq!(Validity::of(b"\x30\xff\xff\xff"), None);
    }
}
