//! The connections of one listener, what they share, and how they end together.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hyper_util::server::graceful::{GracefulShutdown, Watcher};

/// So many clients at once are waited for that have closed their side ([`super::GONE`]). The others are taken for gone soon
/// ([`super::BRIEFLY`]): pages that ask anew with every letter typed would hold all connections to PostgreSQL otherwise.
const WAITED_FOR: usize = 2;

/// The connections of a listener.
#[derive(Default)]
pub struct Connections {
    graceful: GracefulShutdown,
    common: Arc<Common>,
}

/// A connection's place among the others.
pub struct Place {
    pub(super) watcher: Watcher,
    pub(super) common: Arc<Common>,
}

/// What connections share.
#[derive(Debug, Default)]
pub(super) struct Common {
    closing: AtomicBool,
    waited_for: AtomicUsize,
}

/// As long as it lives, a client that has closed its side is waited for longer than others.
pub(super) struct Patience(Arc<Common>);

impl Connections {
    /// None so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// A place for one more.
    pub fn place(&self) -> Place {
        Place { watcher: self.graceful.watcher(), common: Arc::clone(&self.common) }
    }

    /// Lets what was asked be answered and ends every connection; whoever is in the middle of asking is not waited for.
    pub async fn shutdown(self) {
        self.common.closing.store(true, Ordering::Relaxed);
        self.graceful.shutdown().await;
    }
}

impl Common {
    /// Nothing new is answered.
    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// `None`: there are too many already.
    pub(super) fn patience(self: &Arc<Self>) -> Option<Patience> {
        let more = |n| (n < WAITED_FOR).then_some(n + 1);
        self.waited_for.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Patience(Arc::clone(self)))
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        self.0.waited_for.fetch_sub(1, Ordering::Relaxed);
    }
}
