//! Closes connections that nobody used for a while: each is a PostgreSQL process of some 3 MiB.

use std::time::Duration;

use deadpool_postgres::Pool;

/// A connection may wait so long for its next use. Opening one takes a few milliseconds.
const KEEP: Duration = Duration::from_secs(10);
/// How often pools are looked through.
const LOOK: Duration = Duration::from_secs(5);

/// Looks through `pool` for as long as it is used. Outside of a runtime nothing is closed.
pub(crate) fn close_idle(pool: &Pool) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
    let pool = pool.weak();
    runtime.spawn(async move {
        loop {
            tokio::time::sleep(LOOK).await;
            let Some(pool) = pool.upgrade().filter(|pool| !pool.is_closed()) else { return };
            pool.retain(|_, metrics| metrics.last_used() < KEEP);
        }
    });
}
