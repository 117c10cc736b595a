//! `Server-Timing`: how long each stage took.

use std::time::Instant;

/// Stages with their durations, in order.
pub(crate) struct Timing {
    since: Instant,
    stages: Vec<(&'static str, f64)>,
}

impl Timing {
    pub(crate) fn start() -> Self {
        Self { since: Instant::now(), stages: Vec::with_capacity(5) }
    }

    /// Ends a stage; the next begins.
    pub(crate) fn done(&mut self, stage: &'static str) {
        let now = Instant::now();
        self.stages.push((stage, now.duration_since(self.since).as_secs_f64() * 1000.0));
        self.since = now;
    }

    /// The header's value, in milliseconds.
    pub(crate) fn header(&self) -> String {
        self.stages.iter().map(|(stage, ms)| format!("{stage};dur={ms:.1}")).collect::<Vec<_>>().join(", ")
    }
}
