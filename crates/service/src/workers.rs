use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};

/// Threads that serve connections, each with a scheduler of its own.
///
/// A connection stays on its thread with all that its requests need, so that nothing is handed between cores: a scheduler that
/// shares tasks costs a fifth more CPU for a row and half as much again for a list.
#[derive(Clone, Default)]
pub struct Workers {
    threads: Arc<[Handle]>,
    next: Arc<AtomicUsize>,
}

impl Workers {
    /// Starts one thread per core; they live as long as the process.
    ///
    /// # Errors
    /// No threads to be had.
    pub fn start() -> io::Result<Self> {
        let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads: io::Result<Vec<Handle>> = (0..count).map(start_one).collect();
        Ok(Self { threads: threads?.into(), next: Arc::default() })
    }

    /// No threads of their own: everything runs on the scheduler that asks.
    pub fn here() -> Self {
        Self::default()
    }

    /// Hands a fresh connection to the next thread and serves it there.
    pub fn serve<F, R>(&self, stream: TcpStream, serve: F)
    where
        F: FnOnce(TcpStream) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        let Some(thread) = next.checked_rem(self.threads.len()).and_then(|n| self.threads.get(n)) else {
            tokio::spawn(serve(stream));
            return;
        };
        // The socket must be watched by the thread that serves it.
        if let Ok(stream) = stream.into_std() {
            thread.spawn(async move {
                if let Ok(stream) = TcpStream::from_std(stream) {
                    serve(stream).await;
                }
            });
        }
    }
}

fn start_one(number: usize) -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let work = move || runtime.block_on(std::future::pending::<()>());
    std::thread::Builder::new().name(format!("worker-{number}")).spawn(work)?;
    Ok(handle)
}
