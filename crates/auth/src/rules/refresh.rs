//! What a version 1 refresh token is worth.

use std::time::Duration;

use time::OffsetDateTime;

/// What the database knows about the token that was presented.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Presented {
    pub revoked: bool,
    /// When it was revoked, where it is.
    pub updated_at: OffsetDateTime,
    /// Is it the parent of the one active token of its session?
    pub parent_of_active: bool,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Revoke it and hand out a child.
    Rotate,
    /// Its child was handed out and, it seems, never arrived: hand it out again.
    ReissueActive,
    /// 400 `refresh_token_already_used`; `revoke_family`: somebody else has it, end all of them.
    Refuse { revoke_family: bool },
}

/// GoTrue's rules, in its order.
pub(crate) fn decide(
    token: Presented,
    now: OffsetDateTime,
    reuse_interval: Duration,
    rotation_enabled: bool,
) -> Decision {
    if !token.revoked {
        return Decision::Rotate;
    }
    if token.parent_of_active {
        return Decision::ReissueActive;
    }
    if now <= token.updated_at + reuse_interval {
        return Decision::Rotate;
    }
    Decision::Refuse { revoke_family: rotation_enabled }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_rules_in_order() {
        let at = datetime!(2026-01-01 00:00 UTC);
        let interval = Duration::from_secs(10);
        let fresh = Presented { revoked: false, updated_at: at, parent_of_active: false };
        let used = Presented { revoked: true, ..fresh };
        let parent = Presented { parent_of_active: true, ..used };
        let later = at + Duration::from_secs(11);
        assert_eq!(decide(fresh, later, interval, true), Decision::Rotate);
        assert_eq!(decide(parent, later, interval, true), Decision::ReissueActive);
        assert_eq!(decide(used, at + interval, interval, true), Decision::Rotate);
        assert_eq!(decide(used, later, interval, true), Decision::Refuse { revoke_family: true });
        assert_eq!(decide(used, later, interval, false), Decision::Refuse { revoke_family: false });
    }
}
