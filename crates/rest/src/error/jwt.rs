use super::{Shown, shown};

/// Why a token was refused, in PostgREST's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JwtError {
    /// PGRST300: a token was sent, but the server has no key.
    NoSecret,
    /// PGRST301: `Authorization: Bearer` with nothing after it.
    Empty,
    /// PGRST301, with the number of parts.
    Parts(usize),
    /// PGRST301, with what did not suit.
    Key(Option<String>),
    /// PGRST301, with what was expected.
    Algorithm(Option<String>),
    /// PGRST301: the signature is wrong.
    Crypto,
    /// PGRST301
    UnsupportedType,
    /// PGRST301: neither of the above.
    Decode,
    /// PGRST302: no token, and no role for those without.
    Required,
    /// PGRST303, by how many seconds.
    Expired(i64),
    /// PGRST303, by how many seconds.
    NotYetValid(i64),
    /// PGRST303, by how many seconds.
    IssuedInFuture(i64),
    /// PGRST303
    Audience,
    /// PGRST303
    Claims,
    /// PGRST303: this claim is no number.
    NotANumber(&'static str),
    /// PGRST303
    AudienceType,
    /// PGRST303: the session was ended; ours.
    Revoked,
}

impl JwtError {
    pub(super) fn shown(&self) -> Shown {
        let decode = |message: String| refused(shown(401, "PGRST301", message));
        let claims = |message: String| refused(shown(401, "PGRST303", message));
        match self {
            Self::NoSecret => shown(500, "PGRST300", "Server lacks JWT secret"),
            Self::Empty => decode("Empty JWT is sent in Authorization header".into()),
            Self::Parts(n) => decode(format!("Expected 3 parts in JWT; got {n}")),
            Self::Key(details) => decode("No suitable key or wrong key type".into()).details(details.clone()),
            Self::Algorithm(details) => {
                decode("Wrong or unsupported encoding algorithm".into()).details(details.clone())
            }
            Self::Crypto => decode("JWT cryptographic operation failed".into()),
            Self::UnsupportedType => decode("Unsupported token type".into()),
            Self::Decode => decode("JWT couldn't be decoded".into()),
            Self::Required => {
                let mut error = shown(401, "PGRST302", "Anonymous access is disabled");
                error.headers.push(("WWW-Authenticate".to_owned(), "Bearer".to_owned()));
                error
            }
            Self::Expired(_) => claims("JWT expired".into()),
            Self::NotYetValid(_) => claims("JWT not yet valid".into()),
            Self::IssuedInFuture(_) => claims("JWT issued at future".into()),
            Self::Audience => claims("JWT not in audience".into()),
            Self::Claims => claims("Parsing claims failed".into()),
            Self::NotANumber(claim) => claims(format!("The JWT '{claim}' claim must be a number")),
            Self::AudienceType => claims("The JWT 'aud' claim must be a string or an array of strings".into()),
            Self::Revoked => claims("The session of this JWT has ended".into()),
        }
    }
}

/// RFC 6750: says in a header why the token is not taken.
fn refused(mut error: Shown) -> Shown {
    let text = format!("Bearer error=\"invalid_token\", error_description={:?}", error.message);
    error.headers.push(("WWW-Authenticate".to_owned(), text));
    error
}
