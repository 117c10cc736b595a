use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use time::OffsetDateTime;

/// The time, given and never taken: production reads the system's clock, tests turn a frozen one.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    /// Microseconds since the Unix epoch, shared by all clones.
    Frozen(Arc<AtomicI64>),
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `at` until [`Clock::advance`] moves it; clones move together.
    pub fn frozen(at: OffsetDateTime) -> Self {
        Self(Source::Frozen(Arc::new(AtomicI64::new((at.unix_timestamp_nanos() / 1_000) as i64))))
    }

    /// Now, in UTC, with microseconds as PostgreSQL has them.
    pub fn now(&self) -> OffsetDateTime {
        let micros = match &self.0 {
            Source::System => {
                #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
                let now = OffsetDateTime::now_utc();
                (now.unix_timestamp_nanos() / 1_000) as i64
            }
            Source::Frozen(micros) => micros.load(Ordering::Relaxed),
        };
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// Whole seconds since the Unix epoch: the unit of `exp`, `iat` and `nbf` (RFC 7519).
    pub fn unix_seconds(&self) -> i64 {
        self.now().unix_timestamp()
    }

    /// Moves a frozen clock forward; the system's clock stays as it is.
    pub fn advance(&self, by: Duration) {
        if let Source::Frozen(micros) = &self.0 {
            micros.fetch_add(by.as_micros() as i64, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Source::System => f.write_str("Clock::system"),
            Source::Frozen(_) => write!(f, "Clock::frozen({})", self.now()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_moves_only_when_told() {
        let clock = Clock::frozen(OffsetDateTime::UNIX_EPOCH);
        let twin = clock.clone();
        assert_eq!(clock.unix_seconds(), 0);
        twin.advance(Duration::from_secs(90));
        assert_eq!(clock.unix_seconds(), 90);
    }
}
