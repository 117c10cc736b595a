use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::RwLock;
use uuid::Uuid;

/// Sessions that ended before their access tokens did: signed out, banned, deleted.
///
/// Auth adds, every other service of the same process asks. An entry lives as long as the longest token of its session could,
/// so the set stays small; while it is empty a look-up costs one atomic load.
#[derive(Debug, Default)]
pub struct Revocations {
    /// Session id → Unix seconds after which no token of it can be alive.
    until: RwLock<HashMap<Uuid, i64>>,
    len: AtomicUsize,
}

impl Revocations {
    /// Refuses the tokens of `session` from now on. `until`: Unix seconds when the last of them expires.
    pub fn revoke(&self, session: Uuid, until: i64) {
        let mut map = self.until.write();
        map.insert(session, until);
        self.len.store(map.len(), Ordering::Release);
    }

    /// Accepts the tokens of `session` again: its user's ban was lifted.
    pub fn restore(&self, session: Uuid) {
        let mut map = self.until.write();
        map.remove(&session);
        self.len.store(map.len(), Ordering::Release);
    }

    /// Is the token of this session dead?
    pub fn is_revoked(&self, session: Uuid) -> bool {
        self.len.load(Ordering::Acquire) > 0 && self.until.read().contains_key(&session)
    }

    /// Is nothing revoked? Lets callers skip parsing a session id.
    pub fn is_empty(&self) -> bool {
        self.len.load(Ordering::Acquire) == 0
    }

    /// Forgets what has expired by `now` (Unix seconds).
    pub fn prune(&self, now: i64) {
        let mut map = self.until.write();
        map.retain(|_, until| *until > now);
        self.len.store(map.len(), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revoked_until_pruned() {
        let set = Revocations::default();
        let id = Uuid::from_u128(7);
        assert!(set.is_empty());
        set.revoke(id, 100);
        assert!(set.is_revoked(id));
        set.restore(id);
        assert!(!set.is_revoked(id));
        set.revoke(id, 100);
        set.prune(99);
        assert!(set.is_revoked(id));
        set.prune(100);
        assert!(!set.is_revoked(id));
    }
}
