//! The hot path: a request is one flush and one answer.
//!
//! A [`Batch`] leaves as `Bind/Execute` of its settings, `Bind/Execute` of each statement, and one `Sync`: PostgreSQL runs all of it
//! as one implicit transaction, so that nothing of a request outlives it. Statements are prepared once per connection and role.

mod batch;
mod conn;
mod courtesy;
mod decode;
mod encode;
mod executor;
mod kept;
mod link;
mod login;
mod rows;
mod shapes;
mod short;
mod statements;
mod wide;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use batch::{Access, Batch, Column, End, Isolation, Judge, Lane, Step, StepResult, Verdict};
pub use rows::{Fields, Row, RowIter, Rows};

use self::executor::Inner;
use crate::{Error, Target};

/// How many connections, and how patient.
#[derive(Debug, Clone)]
pub struct ExecConfig {
    /// Shared connections for short reads.
    pub short_connections: usize,
    /// Connections for everything else, one request at a time.
    pub wide_connections: usize,
    /// How long a request waits for a connection before [`Error::PoolTimeout`].
    pub acquisition_timeout: Duration,
    /// Idle connections of the wide lane are closed after this time.
    pub max_idle: Duration,
    /// A connection is replaced after this time, when it is free.
    pub max_lifetime: Duration,
    /// How long requests wait for a server that went away before [`Error::Connect`].
    pub reconnect_patience: Duration,
}

impl Default for ExecConfig {
    fn default() -> Self {
        Self {
            short_connections: 2,
            wide_connections: 24,
            acquisition_timeout: Duration::from_secs(10),
            max_idle: Duration::from_secs(30),
            max_lifetime: Duration::from_secs(1800),
            reconnect_patience: Duration::from_secs(2),
        }
    }
}

/// What the executor is doing, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Open connections of both lanes.
    pub connections: usize,
    /// How many more requests could start at once on the wide lane.
    pub available: usize,
    /// Requests that wait for a connection.
    pub waiting: usize,
    /// Most connections there can be.
    pub max: usize,
    /// Requests that gave up waiting, since the start.
    pub timeouts: u64,
}

/// Runs batches; cheap to clone.
#[derive(Clone)]
pub struct Executor(Arc<Inner>);

impl Executor {
    /// Nothing is connected until the first batch. `target` logs in as `authenticator` or its like.
    pub fn new(target: &Target, config: ExecConfig) -> Self {
        Self(Inner::new(target, config))
    }

    /// Runs a batch as one transaction and returns the result of each step.
    ///
    /// A dropped future cancels the statement on the wide lane; on the short lane it runs to its end or to the lane's timeout.
    ///
    /// # Errors
    /// What PostgreSQL said (nothing was kept), no connection, or a connection that broke half-way.
    pub async fn run(&self, batch: Batch) -> Result<Vec<StepResult>, Error> {
        self.0.run(batch).await
    }

    /// Forgets prepared statements and what is known of their cost: after a change of the schema.
    pub fn invalidate(&self) {
        self.0.invalidate();
    }

    /// Closes the connections when they are answered; the next batch opens new ones.
    pub fn disconnect(&self) {
        self.0.close_idle();
    }

    /// Numbers for metrics.
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").field("target", self.0.target()).field("stats", &self.stats()).finish()
    }
}
