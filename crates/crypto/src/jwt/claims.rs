//! The claims that decide whether a token is good now: `exp`, `nbf`, `iat`, `aud`.

use serde_json::{Map, Value};

use super::VerifyError;

/// How times and audience are judged.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClaimRules<'a> {
    /// Seconds that clocks may differ: 30 in PostgREST, 0 in GoTrue.
    pub skew_seconds: i64,
    /// Whom the token must be for. `None` takes all; a token without an audience passes always, as in PostgREST.
    pub audience: Option<&'a str>,
}

/// Judges signed claims at `now` (Unix seconds), in PostgREST's order.
///
/// # Errors
/// The first rule that is broken.
pub fn check_claims(claims: &Map<String, Value>, now: i64, rules: ClaimRules<'_>) -> Result<(), VerifyError> {
    let skew = rules.skew_seconds;
    if numeric_date(claims, "exp")?.is_some_and(|exp| exp < now.saturating_sub(skew)) {
        return Err(VerifyError::Expired);
    }
    if numeric_date(claims, "nbf")?.is_some_and(|nbf| nbf > now.saturating_add(skew)) {
        return Err(VerifyError::NotYetValid);
    }
    if numeric_date(claims, "iat")?.is_some_and(|iat| iat > now.saturating_add(skew)) {
        return Err(VerifyError::IssuedInFuture);
    }
    audience(claims, rules.audience)
}

/// A NumericDate (RFC 7519 §2) in whole seconds. Null reads as absent; a fraction is cut, a number beyond 64 bits is the largest or
/// smallest.
///
/// # Errors
/// The claim is no number.
pub fn numeric_date(claims: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, VerifyError> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Ok(Some(whole)),
            (None, Some(real)) => Ok(Some(real.floor() as i64)),
            (None, None) => Err(VerifyError::NotANumber(name)),
        },
        Some(_) => Err(VerifyError::NotANumber(name)),
    }
}

fn audience(claims: &Map<String, Value>, wanted: Option<&str>) -> Result<(), VerifyError> {
    let fits = |name: &str| wanted.is_none_or(|wanted| wanted == name);
    match claims.get("aud") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(one)) if fits(one) => Ok(()),
        Some(Value::String(_)) => Err(VerifyError::Audience),
        Some(Value::Array(all)) => {
            let names: Vec<&str> =
                all.iter().map(Value::as_str).collect::<Option<_>>().ok_or(VerifyError::AudienceType)?;
            if names.is_empty() || names.into_iter().any(fits) { Ok(()) } else { Err(VerifyError::Audience) }
        }
        Some(_) => Err(VerifyError::AudienceType),
    }
}
