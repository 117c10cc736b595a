//! What is told of a request's way: how long each stage took (`Server-Timing`), and the statement that was run (`log-query`).

use std::sync::Arc;
use std::time::Instant;

/// Stages with their durations, in order; nothing is measured where nobody asks.
pub(crate) struct Timing {
    since: Option<Instant>,
    stages: Vec<(&'static str, f64)>,
    /// The main statement, where it is asked for.
    pub(crate) statement: Option<Arc<str>>,
}

impl Timing {
    pub(crate) fn start(wanted: bool) -> Self {
        Self { since: wanted.then(Instant::now), stages: Vec::new(), statement: None }
    }

    /// Ends a stage; the next begins.
    pub(crate) fn done(&mut self, stage: &'static str) {
        if let Some(since) = self.since {
            let now = Instant::now();
            self.stages.push((stage, now.duration_since(since).as_secs_f64() * 1000.0));
            self.since = Some(now);
        }
    }

    /// The header's value, in milliseconds; tenths of them, as PostgREST has it, would show nothing of stages that take microseconds.
    pub(crate) fn header(&self) -> String {
        self.stages.iter().map(|(stage, ms)| format!("{stage};dur={ms:.3}")).collect::<Vec<_>>().join(", ")
    }
}
