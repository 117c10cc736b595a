use std::future::Future;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Background work of a project. Shutdown asks it to end and waits for it.
#[derive(Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Starts work that must end soon after [`Tasks::stopping`] resolves.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(work);
    }

    /// Starts work that is dropped at its next await when the project stops: loops without state.
    pub fn spawn_until_stop(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tracker.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = work => {}
            }
        });
    }

    /// Resolves when the project stops.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Asks all work to end and waits until it has.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[tokio::test]
    async fn stop_waits_for_work_that_cleans_up() {
        let tasks = Tasks::default();
        let cleaned = Arc::new(AtomicBool::new(false));
        let (inner, seen) = (tasks.clone(), cleaned.clone());
        tasks.spawn(async move {
            inner.stopping().await;
            tokio::task::yield_now().await;
            seen.store(true, Ordering::SeqCst);
        });
        tasks.spawn_until_stop(std::future::pending());
        tasks.stop().await;
        assert!(cleaned.load(Ordering::SeqCst));
    }
}
