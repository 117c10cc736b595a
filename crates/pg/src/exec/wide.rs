//! The wide lane: connections that serve one request at a time.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::conn::Conn;

/// Connections that wait for work, the warmest last.
#[derive(Default)]
pub(super) struct Wide {
    idle: Mutex<Vec<Arc<Conn>>>,
}

/// The right to use one connection of the lane. When it ends the connection waits for the next.
pub(super) struct Lease {
    _permit: OwnedSemaphorePermit,
    home: Arc<Wide>,
    conn: Option<Arc<Conn>>,
}

impl Wide {
    /// A connection that waits and is open, the warmest of those whose task runs on the same scheduler if there is one.
    pub(super) fn take(&self, home: runtime::Id) -> Option<Arc<Conn>> {
        let mut idle = self.idle.lock();
        idle.retain(|conn| conn.is_open());
        let near = idle.iter().rposition(|conn| conn.home == home);
        match near {
            Some(at) => Some(idle.remove(at)),
            None => idle.pop(),
        }
    }

    /// The right to use `conn`, whose lane has room by `permit`.
    pub(super) fn lease(self: &Arc<Self>, permit: OwnedSemaphorePermit, conn: Arc<Conn>) -> Lease {
        Lease { _permit: permit, home: self.clone(), conn: Some(conn) }
    }

    /// Takes out those that `expired` names.
    pub(super) fn expire(&self, expired: impl Fn(&Conn) -> bool) -> Vec<Arc<Conn>> {
        let mut idle = self.idle.lock();
        let (gone, kept) = std::mem::take(&mut *idle).into_iter().partition(|c| expired(c));
        *idle = kept;
        gone
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take()
            && conn.is_open()
        {
            self.home.idle.lock().push(conn);
        }
    }
}

/// How many may use the lane at once.
pub(super) fn gate(size: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(size.max(1)))
}
