//! How long a session lives, and what it is worth.

use time::OffsetDateTime;

use crate::config::Sessions;
use crate::model::{Aal, AmrClaim, FactorKind, FactorStatus, Method, Session, User};

/// Why a session may not be refreshed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Past,
    Inactive,
    LowAal,
}

impl Ended {
    /// GoTrue's sentence.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Past => "Invalid Refresh Token: Session Expired",
            Self::Inactive => "Invalid Refresh Token: Session Expired (Inactivity)",
            Self::LowAal => "Invalid Refresh Token: Session Expired (Low AAL: User Needs MFA Verification)",
        }
    }
}

/// Checked at refresh: `not_after`, time-box, inactivity, assurance level. `token_updated_at`: of the refresh token presented.
pub(crate) fn ended(
    session: &Session,
    rules: &Sessions,
    now: OffsetDateTime,
    token_updated_at: Option<OffsetDateTime>,
    possible: Aal,
) -> Option<Ended> {
    if session.not_after.is_some_and(|end| now > end) {
        return Some(Ended::Past);
    }
    if rules.timebox.is_some_and(|timebox| now > session.created_at + timebox) {
        return Some(Ended::Past);
    }
    if rules.inactivity_timeout.is_some_and(|limit| now > last_refreshed(session, token_updated_at) + limit) {
        return Some(Ended::Inactive);
    }
    let low = session.aal < possible;
    if low && rules.allow_low_aal.is_some_and(|limit| now > session.created_at + limit) {
        return Some(Ended::LowAal);
    }
    None
}

/// The later of the session's and the token's own time; the session's row is written at each refresh, older ones had only tokens.
pub(crate) fn last_refreshed(session: &Session, token_updated_at: Option<OffsetDateTime>) -> OffsetDateTime {
    let refreshed = session.refreshed_at.unwrap_or(session.created_at);
    token_updated_at
        .map_or(refreshed, |token| if session.refreshed_at.is_some() { refreshed } else { token.max(refreshed) })
}

/// The level that the user could reach with his verified factors.
pub(crate) fn possible_aal(user: &User) -> Aal {
    if user.factors.iter().any(|factor| factor.status == FactorStatus::Verified) { Aal::Aal2 } else { Aal::Aal1 }
}

/// aal2 if and only if one of the claims is a second factor's.
pub(crate) fn aal_of(claims: &[AmrClaim]) -> Aal {
    let second = [FactorKind::Totp, FactorKind::Phone, FactorKind::WebAuthn].map(|kind| kind.method().as_str());
    if claims.iter().any(|claim| second.contains(&claim.method.as_str())) { Aal::Aal2 } else { Aal::Aal1 }
}

/// The claims newest first, as `amr` of a token has them.
pub(crate) fn amr(claims: &[AmrClaim]) -> Vec<AmrClaim> {
    let mut sorted = claims.to_vec();
    sorted.sort_by_key(|claim| std::cmp::Reverse(claim.at));
    sorted
}

/// May a session that began so change the password without the old one? (Links and codes are how a forgotten one is replaced.)
pub(crate) fn came_by_code(claims: &[AmrClaim]) -> bool {
    let codes = [Method::Otp, Method::MagicLink, Method::Recovery].map(Method::as_str);
    claims.iter().any(|claim| codes.contains(&claim.method.as_str()))
}

/// The session's tag, where it is one of the configured ones; else the first of them.
pub(crate) fn tag<'a>(session: &'a Session, tags: &'a [String]) -> &'a str {
    match session.tag.as_deref() {
        Some(tag) if tags.iter().any(|known| known == tag) => tag,
        _ => tags.first().map_or("", String::as_str),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    fn session() -> Session {
        Session {
            id: Uuid::nil(),
            user_id: Uuid::nil(),
            created_at: datetime!(2026-01-01 00:00 UTC),
            aal: Aal::Aal1,
            not_after: None,
            refreshed_at: Some(datetime!(2026-01-01 10:00 UTC)),
            tag: None,
            oauth_client_id: None,
            scopes: None,
            hmac_key: None,
            counter: None,
            amr: Vec::new(),
        }
    }

    #[test]
    fn each_limit_ends_a_session() {
        let now = datetime!(2026-01-01 12:00 UTC);
        let hours = |h: u64| Some(Duration::from_secs(h * 3600));
        let rules = |timebox, inactivity_timeout, allow_low_aal| Sessions {
            timebox,
            inactivity_timeout,
            allow_low_aal,
            ..Sessions::default()
        };
        let check = |rules: Sessions, possible| ended(&session(), &rules, now, None, possible);
        assert_eq!(check(rules(None, None, None), Aal::Aal2), None);
        assert_eq!(check(rules(hours(11), None, None), Aal::Aal1), Some(Ended::Past));
        assert_eq!(check(rules(hours(13), hours(3), None), Aal::Aal1), None);
        assert_eq!(check(rules(None, hours(1), None), Aal::Aal1), Some(Ended::Inactive));
        assert_eq!(check(rules(None, None, hours(1)), Aal::Aal1), None);
        assert_eq!(check(rules(None, None, hours(1)), Aal::Aal2), Some(Ended::LowAal));
    }
}
