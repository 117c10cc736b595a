//! Threads of their own for hashes, so that a storm of sign-ins never stalls other requests.

use std::future::Future;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use base::Secret;
use tokio::sync::oneshot;

use super::{PasswordError, Scheme, hash, verify};

/// Jobs that may wait per thread: at 50 ms each, the last one waits some 3 s. Beyond it, callers get [`Busy`].
const QUEUE_PER_THREAD: usize = 64;

/// The queue is full: answer 429 and let the client come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many password checks at once; try again in a few seconds")]
pub struct Busy;

/// Why there is no hash or no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// See [`Busy`].
    #[error(transparent)]
    Busy(#[from] Busy),
    /// See [`PasswordError`].
    #[error(transparent)]
    Password(#[from] PasswordError),
}

enum Work {
    Hash { password: Secret<String>, answer: oneshot::Sender<Result<String, PasswordError>> },
    Verify { password: Secret<String>, hash: String, answer: oneshot::Sender<Result<bool, PasswordError>> },
}

/// A bounded pool of threads with a bounded queue. Dropping it ends the threads after their current job.
pub struct Hasher {
    queue: SyncSender<Work>,
    /// The hash of a random password at the same cost, verified where no user was found.
    nobody: String,
}

impl Hasher {
    /// Half the cores, at least one thread.
    ///
    /// # Errors
    /// For a scheme that cannot be.
    pub fn new(scheme: Scheme) -> Result<Self, PasswordError> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads = (cores / 2).max(1);
        Self::with_threads(scheme, threads, threads * QUEUE_PER_THREAD)
    }

    /// For tests and tuning: how many threads, and how many jobs may wait.
    ///
    /// # Errors
    /// As [`Hasher::new`].
    pub fn with_threads(scheme: Scheme, threads: usize, waiting: usize) -> Result<Self, PasswordError> {
        let nobody = hash(&crate::random::bytes::<16>(), scheme)?;
        let (queue, jobs) = sync_channel(waiting);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..threads.max(1) {
            let jobs = Arc::clone(&jobs);
            thread::Builder::new()
                .name("password-hash".into())
                .spawn(move || {
                    make_way();
                    work(&jobs, scheme);
                })
                .map_err(|e| PasswordError::Parameters(format!("no thread for hashes: {e}")))?;
        }
        Ok(Self { queue, nobody })
    }

    /// Hashes a password with the scheme of the pool.
    pub fn hash(&self, password: Secret<String>) -> impl Future<Output = Result<String, HashError>> + Send + use<> {
        let (answer, wait) = oneshot::channel();
        let sent = self.send(Work::Hash { password, answer });
        finish(sent, wait)
    }

    /// Does the password fit the stored hash?
    pub fn verify(
        &self,
        password: Secret<String>,
        hash: &str,
    ) -> impl Future<Output = Result<bool, HashError>> + Send + use<> {
        let (answer, wait) = oneshot::channel();
        let sent = self.send(Work::Verify { password, hash: hash.to_owned(), answer });
        finish(sent, wait)
    }

    /// Takes as long as [`Hasher::verify`] and answers `false`: for unknown users, so that time does not tell them apart.
    pub fn verify_nobody(
        &self,
        password: Secret<String>,
    ) -> impl Future<Output = Result<bool, HashError>> + Send + use<> {
        let (answer, wait) = oneshot::channel();
        let sent = self.send(Work::Verify { password, hash: self.nobody.clone(), answer });
        let done = finish(sent, wait);
        // The password of `nobody` is random and thrown away: whatever comes out, nobody signs in.
        async move { done.await.map(|_| false) }
    }

    fn send(&self, work: Work) -> Result<(), Busy> {
        match self.queue.try_send(work) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(Busy),
        }
    }
}

async fn finish<T>(sent: Result<(), Busy>, wait: oneshot::Receiver<Result<T, PasswordError>>) -> Result<T, HashError> {
    sent?;
    // A thread that died (out of memory in argon2) is overload too.
    Ok(wait.await.map_err(|_| Busy)??)
}

/// A hash takes the core for some 50 ms: requests that want it for a moment go before, by the scheduler of Linux, where a thread has a
/// priority of its own.
fn make_way() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(10);
}

fn work(jobs: &Mutex<Receiver<Work>>, scheme: Scheme) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(Work::Hash { password, answer }) if !answer.is_closed() => {
                let _ = answer.send(hash(password.expose().as_bytes(), scheme));
            }
            Ok(Work::Verify { password, hash, answer }) if !answer.is_closed() => {
                let _ = answer.send(verify(password.expose().as_bytes(), &hash));
            }
            // The client has gone: nobody waits for this one.
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hashes_and_verifies_and_nobody_never_fits() {
        let hasher = Hasher::with_threads(Scheme::Bcrypt { cost: 4 }, 1, 8).unwrap();
        let hash = hasher.hash("correct horse".into()).await.unwrap();
        assert_eq!(hasher.verify("correct horse".into(), &hash).await, Ok(true));
        assert_eq!(hasher.verify("battery".into(), &hash).await, Ok(false));
        assert_eq!(hasher.verify_nobody("correct horse".into()).await, Ok(false));
        assert_eq!(hasher.verify("x".into(), "").await, Err(PasswordError::UnknownForm.into()));
    }

    #[tokio::test]
    async fn beyond_the_queue_callers_are_told_at_once_and_the_others_still_answered() {
        let hasher = Hasher::with_threads(Scheme::Bcrypt { cost: 6 }, 1, 2).unwrap();
        let all: Vec<_> = (0..20).map(|_| hasher.verify_nobody("storm".into())).collect();
        let mut busy = 0;
        for one in all {
            match one.await {
                Ok(fits) => assert!(!fits),
                Err(HashError::Busy(Busy)) => busy += 1,
                Err(other) => panic!("{other}"),
            }
        }
        assert!((1..20).contains(&busy), "{busy}");
    }
}
