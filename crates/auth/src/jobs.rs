//! Background work: forget what nobody needs any more, and read at start what must not be forgotten.

use std::sync::Arc;
use std::time::Duration;

use service::Tasks;

use crate::Auth;
use crate::error::Error;
use crate::store;

/// How often the clean-up runs: each round opens a connection, which an idle server should not have to keep.
const EVERY: Duration = Duration::from_secs(600);
/// How often bans that are over are forgotten; that needs no database.
const FORGET: Duration = Duration::from_secs(30);
/// The next round, where one found more than it may do at once.
const SOON: Duration = Duration::from_secs(20);

impl Auth {
    /// Reads which sessions ended before their tokens: call it before the first request.
    ///
    /// # Errors
    /// The database's.
    pub async fn load_revocations(&self) -> Result<(), Error> {
        let tx = self.begin().await?;
        let all = store::revoked::all(&tx, self.clock.now()).await?;
        tx.commit().await?;
        for (session, until) in all {
            self.revocations.revoke(session, until.unix_timestamp());
        }
        Ok(())
    }

    /// Starts the background work of the service.
    pub fn start_jobs(self: &Arc<Self>, tasks: &Tasks) {
        let auth = Arc::clone(self);
        tasks.spawn_until_stop(async move {
            loop {
                tokio::time::sleep(FORGET).await;
                if !auth.revocations.is_empty() {
                    auth.revocations.prune(auth.clock.unix_seconds());
                }
            }
        });
        let auth = Arc::clone(self);
        tasks.spawn_until_stop(async move {
            let mut pause = EVERY;
            loop {
                tokio::time::sleep(pause).await;
                pause = match auth.clean_up().await {
                    Ok(true) => SOON,
                    Ok(false) => EVERY,
                    Err(error) => {
                        tracing::warn!(target: "auth", %error, "the clean-up of schema auth failed; it comes again");
                        EVERY
                    }
                };
            }
        });
    }

    /// One round of the clean-up; bounded, so that it never holds locks for long. Is there more to do?
    ///
    /// # Errors
    /// The database's.
    pub async fn clean_up(&self) -> Result<bool, Error> {
        let now = self.clock.now();
        self.revocations.prune(now.unix_timestamp());
        let tx = self.begin().await?;
        store::revoked::prune(&tx, now).await?;
        let more = self.config.cleanup_enabled && store::cleanup::run(&tx, now, &self.config).await?;
        tx.commit().await?;
        Ok(more)
    }
}
