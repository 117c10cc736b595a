/// Why a token is refused. Which words the client reads depends on the surface: [`VerifyError::postgrest`], [`VerifyError::gotrue`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// No text at all.
    #[error("the token is empty")]
    Empty,
    /// Not `header.claims.signature`.
    #[error("a token has 3 parts, this one {0}")]
    Parts(usize),
    /// Header or signature are not base64url, or the header is not a JSON object with an `alg`.
    #[error("the token's {0} cannot be read")]
    Malformed(&'static str),
    /// `alg` is `none`.
    #[error("the token is not signed")]
    Unsecured,
    /// An `alg` that nobody here knows, or an extension that must be understood (`crit`).
    #[error("the token's algorithm {0:?} is not supported")]
    UnknownAlgorithm(String),
    /// No key has this kid and can do this algorithm.
    #[error("no key fits the token (kid {kid:?}, alg {algorithm})")]
    NoSuitableKey {
        /// `kid` of the header.
        kid: Option<String>,
        /// `alg` of the header.
        algorithm: super::Algorithm,
    },
    /// The keys that fit say that they did not sign it.
    #[error("the token's signature is wrong")]
    Signature,
    /// The claims are signed but not a JSON object.
    #[error("the token's claims are not a JSON object")]
    ClaimsUnreadable,
    /// `exp` is in the past.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` is in the future.
    #[error("the token was issued in the future")]
    IssuedInFuture,
    /// `aud` names somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// `exp`, `nbf` or `iat` is not a number.
    #[error("the token's {0:?} is not a number")]
    NotANumber(&'static str),
    /// `aud` is neither a string nor an array of strings.
    #[error("the token's audience is neither a string nor an array of strings")]
    AudienceType,
}

impl VerifyError {
    /// Code, message and details as PostgREST (v14 to v16) answers them, always with 401.
    pub fn postgrest(&self) -> (&'static str, String, Option<&'static str>) {
        const DECODE: &str = "PGRST301";
        const CLAIMS: &str = "PGRST303";
        let (code, message, details) = match self {
            Self::Empty => (DECODE, "Empty JWT is sent in Authorization header", None),
            Self::Parts(n) => return (DECODE, format!("Expected 3 parts in JWT; got {n}"), None),
            Self::Malformed(_) | Self::UnknownAlgorithm(_) => (DECODE, "JWT cryptographic operation failed", None),
            Self::Unsecured => (
                DECODE,
                "Wrong or unsupported encoding algorithm",
                Some("JWT is unsecured but expected 'alg' was not 'none'"),
            ),
            Self::NoSuitableKey { .. } => {
                (DECODE, "No suitable key or wrong key type", Some("No suitable key was found to decode the JWT"))
            }
            Self::Signature => {
                (DECODE, "No suitable key or wrong key type", Some("None of the keys was able to decode the JWT"))
            }
            Self::ClaimsUnreadable => (CLAIMS, "Parsing claims failed", None),
            Self::Expired => (CLAIMS, "JWT expired", None),
            Self::NotYetValid => (CLAIMS, "JWT not yet valid", None),
            Self::IssuedInFuture => (CLAIMS, "JWT issued at future", None),
            Self::Audience => (CLAIMS, "JWT not in audience", None),
            Self::NotANumber(claim) => {
                return (CLAIMS, format!("The JWT '{claim}' claim must be a number"), None);
            }
            Self::AudienceType => (CLAIMS, "The JWT 'aud' claim must be a string or an array of strings", None),
        };
        (code, message.to_owned(), details)
    }

    /// What GoTrue puts behind "invalid JWT: unable to parse or verify signature, ".
    pub fn gotrue(&self) -> String {
        match self {
            Self::Empty | Self::Parts(_) => {
                "token is malformed: token contains an invalid number of segments".to_owned()
            }
            Self::Malformed(part) => format!("token is malformed: could not decode the {part}"),
            Self::ClaimsUnreadable => "token is malformed: could not JSON decode claim".to_owned(),
            Self::Unsecured => "token signature is invalid: signing method none is invalid".to_owned(),
            Self::UnknownAlgorithm(name) => format!("token signature is invalid: signing method {name} is invalid"),
            Self::NoSuitableKey { kid: Some(kid), .. } => format!(
                "token is unverifiable: error while executing keyfunc: unrecognized JWT kid {kid} for this algorithm"
            ),
            Self::NoSuitableKey { kid: None, algorithm } => {
                format!("token signature is invalid: signing method {algorithm} is invalid")
            }
            Self::Signature => "token signature is invalid: signature is invalid".to_owned(),
            Self::Expired => "token has invalid claims: token is expired".to_owned(),
            Self::NotYetValid => "token has invalid claims: token is not valid yet".to_owned(),
            Self::IssuedInFuture => "token has invalid claims: token used before issued".to_owned(),
            Self::Audience => "token has invalid claims: token has invalid audience".to_owned(),
            Self::NotANumber(claim) => format!("token has invalid claims: {claim} is invalid"),
            Self::AudienceType => "token has invalid claims: aud is invalid".to_owned(),
        }
    }
}

/// Why a key cannot be used. Never holds the key itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// PostgREST refuses to start with less.
    #[error("the JWT secret must be at least 32 characters long")]
    SecretTooShort,
    /// Asked for base64, and it is not.
    #[error("the JWT secret is not base64")]
    NotBase64,
    /// Not a JWK, a JWKS or an array of JWKs.
    #[error("the JWT keys cannot be read: {0}")]
    Unreadable(String),
    /// One key of them.
    #[error("JWT key {kid:?}: {reason}")]
    Key {
        /// Its `kid`, or its place in the array.
        kid: String,
        /// What is wrong.
        reason: String,
    },
    /// There must be exactly one key that signs.
    #[error("{0} of the JWT keys have \"sign\" in their key_ops; it must be exactly one")]
    SigningKeys(usize),
    /// Asked to sign, and no key can.
    #[error("no JWT key can sign: only public keys are known")]
    CannotSign,
    /// A rotation without a key to rotate to, or an unknown kid.
    #[error("{0}")]
    Rotation(String),
}
