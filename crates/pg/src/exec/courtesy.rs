//! Long reads make way for short ones.
//!
//! Each long read keeps a core of the server busy for milliseconds. With as many of them as cores every short read waits for the
//! scheduler; so while short reads are under way long ones take turns on half of the cores.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::wide::gate;

/// A turn is waited for no longer than this: what takes its time without using a core (a lock, another server) holds nobody up.
const PATIENCE: Duration = Duration::from_millis(10);

/// The turns of long reads.
pub(super) struct Courtesy(Arc<Semaphore>);

impl Courtesy {
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self(gate(cores / 2))
    }

    /// Waits for a turn; without one after a while it goes ahead all the same.
    pub(super) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let gate = self.0.clone();
        if let Ok(permit) = gate.clone().try_acquire_owned() {
            return Some(permit);
        }
        tokio::time::timeout(PATIENCE, gate.acquire_owned()).await.ok()?.ok()
    }
}
